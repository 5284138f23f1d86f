import { join } from "node:path";
import type { FaultProxy } from "../shared/wire/fault-proxy.ts";
import type { ActorKind, ActorSpec, Job } from "./messages.ts";
import { type Noted, notedIn } from "./noted.ts";
import { Turns } from "./turns.ts";
import { WorkerProcess } from "./worker-process.ts";

/** What every worker does, all at the same time. */
const ACTORS: readonly ActorKind[] = ["plain", "crowd", "crowd", "fair", "permit", "readerWriter", "election"];

export type JobOfAll = Pick<Job, "seed" | "leaseSeconds" | "containerName" | "registerPort" | "wakeUps">;

/** One worker through all its incarnations, with a way to the storage of its own. */
export class Member {
  readonly name: string;
  readonly proxy: FaultProxy;
  readonly actors: readonly ActorSpec[];
  readonly crashes: string[] = [];
  /** The actors that hold something just now. */
  readonly holding = new Set<string>();
  /** How many troubles it is in, or about to be. */
  troubles = 0;
  /** At being killed or stopped. */
  readonly turns = new Turns();
  readonly #job: JobOfAll;
  readonly #folder: string;
  readonly #incarnations: WorkerProcess[] = [];
  readonly #wereIn = new Set<string>();

  constructor(name: string, proxy: FaultProxy, folder: string, job: JobOfAll) {
    this.name = name;
    this.proxy = proxy;
    this.#folder = folder;
    this.#job = job;
    this.actors = ACTORS.map((kind, i) => ({
      name: `${name} ${kind}${ACTORS.indexOf(kind) < i ? " too" : ""}`,
      kind,
      key: kind,
    }));
  }

  get process(): WorkerProcess {
    const [latest] = this.#incarnations.slice(-1);
    if (!latest) throw new Error(`${this.name} was never started`);
    return latest;
  }

  get ended(): Promise<unknown> {
    return Promise.all(this.#incarnations.map(({ ended }) => ended));
  }

  /** Whether every actor got in since {@link forgetWhoWasIn}. */
  get allWereIn(): boolean {
    return this.#wereIn.size === this.actors.length;
  }

  forgetWhoWasIn(): void {
    this.#wereIn.clear();
  }

  /** Resolves when the process has loaded its program; `go` sets it to work. */
  start(): Promise<void> {
    const incarnation = this.#incarnations.length + 1;
    const journal = join(this.#folder, `${this.name}.${incarnation}.jsonl`);
    const { name: worker, actors } = this;
    const { connectionString } = this.proxy;
    this.holding.clear();
    const started = new WorkerProcess(
      { ...this.#job, worker, actors, incarnation, connectionString, journal },
      (actor, isIn) => {
        if (isIn) this.#wereIn.add(actor);
        if (isIn) this.holding.add(actor);
        else this.holding.delete(actor);
      },
    );
    this.#incarnations.push(started);
    void started.ended.then((wrong) => wrong !== undefined && this.crashes.push(wrong));
    return Promise.race([started.ready, started.ended.then(() => {})]);
  }

  /** No incarnation outlives this, one that is stopped included. */
  async close(): Promise<void> {
    for (const incarnation of this.#incarnations) if (!incarnation.hasEnded) incarnation.kill();
    await this.ended;
    await this.proxy.close();
  }

  read(): Noted {
    return notedIn(
      this.name,
      this.#incarnations.map(({ job }) => job.journal),
    );
  }
}

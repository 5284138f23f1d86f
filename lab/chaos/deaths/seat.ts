import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { runningChildrenOf } from "../../shared/processes.ts";
import type { ActorSpec, Job, Order, Protection } from "../messages.ts";
import { type Noted, notedIn } from "../noted.ts";

/** One incarnation of a process that competes for the lock of its lane. */
export interface SeatProcess {
  /** Of what is killed, as this process sees it. */
  readonly pid: number;
  readonly hasEnded: boolean;
  /** Resolves with what was wrong about its end, if anything was. */
  readonly ended: Promise<string | undefined>;
  kill(signal?: "SIGKILL" | "SIGSEGV" | "SIGABRT"): void;
  stop(): void;
  goOn(): void;
  send(order: Order): void;
}

export type OnMove = (isIn: boolean) => void;
/** Starts one. Resolves when it is at work. */
export type Launch = (job: Job, onMove: OnMove) => Promise<SeatProcess>;

export type JobOfSeats = Pick<Job, "seed" | "leaseSeconds" | "containerName" | "registerPort" | "connectionString">;

/** What is different for each seat. */
export interface SeatSpec {
  readonly actor: ActorSpec;
  readonly launch: Launch;
  readonly protection: Protection;
  /** Whether its processes end by themselves when their work is done, and are started again. */
  readonly isRepeated?: boolean;
}

/** A process that competes for a lock, through all its incarnations. */
export class Seat {
  readonly name: string;
  readonly actor: ActorSpec;
  readonly crashes: string[] = [];
  /** Whether it believes to hold the lock. */
  isIn = false;
  /** Whether it is not to be started again when it ends. */
  isDying = false;
  /** Called when it gets in. */
  onIn: () => void = () => undefined;
  readonly #spec: SeatSpec;
  readonly #job: JobOfSeats;
  readonly #folder: string;
  readonly #journals: string[] = [];
  #process: SeatProcess | undefined;

  constructor(spec: SeatSpec, job: JobOfSeats, folder: string) {
    this.name = spec.actor.name;
    this.actor = spec.actor;
    this.#spec = spec;
    this.#job = job;
    this.#folder = folder;
  }

  get process(): SeatProcess {
    if (!this.#process) throw new Error(`${this.name} was never started`);
    return this.#process;
  }

  /** Its guardian, and whatever else it has started. */
  get children(): readonly number[] {
    return runningChildrenOf(this.process.pid);
  }

  get incarnation(): number {
    return this.#journals.length;
  }

  /** Resolves when the process is at work. The one before has died. */
  async start(): Promise<void> {
    const incarnation = this.incarnation + 1;
    const journal = join(this.#folder, `${this.name}.${incarnation}.jsonl`);
    // Its process may die before it notes anything.
    closeSync(openSync(journal, "a"));
    this.#journals.push(journal);
    this.isIn = false;
    this.isDying = false;
    const { actor, protection, launch, isRepeated = false } = this.#spec;
    const job: Job = { ...this.#job, worker: this.name, incarnation, actors: [actor], journal, protection };
    const started = await launch(job, (isIn) => {
      // What a dead one said last may come after the start of the next.
      if (incarnation !== this.incarnation) return;
      this.isIn = isIn;
      if (isIn) this.onIn();
    });
    this.#process = started;
    void started.ended.then((wrong) => {
      if (incarnation === this.incarnation) this.isIn = false;
      if (wrong !== undefined) this.crashes.push(wrong);
      else if (isRepeated && !this.isDying) void this.start();
    });
  }

  /** Nothing is left of it. */
  async close(): Promise<void> {
    if (!this.#process) return;
    this.isDying = true;
    this.#process.kill();
    await this.#process.ended;
  }

  read(): Noted {
    return notedIn(this.name, this.#journals);
  }
}

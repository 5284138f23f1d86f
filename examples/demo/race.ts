import { setTimeout as sleep } from "node:timers/promises";
import { Counter } from "../../lab/shared/race/counter.ts";
import { holdsOf, type Kill } from "../../lab/shared/race/holds.ts";
import { Journal, now } from "../../lab/shared/race/journal.ts";
import type { Job, LockAddress, Report } from "./messages.ts";
import { PLAN } from "./plan.ts";
import type { Crash, RaceRecord } from "./race-record.ts";
import { sumOfRequests } from "./requests.ts";
import { WorkerProcess, type WorkerState } from "./worker-process.ts";

/** What the display can ask while a race is on. */
export interface RaceView {
  readonly locked: boolean;
  /** Since the start; 0 before it. */
  readonly elapsedMs: number;
  readonly startedAt: number | undefined;
  readonly kill: Kill | undefined;
  /** What the file says at this moment. */
  readonly counted: number;
  /** Who held the lock first after the kill. */
  readonly takeover: { worker: string; at: number } | undefined;
  readonly crew: readonly WorkerState[];
}

/** What is worth a line while a race is on. */
export type RaceEvent =
  | { kind: "started" }
  | { kind: "killed"; worker: string; inside: boolean }
  | { kind: "replaced"; worker: string; replaces: string; increments: number }
  | { kind: "halted" }
  | { kind: "tookOver"; worker: string; afterMs: number };

/** A race of worker processes for one lock, or for none. */
export class Race implements RaceView {
  startedAt: number | undefined;
  kill: Kill | undefined;
  takeover: RaceView["takeover"];
  readonly crew: WorkerProcess[] = [];

  readonly #folder: string;
  readonly #lock: LockAddress | undefined;
  readonly #counter: Counter;
  readonly #journal: Journal;
  readonly #tell: (event: RaceEvent) => void;
  readonly #failed = new AbortController();
  readonly #ended: AbortSignal;
  #crash: Crash | undefined;

  /** The signal ends the race before its time. Without a lock, every worker does as it likes and none is killed. */
  constructor(folder: string, signal: AbortSignal, tell: (event: RaceEvent) => void, lock?: LockAddress) {
    this.#tell = tell;
    this.#ended = AbortSignal.any([signal, this.#failed.signal]);
    this.#folder = folder;
    this.#lock = lock;
    this.#counter = new Counter(folder);
    this.#journal = new Journal(folder);
    this.#counter.create();
    this.#journal.create();
  }

  get locked(): boolean {
    return this.#lock !== undefined;
  }

  get counted(): number {
    return this.#counter.peek();
  }

  get elapsedMs(): number {
    return this.startedAt === undefined ? 0 : now() - this.startedAt;
  }

  /** Runs to the end, or until something goes wrong. No worker outlives it. */
  async run(): Promise<RaceRecord> {
    let trouble: string | undefined;
    const cutShort = new Promise<never>((_, reject) => {
      this.#ended.addEventListener("abort", () => reject(this.#ended.reason), { once: true });
    });
    try {
      await Promise.race([this.#runAll(), cutShort]);
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
    } finally {
      for (const worker of this.crew) worker.stop();
      await Promise.all(this.crew.map((worker) => worker.ended));
    }
    return this.#record(trouble);
  }

  async #runAll(): Promise<void> {
    const victim = this.#lock && Math.floor(Math.random() * PLAN.workers);
    const team = Array.from({ length: PLAN.workers }, (_, i) =>
      this.#start({
        name: `worker ${i + 1}`,
        increments: PLAN.share,
        ...(i === victim && { fatalIncrement: PLAN.fatalIncrement }),
      }),
    );
    await Promise.all(team.map((worker) => worker.ready));
    this.startedAt = now();
    this.#tell({ kind: "started" });
    for (const worker of team) worker.go();

    const doomed = victim === undefined ? undefined : team[victim];
    await Promise.all([...team.map((worker) => worker.ended), doomed && this.#killAndReplace(doomed)]);
  }

  async #killAndReplace(victim: WorkerProcess): Promise<void> {
    await victim.inFatalIncrement;
    await sleep(PLAN.killAfterMs);
    this.kill = { worker: victim.name, at: now() };
    victim.kill();
    await victim.ended;

    const { done, inside, written } = await this.#settle(victim.name);
    this.#tell({ kind: "killed", worker: victim.name, inside });

    const name = `worker ${this.crew.length + 1}`;
    const increments = victim.increments - done;
    this.#crash = { ...this.kill, inside, written, replacement: name };
    const replacement = this.#start({ name, increments }, victim.name);
    this.#tell({ kind: "replaced", worker: name, replaces: victim.name, increments });
    if (inside) this.#tell({ kind: "halted" });
    await replacement.ready;
    replacement.go();
    await replacement.ended;
  }

  /**
   * What the killed worker had done. Its messages may lag behind its deeds; the journal and the number do not, and if
   * it died inside, its lease keeps everybody else from them for a while.
   */
  async #settle(worker: string): Promise<{ done: number; inside: boolean; written: boolean }> {
    const entries = this.#journal.entries();
    const entered = entries.filter((entry) => entry.kind === "enter" && entry.worker === worker).length;
    const left = entries.filter((entry) => entry.kind === "leave");
    const done = left.filter((entry) => entry.worker === worker).length;
    const unfinished = entered > done;
    const written = unfinished && (await this.#counter.read()) > left.length;
    return { done: written ? done + 1 : done, inside: unfinished && !written, written };
  }

  #hear(worker: WorkerProcess, report: Report): void {
    if (report.kind !== "holding" || !this.#crash?.inside || !this.kill || this.takeover) return;
    this.takeover = { worker: worker.name, at: now() };
    this.#tell({ kind: "tookOver", worker: worker.name, afterMs: this.takeover.at - this.kill.at });
  }

  #start(job: Omit<Job, "folder" | "lock">, replaces?: string): WorkerProcess {
    this.#ended.throwIfAborted();
    const whole = { ...job, folder: this.#folder, ...(this.#lock && { lock: this.#lock }) };
    const worker = new WorkerProcess(whole, (sender, report) => this.#hear(sender, report), replaces);
    this.crew.push(worker);
    void worker.ended.then((failure) => failure && this.#failed.abort(new Error(failure)));
    return worker;
  }

  async #record(trouble: string | undefined): Promise<RaceRecord> {
    const endedAt = now();
    return {
      locked: this.locked,
      workers: this.crew.map(({ name, replaces }) => ({ name, replaces })),
      startedAt: this.startedAt ?? endedAt,
      endedAt,
      holds: holdsOf(this.#journal.entries(), this.kill),
      counted: await this.#counter.read(),
      crash: this.#crash,
      requests: sumOfRequests(this.crew.map((worker) => worker.requests)),
      trouble,
    };
  }
}

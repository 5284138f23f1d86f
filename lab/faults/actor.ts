import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { complaintOf } from "../shared/child-process.ts";
import { now } from "../shared/now.ts";
import type { Order, Plan, Report } from "./messages.ts";
import type { SleepClock } from "./sleep-clock.ts";

export interface End {
  readonly at: number;
  readonly code: number | null;
  readonly signal: string | null;
}

type Kind = Report["kind"];
type Of<K extends Kind> = Extract<Report, { kind: K }>;

/** A process with a lock's library in it, and what it said. */
export abstract class Actor implements AsyncDisposable {
  end: End | undefined;
  /** When its work was last seen to go on, where it cannot say so itself. */
  workedAt = Number.NaN;
  /** Before it goes on to give the lock back. */
  onWorkEnded: () => void = () => this.tell({ order: "go on" });
  /** What it printed where errors go. */
  protected readonly printed: () => string;
  protected readonly child: ChildProcess;
  readonly #reports: Report[] = [];
  readonly #looks = new Set<() => void>();

  protected constructor(child: ChildProcess) {
    this.child = child;
    this.printed = complaintOf(child);
    let endedAt = Number.NaN;
    child.on("exit", () => {
      endedAt = now();
    });
    // What it said last may arrive after its end.
    child.on("close", (code, signal) => {
      this.end = { at: endedAt, code, signal };
      this.#look();
    });
  }

  abstract tell(order: Order): void;

  /** The first report of a kind. */
  said<K extends Kind>(kind: K): Of<K> | undefined {
    return this.#reports.find((report): report is Of<K> => report.kind === kind);
  }

  kill(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.child.kill(signal);
  }

  /** Its machine sleeps: the process stands still, and its timers and its monotonic clock do not count the time. */
  async sleep(_ms: number): Promise<void> {
    throw new Error("its machine cannot be made to sleep");
  }

  /** Whether it came to be so within the time, or before the process ended. */
  async until(isSo: () => boolean, withinMs: number): Promise<boolean> {
    const began = now();
    while (!isSo()) {
      const leftMs = began + withinMs - now();
      if (leftMs <= 0 || this.end) return isSo();
      await new Promise<void>((resolve) => {
        const look = (): void => {
          clearTimeout(timer);
          this.#looks.delete(look);
          resolve();
        };
        const timer = setTimeout(look, leftMs);
        this.#looks.add(look);
      });
    }
    return true;
  }

  /** Whether it says so within the time, or has said so. */
  says(kind: Kind, withinMs: number): Promise<boolean> {
    return this.until(() => this.said(kind) !== undefined, withinMs);
  }

  ends(withinMs: number): Promise<boolean> {
    return this.until(() => this.end !== undefined, withinMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.end) return;
    this.child.kill("SIGKILL");
    await this.ends(5_000);
  }

  protected hear(report: Report): void {
    this.#reports.push(report);
    if (report.kind === "work ended") this.onWorkEnded();
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }
}

const START_MS = 30_000;

/** One that runs `holder-main`. */
export class NodeActor extends Actor {
  readonly #clock: SleepClock | undefined;

  private constructor(plan: Plan, env: Readonly<Record<string, string>>, clock: SleepClock | undefined) {
    super(
      fork(fileURLToPath(new URL("holder-main.js", import.meta.url)), {
        // It has a connection string in it, and anybody may read command lines.
        env: { ...process.env, ...env, ...clock?.env, HOLDER_PLAN: JSON.stringify(plan) },
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      }),
    );
    this.#clock = clock;
    this.child.on("message", (report: Report) => this.hear({ ...report, at: report.at + (clock?.sleptMs ?? 0) }));
  }

  /**
   * Resolves when it is connected and waits for its start. With `env` in its environment, and a clock of its own, if
   * so.
   */
  static async prepare(plan: Plan, env: Readonly<Record<string, string>> = {}, clock?: SleepClock): Promise<NodeActor> {
    const actor = new NodeActor(plan, env, clock);
    if (!(await actor.says("ready", START_MS))) throw new Error(`a process did not start: ${actor.printed()}`);
    return actor;
  }

  override async sleep(ms: number): Promise<void> {
    if (!this.#clock) return await super.sleep(ms);
    this.kill("SIGSTOP");
    await sleep(ms);
    this.#clock.sleep(ms);
    this.kill("SIGCONT");
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.#clock?.[Symbol.dispose]();
  }

  tell(order: Order): void {
    // Nothing listens any more once it is gone.
    if (this.child.connected) this.child.send(order, () => undefined);
  }
}

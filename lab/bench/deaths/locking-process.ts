import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { MutexOptions } from "azmutex";
import { endOf, kill } from "../../shared/child-process.ts";
import { now } from "../../shared/now.ts";

/** How a process ends by itself. */
export type Ending = "throws" | "exits" | "ends";

/** What the process releases by itself, or has others release. */
export interface Setup {
  readonly options?: Partial<
    Pick<MutexOptions & { guardian: boolean; stateDirectory: string }, "guardian" | "stateDirectory">
  >;
  readonly releases?: "onSignals" | "onExit";
}

export type Order =
  | { readonly kind: "lock"; readonly keys: readonly string[] }
  /** Releases all of them. */
  | { readonly kind: "unlock" }
  | { readonly kind: "end"; readonly how: Ending };

/** Times by `now()`. */
export type Report =
  | { readonly kind: "ready" | "unlocked" }
  | { readonly kind: "holds"; readonly key: string; readonly at: number }
  | { readonly kind: "ends"; readonly at: number };

const PROGRAM = fileURLToPath(new URL("locking-main.js", import.meta.url));

/** A process that locks, and dies as it is told. */
export class LockingProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(report: Report) => void>();
  /** Rejects when it ends. */
  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = endOf(child, "a process that locks").then((how) => Promise.reject(new Error(how)));
    // It is meant to end.
    this.#ended.catch(() => undefined);
    // It may be dead by the time that it is told something.
    child.stdin?.on("error", () => undefined);
    if (!child.stdout) throw new Error("its standard output is a pipe");
    createInterface({ input: child.stdout }).on("line", (line) => {
      for (const listener of this.#listeners) listener(JSON.parse(line) as Report);
    });
  }

  static async start(address: string, setup: Setup = {}): Promise<LockingProcess> {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(setup)], {
      // A connection string has a key in it, and other users may read command lines.
      env: { ...process.env, LOCKS_AT: address },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const started = new LockingProcess(child);
    await started.#reported("ready");
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** Resolves once it holds all of them, with when it got each. */
  async lock(keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const since = new Map<string, number>();
    const all = this.#reported("holds", ({ key, at }) => since.set(key, at).size === keys.length);
    this.#tell({ kind: "lock", keys });
    await all;
    return since;
  }

  async unlock(): Promise<void> {
    const done = this.#reported("unlocked");
    this.#tell({ kind: "unlock" });
    await done;
  }

  /** Resolves with when it began to end. */
  async end(how: Ending): Promise<number> {
    const ends = this.#reported("ends");
    this.#tell({ kind: "end", how });
    const { at } = await ends;
    return at;
  }

  /** Returns when the signal was sent. */
  signal(name: NodeJS.Signals): number {
    const at = now();
    this.#child.kill(name);
    return at;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.#child);
  }

  #tell(order: Order): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** Resolves with the first report of a kind that is the one. Default: any is. */
  #reported<K extends Report["kind"]>(
    kind: K,
    isIt: (report: Extract<Report, { kind: K }>) => boolean = () => true,
  ): Promise<Extract<Report, { kind: K }>> {
    const reported = new Promise<Extract<Report, { kind: K }>>((resolve) => {
      const listen = (report: Report): void => {
        if (report.kind !== kind || !isIt(report as Extract<Report, { kind: K }>)) return;
        this.#listeners.delete(listen);
        resolve(report as Extract<Report, { kind: K }>);
      };
      this.#listeners.add(listen);
    });
    return Promise.race([reported, this.#ended]);
  }
}

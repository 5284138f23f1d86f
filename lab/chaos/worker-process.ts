import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { complaintOf, hasEnded } from "../shared/child-process.ts";
import { runningChildrenOf } from "../shared/processes.ts";
import type { Job, Order, Report } from "./messages.ts";

const PROGRAM = fileURLToPath(new URL("./worker.js", import.meta.url));

/** One incarnation of a worker, as the conductor sees it. */
export class WorkerProcess {
  readonly job: Job;
  readonly ready: Promise<void>;
  /** Fulfilled when the process is gone, with what was wrong about that, if anything was. */
  readonly ended: Promise<string | undefined>;
  readonly #child: ChildProcess;
  readonly #isWrapped: boolean;
  #isDoomed = false;
  #endsItself = false;
  #isFinishing = false;

  /** @param wrapper - A command that starts the worker as its only child. Default: none. */
  constructor(job: Job, onMove: (actor: string, isIn: boolean) => void, wrapper: readonly string[] = []) {
    this.job = job;
    const [command = process.execPath, ...args] = [...wrapper, process.execPath, PROGRAM];
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child = child;
    this.#isWrapped = wrapper.length > 0;
    const complaint = complaintOf(child);
    this.ended = once(child, "close").then(([code, signal]) => {
      // What a wrapper makes of a signal is its own affair.
      const isDead = this.#endsItself || this.#isWrapped || signal !== null;
      const isAsMeant = (this.#isDoomed && isDead) || (code === 0 && this.#isFinishing);
      return isAsMeant ? undefined : `${job.worker} ended with ${signal ?? code}: ${complaint()}`;
    });
    this.ready = new Promise((resolve) => {
      child.on("message", (report: Report) =>
        report.kind === "ready" ? resolve() : onMove(report.actor, report.kind === "in"),
      );
    });
    this.send({ kind: "job", job });
  }

  /** Of the worker itself, as this process sees it. To be asked when it is ready. */
  get pid(): number {
    const { pid = 0 } = this.#child;
    return this.#isWrapped ? (runningChildrenOf(pid)[0] ?? 0) : pid;
  }

  get hasEnded(): boolean {
    return hasEnded(this.#child);
  }

  send(order: Order): void {
    if (order.kind === "finish") this.#isFinishing = true;
    if (order.kind === "end") this.#endsItself = true;
    if (order.kind === "end" || (order.kind === "fate" && order.fate === "kill")) this.#isDoomed = true;
    // One that has died is told by its end, not by the pipe that it left.
    this.#child.send(order, () => {});
  }

  /** SIGKILL, as a rule: no handler runs, nothing is released, nothing is said. */
  kill(signal: "SIGKILL" | "SIGSEGV" | "SIGABRT" = "SIGKILL"): void {
    this.#isDoomed = true;
    this.#signal(signal);
  }

  stop(): void {
    this.#signal("SIGSTOP");
  }

  goOn(): void {
    this.#signal("SIGCONT");
  }

  #signal(name: NodeJS.Signals): void {
    const { pid } = this;
    if (!this.#isWrapped || pid === 0) this.#child.kill(name);
    else process.kill(pid, name);
  }
}

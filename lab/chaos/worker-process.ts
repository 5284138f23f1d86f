import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { complaintOf, hasEnded } from "../shared/child-process.ts";
import type { Job, Order, Report } from "./messages.ts";

const PROGRAM = fileURLToPath(new URL("./worker.js", import.meta.url));

/** One incarnation of a worker, as the conductor sees it. */
export class WorkerProcess {
  readonly job: Job;
  readonly ready: Promise<void>;
  /** Fulfilled when the process is gone, with what was wrong about that, if anything was. */
  readonly ended: Promise<string | undefined>;
  readonly #child: ChildProcess;
  #isDoomed = false;
  #isFinishing = false;

  constructor(job: Job, onMove: (actor: string, isIn: boolean) => void) {
    this.job = job;
    const child = fork(PROGRAM, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child = child;
    const complaint = complaintOf(child);
    this.ended = once(child, "close").then(([code, signal]) => {
      const isAsMeant = (signal === "SIGKILL" && this.#isDoomed) || (code === 0 && this.#isFinishing);
      return isAsMeant ? undefined : `${job.worker} ended with ${signal ?? code}: ${complaint()}`;
    });
    this.ready = new Promise((resolve) => {
      child.on("message", (report: Report) =>
        report.kind === "ready" ? resolve() : onMove(report.actor, report.kind === "in"),
      );
    });
    this.send({ kind: "job", job });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return hasEnded(this.#child);
  }

  send(order: Order): void {
    if (order.kind === "finish") this.#isFinishing = true;
    if (order.kind === "fate" && order.fate === "kill") this.#isDoomed = true;
    // One that has died is told by its end, not by the pipe that it left.
    this.#child.send(order, () => {});
  }

  /** SIGKILL: no handler runs, nothing is released, nothing is said. */
  kill(): void {
    this.#isDoomed = true;
    this.#child.kill("SIGKILL");
  }

  stop(): void {
    this.#child.kill("SIGSTOP");
  }

  goOn(): void {
    this.#child.kill("SIGCONT");
  }
}

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { now } from "../../lab/shared/race/journal.ts";
import type { Job, Order, Report } from "./messages.ts";
import type { Requests } from "./requests.ts";

const PROGRAM = fileURLToPath(new URL("./worker.js", import.meta.url));

/** What a worker is doing, as far as the parent has heard. */
export type Doing =
  | "starting"
  | "ready"
  | "resting"
  | "waiting"
  | "holding"
  | "finished"
  | "killed"
  | "stopped"
  | "failed";

/** What the display shows of a worker. */
export interface WorkerState {
  readonly name: string;
  /** Whose increments it finishes, if it was sent in for a killed one. */
  readonly replaces: string | undefined;
  readonly increments: number;
  readonly done: number;
  readonly doing: Doing;
  /** Since when it has been doing that. */
  readonly since: number;
  readonly token: number | undefined;
  readonly requests: Requests;
}

/** A worker as the parent sees it: what it says, whether it lives, and the means to kill it. */
export class WorkerProcess implements WorkerState {
  readonly name: string;
  readonly replaces: string | undefined;
  readonly increments: number;
  done = 0;
  doing: Doing = "starting";
  since: number = now();
  token: number | undefined;
  requests: Requests = { sent: 0, refused: 0 };

  /** Fulfilled when the worker stands at the line. */
  readonly ready: Promise<void>;
  /** Fulfilled when it is in the middle of its fatal increment. */
  readonly inFatalIncrement: Promise<void>;
  /** Fulfilled when the process is gone, with what went wrong, if something did. */
  readonly ended: Promise<string | undefined>;

  readonly #child: ChildProcess;
  #endedBy: "killed" | "stopped" | undefined;

  constructor(job: Job, onReport: (worker: WorkerProcess, report: Report) => void, replaces?: string) {
    this.name = job.name;
    this.replaces = replaces;
    this.increments = job.increments;
    // What it writes to stderr would tear the display apart: it is kept, and told if the worker fails.
    this.#child = fork(PROGRAM, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child.on("message", (report: Report) => {
      this.#note(report);
      onReport(this, report);
    });
    this.ready = this.#heard((report) => report.kind === "ready");
    this.inFatalIncrement = this.#heard((report) => report.kind === "holding" && report.fatal);
    this.ended = this.#watchEnd();
    this.#send({ kind: "job", job });
  }

  go(): void {
    this.#send({ kind: "go" });
  }

  /** SIGKILL: no handler runs, nothing is released, nothing is said. */
  kill(): void {
    this.#end("killed");
  }

  /** The same to the process, but no part of the show: the race is over. */
  stop(): void {
    this.#end("stopped");
  }

  #end(by: "killed" | "stopped"): void {
    this.#endedBy ??= by;
    this.#child.kill("SIGKILL");
  }

  #send(order: Order): void {
    // A worker that died at once is reported by its end, not by the pipe it left.
    this.#child.send(order, () => {});
  }

  #heard(awaited: (report: Report) => boolean): Promise<void> {
    return new Promise((resolve) => this.#child.on("message", (report: Report) => awaited(report) && resolve()));
  }

  #note(report: Report): void {
    this.requests = report.requests;
    if (report.kind === "alive") return;
    // An increment is over when its worker goes on to rest, or has done its share.
    if (this.doing === "holding" && report.kind !== "failed") this.done++;
    this.token = report.kind === "holding" ? report.token : undefined;
    this.#turn(report.kind);
  }

  #turn(doing: Doing): void {
    this.doing = doing;
    this.since = now();
  }

  #watchEnd(): Promise<string | undefined> {
    let complaint = "";
    this.#child.on("message", (report: Report) => {
      if (report.kind === "failed") complaint = report.message;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint ||= /^\w*Error.*$/m.exec(text)?.[0] ?? "";
    });
    return new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(`${this.name} could not be started: ${error.message}`));
      // Not "exit": what it said last may still be in the pipe then.
      this.#child.once("close", (code, signal) => {
        const asPlanned = this.#endedBy || (code === 0 && this.doing === "finished");
        if (this.doing !== "finished") this.#turn(this.#endedBy ?? "failed");
        const how = signal ? `was ended by ${signal}` : `ended by itself with status ${code}`;
        resolve(asPlanned ? undefined : `${this.name} ${how}${complaint && `: ${complaint}`}`);
      });
    });
  }
}

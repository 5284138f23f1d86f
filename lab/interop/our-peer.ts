import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { endOf } from "../shared/child-process.ts";
import type { OurJob, OurReport } from "./our-job.ts";

const PROGRAM = fileURLToPath(new URL("./our-process.js", import.meta.url));

/** A process that locks with azmutex. */
export class OurPeer {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  constructor(container: string, job: OurJob) {
    this.#child = fork(PROGRAM, [container], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#ended = endOf(this.#child, "our process");
    this.#send(job);
  }

  go(): void {
    this.#send("go");
  }

  /** Resolves when it says so, from now on. */
  async says(kind: OurReport["kind"]): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      this.#child.on("message", (report: OurReport) => report.kind === kind && resolve());
    });
    await Promise.race([heard, this.#failure()]);
  }

  /** SIGKILL: nothing is released. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #send(message: OurJob | "go"): void {
    // One that died at once is reported by its end, not by the pipe it left.
    this.#child.send(message, () => undefined);
  }

  async #failure(): Promise<never> {
    throw new Error(await this.#ended);
  }
}

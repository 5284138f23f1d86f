import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { ReleaseCommand } from "../../index.ts";
import { machineMs, pause } from "../time.ts";

/** How long to wait before the service is asked again, in milliseconds. */
const AGAIN_AFTER_MS = 500;

export type { ReleaseCommand };

/**
 * Releases what a dead azmutex held, by the program that it left. The program is started at once and waits for its
 * input, so that no time is lost when the job is gone.
 */
export class Releaser {
  readonly #command: ReleaseCommand;
  #child: ChildProcess;

  constructor(command: ReleaseCommand) {
    this.#command = command;
    this.#child = start(command);
  }

  /**
   * Sends the requests, again where the service does not answer, until the lock has run out by itself. To be called
   * when nothing of the job is left.
   *
   * @param goodUntil - Until when the lock was certain, by the machine's clock.
   */
  async release(goodUntil: number): Promise<void> {
    while (!(await isDone(this.#child, this.#command.input)) && machineMs() + AGAIN_AFTER_MS < goodUntil) {
      await pause(AGAIN_AFTER_MS);
      this.#child = start(this.#command);
    }
  }

  /** Nothing is released. */
  dismiss(): void {
    this.#child.kill("SIGKILL");
  }
}

function start({ file, args, env }: ReleaseCommand): ChildProcess {
  const child = spawn(file, args, { env, stdio: ["pipe", "ignore", "ignore"], windowsHide: true });
  // One that could not be started, or has ended, has released nothing.
  child.on("error", () => undefined);
  child.stdin?.on("error", () => undefined);
  return child;
}

/** Whether it has ended well with this input. */
async function isDone(child: ChildProcess, input: string): Promise<boolean> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
  child.stdin?.end(input);
  const [code] = await once(child, "exit");
  return code === 0;
}

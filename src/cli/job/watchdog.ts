import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { ReleaseCommand } from "../../index.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import type { JobRoot } from "./job-members.ts";

/**
 * Stops a job in time even if this process is killed or stopped: it is a process of its own, in a session of its own.
 */
export class Watchdog {
  readonly #child: ChildProcess;
  /** Resolves if it ends without having been dismissed. */
  readonly died: Promise<void>;
  #isDismissed = false;

  constructor() {
    // It has none of the caller's pipes, folders or secrets.
    this.#child = spawn(process.execPath, [fileURLToPath(import.meta.resolve("./watchdog-main.js"))], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      cwd: process.platform === "win32" ? undefined : "/",
      env: {},
      windowsHide: true,
    });
    try {
      this.#detach();
    } catch (error) {
      // Runtimes differ in what a child and its pipes can do. What was started is not left behind.
      this.dismiss();
      throw error;
    }
    this.died = new Promise((resolve) => {
      const end = (): void => {
        if (!this.#isDismissed) resolve();
      };
      this.#child.on("error", end).on("exit", end);
    });
  }

  /** Neither it nor the pipe to it keeps this process alive. */
  #detach(): void {
    this.#child.unref();
    // There is none if the machine did not start it.
    const input = this.#child.stdin as (Omit<Socket, "unref"> & Partial<Pick<Socket, "unref">>) | undefined;
    // In Bun it is no socket, and keeps no process alive.
    input?.unref?.();
    // It is gone: `died` says so.
    input?.on("error", () => undefined);
  }

  /** Throws a {@link CommandError} if the machine did not start it. To be asked at once. */
  async started(): Promise<void> {
    if (this.#child.pid !== undefined) return;
    const [{ message }] = (await once(this.#child, "error")) as [Error];
    throw new CommandError(`the process that stops the command in time could not be started: ${message}`, EXIT.system);
  }

  /** A job is about to be started that bears this mark in its environment. */
  expect(mark: string): void {
    this.#tell(`mark ${mark}`);
  }

  /** From now on it also knows the job by its first process. */
  guard({ pid, startedAt }: JobRoot): void {
    this.#tell(`root ${pid} ${startedAt ?? ""}`);
  }

  /** When the job is to be stopped, and when to be killed, by the machine's clock. */
  allow(termAt: number, killAt: number): void {
    this.#tell(`until ${Math.round(termAt)} ${Math.round(killAt)}`);
  }

  /** What releases the lock, if this process dies, once nothing of the job is left. It is secret. */
  release(command: ReleaseCommand | undefined): void {
    if (command) this.#tell(`release ${JSON.stringify(command)}`);
  }

  /** The job has ended, and there is nothing left to do: also for one that is stopped and reads nothing. */
  dismiss(): void {
    this.#isDismissed = true;
    this.#child.kill("SIGKILL");
    this.#child.stdin?.destroy();
  }

  #tell(line: string): void {
    if (this.#child.stdin?.writable) this.#child.stdin.write(`${line}\n`);
  }
}

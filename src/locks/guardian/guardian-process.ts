import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { systemClock, type Timer } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import { programCommand } from "../shutdown/release-program.ts";
import { GUARDIAN_PROGRAM } from "./guardian-program.ts";

/** What happens to a guardian's process. */
export interface GuardianEvents {
  /** It has taken the last message, and takes another. */
  onTaken(): void;
  /** It has ended, or was not started, for a reason that is told to people. */
  onEnd(why: string): void;
}

/** The process beside this one, as what talks to it sees it. */
export interface GuardianLink {
  /** Whether it has not taken the last message yet. */
  readonly isBusy: boolean;
  tell(line: string): void;
  /**
   * Nothing more is told: it ends as soon as nothing is left of what it knows, and at once if it has not taken the last
   * message.
   */
  end(): void;
}

/** Starts a guardian. Throws where this process can start none. */
export type StartGuardian = (events: GuardianEvents) => GuardianLink;

/**
 * A message that is not taken for so long keeps this process alive, and the guardian does not work: it is killed. In
 * milliseconds.
 */
const UNTAKEN_MS = 30_000;

/** Options of Node that keep it small however long it runs: it compiles nothing, and has few young objects. */
const SMALL = ["--jitless", "--max-semi-space-size=1"];

/** Starts the process. Neither it nor the pipe to it keeps this one alive. */
export const startGuardian: StartGuardian = (events) => inRootContext(() => new GuardianProcess(events));

class GuardianProcess implements GuardianLink {
  readonly #child: ChildProcess;
  readonly #events: GuardianEvents;
  #isBusy = false;

  constructor(events: GuardianEvents) {
    const command = programCommand(GUARDIAN_PROGRAM);
    if (command === undefined) throw new Error(`${process.execPath} runs no program that is text`);
    const { spawn } = process.getBuiltinModule("node:child_process");
    this.#events = events;
    const isNode = !("bun" in process.versions || "deno" in process.versions);
    this.#child = spawn(command.file, [...(isNode ? SMALL : []), ...command.args], {
      // In a session of its own: neither the terminal nor a signal to the group of this process ends it.
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      cwd: process.platform === "win32" ? undefined : "/",
      env: command.env,
      windowsHide: true,
    });
    this.#child.on("error", ({ message }) => events.onEnd(message));
    this.#child.on("exit", (code, signal) => events.onEnd(signal ? `killed by ${signal}` : `with exit code ${code}`));
    this.#child.unref();
    // There is none where the machine did not start it. In Bun it is no socket, and keeps no process alive.
    const input = this.#child.stdin as (Omit<Socket, "unref"> & Partial<Pick<Socket, "unref">>) | null;
    input?.unref?.();
    input?.on("error", () => undefined);
  }

  /** @inheritDoc */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** @inheritDoc */
  tell(line: string): void {
    const input = this.#child.stdin;
    if (!input?.writable) return;
    let stuck: Timer | undefined;
    this.#isBusy = true;
    input.write(`${line}\n`, () => {
      stuck?.cancel();
      this.#isBusy = false;
      this.#events.onTaken();
    });
    if (input.writableLength > 0) stuck = systemClock.setTimer(UNTAKEN_MS, () => this.#child.kill("SIGKILL"));
  }

  /** @inheritDoc */
  end(): void {
    if (this.#isBusy) this.#child.kill("SIGKILL");
    else this.#child.stdin?.end();
  }
}

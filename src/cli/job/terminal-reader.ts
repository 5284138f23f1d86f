import { isInBackground } from "../terminal/foreground.ts";
import { STDIN } from "../terminal/streams.ts";
import { terminal } from "../terminal/terminal.ts";
import { later } from "../time.ts";
import type { JobProcesses } from "./job-processes.ts";
import { notStoppedLine } from "./signal-relay.ts";

/** How long a shell may take to take the terminal back, in milliseconds: it is looked at twice after Ctrl-Z. */
const TAKEN_BACK_MS = [50, 1_000] as const;
/** How often it is looked at meanwhile where looking takes a process, in milliseconds. */
const CHECK_FOREGROUND_EVERY_MS = 1_000;
/** How often, and how many times at most, it is looked at whether all of the job stands still. In milliseconds. */
const CHECK_STOPPED_EVERY_MS = 20;
const MOST_CHECKS = 25;

const PAUSED =
  "azmutex: in the background the command is stopped, as it could read what is typed; " +
  "it goes on in the foreground (fg), and the lock is held meanwhile";

/**
 * A job that has a terminal as its standard input. Its session is not the terminal's, so the kernel would let it read
 * in the background, too. It is stopped while this process is in the background, as job control stops a program that
 * reads there, and goes on when this process is in the foreground. A job that was asked to end goes on where it is.
 */
export class TerminalReader {
  readonly #processes: JobProcesses;
  readonly #readsTerminal: boolean;
  #cancel = (): void => undefined;
  #isPaused = false;
  #isEnding = false;

  constructor(processes: JobProcesses, readsTerminal: boolean) {
    this.#processes = processes;
    this.#readsTerminal = readsTerminal;
  }

  /** Whether it is stopped in the background. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Stops the job or lets it go on, as the terminal is now. */
  look(): void {
    if (!this.#readsTerminal || this.#isEnding) return;
    const isToPause = isInBackground(STDIN);
    // A shell sends nothing at fg after bg.
    this.#cancel();
    if (isToPause && !this.#processes.hasTable) this.#cancel = later(CHECK_FOREGROUND_EVERY_MS, () => this.look());
    if (isToPause === this.#isPaused) return;
    this.#isPaused = isToPause;
    if (isToPause) {
      this.#processes.pause();
      this.#sayWhenPaused();
    } else {
      this.#processes.resume();
    }
  }

  /** A process that the signal finds in a read may still take what is typed until it has had time to stop. */
  #sayWhenPaused(checks = MOST_CHECKS): void {
    if (!this.#isPaused) return;
    if (checks === 0 || this.#processes.isPaused) terminal.say(PAUSED);
    else later(CHECK_STOPPED_EVERY_MS, () => this.#sayWhenPaused(checks - 1));
  }

  /** Ctrl-Z has reached this process, and perhaps a program around it, which it has stopped. */
  suspend(): void {
    const [first, second] = TAKEN_BACK_MS;
    later(first, () => {
      this.look();
      if (!this.#isPaused) terminal.say(notStoppedLine("ends the command"));
    });
    later(second, () => this.look());
  }

  /** It was asked to end, and is to be able to. */
  end(): void {
    this.#isEnding = true;
    if (this.#isPaused) this.#processes.resume();
    this.#isPaused = false;
  }
}

import { isInBackground } from "../foreground.ts";
import { onSignals } from "../signals.ts";
import { terminal } from "../terminal.ts";

/** What the terminal sends for Ctrl-C, Ctrl-\ and Ctrl-Z, where it does not make signals of them itself. */
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = Object.freeze({ "\x03": "SIGINT", "\x1c": "SIGQUIT", "\x1a": "SIGTSTP" });

/** A key, or the sequence that a terminal sends for one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what those sequences begin with
const KEY = /\x1b\[[\d;]*[A-Za-z~]|\x1bO[A-Za-z]|[\s\S]/gu;

/**
 * The keys that are pressed on the terminal while this process is in its foreground. They are not shown, and Ctrl-C and Ctrl-Z do what
 * they always do.
 */
export class Keys {
  readonly #onKey: (key: string) => void;
  readonly #stopListening: () => void;
  #isReading = false;

  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
    // The shell has put it into the foreground again, or into the background.
    this.#stopListening = onSignals(["SIGCONT"], () => this.#begin());
    this.#begin();
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  end(): void {
    this.#stopListening();
    this.#pause();
  }

  #begin(): void {
    // In the background, to read or to change the terminal would stop this process.
    if (this.#isReading || !terminal.isInput || isInBackground()) return;
    this.#isReading = true;
    process.stdin.setRawMode(true).on("data", this.#onData).resume();
  }

  #pause(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    process.stdin.off("data", this.#onData).pause().setRawMode(false);
  }

  readonly #onData = (data: Buffer): void => {
    for (const [key] of data.toString("utf8").matchAll(KEY)) {
      const signal = SIGNALS[key];
      if (signal === undefined) this.#onKey(key);
      else this.#send(signal);
    }
  };

  #send(signal: NodeJS.Signals): void {
    if (signal === "SIGTSTP") this.#pause();
    // To the whole group, as the terminal does.
    process.kill(0, signal);
  }
}

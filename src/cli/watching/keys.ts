import { onSignals } from "../signals.ts";
import { isInBackground } from "../terminal/foreground.ts";
import { STDIN } from "../terminal/streams.ts";
import { terminal } from "../terminal/terminal.ts";

/** What the terminal sends for Ctrl-C, Ctrl-\ and Ctrl-Z, where it does not make signals of them itself. */
const SIGNAL_OF_KEY: Readonly<Record<string, NodeJS.Signals>> = Object.freeze({
  "\x03": "SIGINT",
  "\x1c": "SIGQUIT",
  "\x1a": "SIGTSTP",
});

/** A key, or the sequence that a terminal sends for one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what those sequences begin with
const KEY_SEQUENCE = /\x1b\[[\d;]*[A-Za-z~]|\x1bO[A-Za-z]|[\s\S]/gu;

/**
 * The keys that are pressed on the terminal while this process is in its foreground. They are not shown, and Ctrl-C and
 * Ctrl-Z do what they always do.
 */
export class Keys {
  readonly #onKey: (key: string) => void;
  readonly #stopListening: () => void;
  #isReading = false;

  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
    // A shell has given the terminal its own mode meanwhile, and put this process into the foreground again or into the
    // background.
    this.#stopListening = onSignals(["SIGCONT"], () => {
      this.#drop();
      this.look();
    });
    this.look();
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /**
   * Reads from now on if this process is in the foreground, and not if it is in the background. A shell sends nothing
   * at fg after bg.
   */
  look(): void {
    if (!terminal.isInput) return;
    if (isInBackground(STDIN)) this.#drop();
    else this.#begin();
  }

  end(): void {
    this.#stopListening();
    this.#pause();
  }

  #begin(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    // To the stream the terminal may still be as this process has left it.
    process.stdin.setRawMode(false).setRawMode(true).on("data", this.#onData).resume();
  }

  #pause(): void {
    if (!this.#isReading) return;
    this.#drop();
    process.stdin.setRawMode(false);
  }

  /** Reads no more, and leaves the terminal as it is: to change it in the background would stop this process. */
  #drop(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    process.stdin.off("data", this.#onData).pause();
  }

  readonly #onData = (data: Buffer): void => {
    for (const [key] of data.toString("utf8").matchAll(KEY_SEQUENCE)) {
      const signal = SIGNAL_OF_KEY[key];
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

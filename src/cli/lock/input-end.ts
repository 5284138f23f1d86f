import { fstatSync, type Stats } from "node:fs";
import { STDIN } from "../terminal/streams.ts";

/** Standard input, as far as its end asks a command to end. What is in it is dropped. */
export class InputEnd {
  /**
   * Whether it can end: a pipe, a socket and a file can. A terminal is not read, as what is typed may be meant for
   * another program, and from /dev/null, which a shell gives to what it starts in the background, nothing is to be
   * expected.
   */
  readonly canEnd: boolean = canEnd();
  /** Aborts when it has ended. */
  readonly signal: AbortSignal;
  readonly #ended = new AbortController();

  /** @param why - With what the signal aborts. */
  constructor(why: Error) {
    this.signal = this.#ended.signal;
    if (!this.canEnd) return;
    const end = (): void => this.#ended.abort(why);
    process.stdin.on("end", end).on("close", end).on("error", end).resume();
  }

  /** It keeps this process alive until then. */
  close(): void {
    if (this.canEnd) process.stdin.destroy();
  }
}

function canEnd(): boolean {
  try {
    const input: Stats = fstatSync(STDIN);
    return !input.isCharacterDevice();
  } catch {
    // It is closed.
    return false;
  }
}

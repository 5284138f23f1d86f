import { signalled } from "./exit-codes.ts";
import { onSignals } from "./signals.ts";

/** The end of a command that runs until it is interrupted. */
export class Interruption {
  /** Aborts at the first signal that asks to end; the exit code is set by then. */
  readonly signal: AbortSignal;
  readonly end: () => void;
  /** Ends it without a signal, with the exit code 0. */
  readonly quit: () => void;

  constructor() {
    const asked = new AbortController();
    this.signal = asked.signal;
    this.quit = () => asked.abort();
    this.end = onSignals(["SIGINT", "SIGTERM", "SIGHUP"], (name) => {
      process.exitCode = signalled(name);
      asked.abort();
    });
  }
}

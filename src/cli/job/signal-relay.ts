import { CommandError, signalled } from "../exit-codes.ts";
import { onSignals } from "../signals.ts";

/** They ask to come to an end. */
const ENDING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;
/** They mean something to what is under the lock alone. */
const PASSED_ON = ["SIGUSR1", "SIGUSR2", "SIGCONT", "SIGWINCH"] as const;

/** What is said at Ctrl-Z while a lock is held, and what Ctrl-C does instead. */
export const notStoppedLine = (atCtrlC: string): string =>
  `azmutex: not stopped by Ctrl-Z: a stopped holder would lose the lock; Ctrl-C ${atCtrlC}`;

/** What is done under a lock, as signals reach it. */
export interface SignalTarget {
  /** It is asked to end. */
  end(signal: NodeJS.Signals): void;
  /** It gets a signal that does not ask to end. */
  pass(signal: NodeJS.Signals): void;
  /** Ctrl-Z was pressed. It has not stopped this process, which would lose the lock. */
  suspend(): void;
}

/**
 * What this process is sent goes to what is done under the lock. At any other time it ends, or stops, as it was asked
 * to.
 */
export class SignalRelay {
  /** Aborts at the first signal that asks to end. */
  readonly asked: AbortSignal;
  #target: SignalTarget | undefined;
  readonly #stops: readonly (() => void)[];

  constructor() {
    const asked = new AbortController();
    this.asked = asked.signal;
    const end = (name: NodeJS.Signals): void => asked.abort(new CommandError(`ended by ${name}`, signalled(name)));
    this.#stops =
      process.platform === "win32"
        ? [onSignals(ENDING, end)]
        : [
            onSignals(ENDING, (name) => this.#target?.end(name)),
            onSignals(PASSED_ON, (name) => this.#target?.pass(name)),
            onSignals(ENDING, end),
          ];
  }

  /** Whether signals go to something under the lock. */
  get isAttached(): boolean {
    return this.#target !== undefined;
  }

  /** Signals go there until the returned function is called. */
  attach(target: SignalTarget): () => void {
    this.#target = target;
    return () => {
      this.#target = undefined;
    };
  }

  /**
   * Ctrl-Z does not stop this process until the returned function is called. It tells what signals go to, if there is
   * something.
   */
  keepRunning(): () => void {
    return process.platform === "win32" ? () => undefined : onSignals(["SIGTSTP"], () => this.#target?.suspend());
  }

  end(): void {
    for (const stop of this.#stops) stop();
  }
}

import { CommandError, signalled } from "../exit-codes.ts";
import { onSignals } from "../signals.ts";
import type { JobProcesses } from "./job-processes.ts";

/** They ask to come to an end. */
const ENDING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;
/** They mean something to the job alone. */
const PASSING = ["SIGUSR1", "SIGUSR2", "SIGCONT", "SIGWINCH"] as const;

/** What this process is sent goes to the job while there is one; at any other time this process ends as it was asked to. */
export class SignalRelay {
  /** Aborts at the first signal that asks to end. */
  readonly asked: AbortSignal;
  /** The job that gets the signals, until it is undefined again. */
  job: JobProcesses | undefined;
  readonly #stops: readonly (() => void)[];

  constructor() {
    const asked = new AbortController();
    this.asked = asked.signal;
    const end = (name: NodeJS.Signals): void => asked.abort(new CommandError(`ended by ${name}`, signalled(name)));
    this.#stops =
      process.platform === "win32"
        ? [onSignals(ENDING, end)]
        : [
            onSignals(ENDING, (name) => this.job?.sendToAll(name)),
            onSignals(PASSING, (name) => void this.job?.send(name)),
            onSignals(ENDING, end),
            // A terminal's Ctrl-Z reaches this process and not the job, which would go on under a lock that nobody renews.
            onSignals(["SIGTSTP"], () => undefined),
          ];
  }

  end(): void {
    for (const stop of this.#stops) stop();
  }
}

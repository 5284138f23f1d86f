import { isMutexError } from "../../index.ts";
import { terminal } from "../terminal/terminal.ts";
import { pause } from "../time.ts";

export interface StatusPolling<T> {
  readonly everyMs: number;
  /** Ends it, without an error. */
  readonly signal: AbortSignal;
  look(signal: AbortSignal): Promise<T>;
  onSeen(seen: T): void;
  /** Called when the service does not answer: once, until it answers again. */
  onOutage(error: Error): void;
  onAnswer(): void;
}

/** Tells of outages on standard error. */
export const sayOutages: Pick<StatusPolling<unknown>, "onOutage" | "onAnswer"> = Object.freeze({
  onOutage: ({ message }: Error) => terminal.say(`azmutex: ${message}; still watching`),
  onAnswer: () => terminal.say("azmutex: the service answers again"),
});

/**
 * Looks until the signal ends it, also while the service does not answer. Throws errors that another look would not
 * change, such as access denied.
 */
export async function pollStatus<T>(polling: StatusPolling<T>): Promise<void> {
  const { everyMs, signal, look, onSeen, onOutage, onAnswer } = polling;
  for (let isOutage = false; !signal.aborted; await pause(everyMs, signal)) {
    let seen: T;
    try {
      seen = await look(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(isMutexError(error) && error.code === "STORE_UNAVAILABLE")) throw error;
      if (!isOutage) onOutage(error);
      isOutage = true;
      continue;
    }
    if (isOutage) onAnswer();
    isOutage = false;
    onSeen(seen);
  }
}

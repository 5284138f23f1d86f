import { isMutexError } from "../../index.ts";
import { terminal } from "../terminal.ts";
import { pause } from "../time.ts";

export interface Lookout<T> {
  readonly everyMs: number;
  /** Ends it, without an error. */
  readonly signal: AbortSignal;
  look(signal: AbortSignal): Promise<T>;
  onSeen(seen: T): void;
  /** The service does not answer. Told once, until it answers again. */
  onSilence(error: Error): void;
  onAnswer(): void;
}

/** Says so, on standard error. */
export const sayOutages: Pick<Lookout<unknown>, "onSilence" | "onAnswer"> = Object.freeze({
  onSilence: ({ message }: Error) => terminal.say(`azmutex: ${message}; still watching`),
  onAnswer: () => terminal.say("azmutex: the service answers again"),
});

/** Looks again and again, also while the service does not answer. Throws what no later look would change: access denied, say. */
export async function keepLooking<T>({ everyMs, signal, look, onSeen, onSilence, onAnswer }: Lookout<T>): Promise<void> {
  for (let isSilent = false; !signal.aborted; await pause(everyMs, signal)) {
    let seen: T;
    try {
      seen = await look(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(isMutexError(error) && error.code === "STORE_UNAVAILABLE")) throw error;
      if (!isSilent) onSilence(error);
      isSilent = true;
      continue;
    }
    if (isSilent) onAnswer();
    isSilent = false;
    onSeen(seen);
  }
}

import { shown } from "../errors.ts";
import { checkMs } from "../lease/terms.ts";

/** How long a caller waits for a lock, and until when its work may go on. */
export interface WaitOptions {
  /**
   * Rejects with `LockTimeoutError` when the lock was not free within so many milliseconds; 0 asks once. Default: no
   * limit.
   */
  timeoutMs?: number | undefined;
  /**
   * Ends the wait at once, in mid-request too, with the signal's own reason. What was acquired meanwhile is given back.
   * Default: none.
   */
  signal?: AbortSignal | undefined;
  /**
   * Ends the wait as `signal` does, and then the work: while the lock is held, its `signal` aborts with the reason of
   * this one, too. The lock stays held until the work releases it. After that abort only {@link Holding.assertHeld}
   * tells of a loss. For a signal that lives longer than the lock, such as that of a shutdown: no listener stays on it.
   * Not together with `signal`. Default: none.
   */
  until?: AbortSignal | undefined;
}

/** The options of a call that asks once, such as `tryLock`. */
export type TryOptions = Pick<WaitOptions, "signal" | "until">;

/** The signal that ends the wait. */
export function signalOf(options: TryOptions | undefined): AbortSignal | undefined {
  return options?.signal ?? options?.until;
}

/** Throws `RangeError` or `TypeError` naming option and value. */
export function checkWaitOptions({ timeoutMs, signal, until }: WaitOptions): void {
  if (timeoutMs !== undefined) checkMs(timeoutMs, "timeoutMs");
  for (const [name, given] of Object.entries({ signal, until })) {
    if (given !== undefined && typeof given?.addEventListener !== "function")
      throw new TypeError(`${name} must be an AbortSignal, not ${shown(given)}`);
  }
  if (signal && until) throw new TypeError("signal and until exclude each other: until ends the wait, too");
}

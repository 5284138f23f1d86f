import { LinkedSignal } from "../abort.ts";
import type { Clock } from "../clock.ts";
import { LockTimeoutError } from "../errors.ts";

/** How long a caller waits for a lock. */
export interface WaitOptions {
  /** Rejects with `LockTimeoutError` when the lock was not free within so many milliseconds; 0 asks once. Default: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the wait at once, in mid-request too, with the signal's own reason. What was acquired meanwhile is given back. */
  signal?: AbortSignal | undefined;
}

const NEVER = new AbortController().signal;

/** A caller's time-out and signal as one signal. To be ended when the wait is over. */
export class Patience {
  /** Aborts with the caller's reason, or a `LockTimeoutError`. */
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #since: number;
  readonly #timeoutMs: number;
  readonly #end: () => void;

  constructor(clock: Clock, key: string, { timeoutMs = Number.POSITIVE_INFINITY, signal = NEVER }: WaitOptions) {
    this.#clock = clock;
    this.#since = clock.now();
    this.#timeoutMs = timeoutMs;
    if (timeoutMs === Number.POSITIVE_INFINITY) {
      this.signal = signal;
      this.#end = () => undefined;
      return;
    }
    const either = new LinkedSignal(signal);
    this.signal = either.signal;
    const timer = clock.setTimer(timeoutMs, () => either.abort(new LockTimeoutError(key, timeoutMs)), { keepAlive: true });
    this.#end = () => {
      either.end();
      timer.cancel();
    };
  }

  get waitedMs(): number {
    return this.#clock.now() - this.#since;
  }

  get leftMs(): number {
    return this.#timeoutMs - this.waitedMs;
  }

  end(): void {
    this.#end();
  }
}

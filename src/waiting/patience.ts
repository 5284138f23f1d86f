import { onAbort } from "../abort.ts";
import { type Clock, Stopwatch, type Timer } from "../clock.ts";
import { LockTimeoutError } from "../errors.ts";

/** How long a caller waits for a lock. */
export interface WaitOptions {
  /** Rejects with `LockTimeoutError` when the lock was not free within so many milliseconds; 0 asks once. Default: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the wait at once, in mid-request too, with the signal's own reason. What was acquired meanwhile is given back. */
  signal?: AbortSignal | undefined;
}

/** A caller's time-out and signal as one signal. To be ended when the wait is over. */
export class Patience {
  readonly #stop = new AbortController();
  readonly #waited: Stopwatch;
  readonly #timeoutMs: number;
  readonly #timer: Timer | undefined;
  readonly #stopListening: () => void;

  constructor(clock: Clock, key: string, { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions) {
    this.#waited = new Stopwatch(clock);
    this.#timeoutMs = timeoutMs;
    if (signal?.aborted) this.#stop.abort(signal.reason);
    this.#stopListening = onAbort(signal, () => this.#stop.abort(signal?.reason));
    if (Number.isFinite(timeoutMs)) {
      this.#timer = clock.setTimer(timeoutMs, () => this.#stop.abort(new LockTimeoutError(key, timeoutMs)), { keepAlive: true });
    }
  }

  /** Aborts with the caller's reason, or a `LockTimeoutError`. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get waitedMs(): number {
    return this.#waited.elapsedMs;
  }

  get leftMs(): number {
    return this.#timeoutMs - this.#waited.elapsedMs;
  }

  end(): void {
    this.#timer?.cancel();
    this.#stopListening();
  }
}

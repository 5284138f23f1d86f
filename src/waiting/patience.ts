import { LinkedSignal } from "../abort.ts";
import type { Clock } from "../clock.ts";
import { LockTimeoutError, StoreUnavailableError } from "../errors.ts";
import { shown } from "../options.ts";
import type { ObservedWait } from "../telemetry/observer.ts";

/** How long a caller waits for a lock. */
export interface WaitOptions {
  /** Rejects with `LockTimeoutError` when the lock was not free within so many milliseconds; 0 asks once. Default: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the wait at once, in mid-request too, with the signal's own reason. What was acquired meanwhile is given back. */
  signal?: AbortSignal | undefined;
}

/** Throws `RangeError` or `TypeError` naming option and value. */
export function checkWaitOptions({ timeoutMs, signal }: WaitOptions): void {
  if (timeoutMs !== undefined && (typeof timeoutMs !== "number" || !(timeoutMs >= 0))) {
    throw new RangeError(`timeoutMs must be a number of milliseconds of at least 0, not ${shown(timeoutMs)}`);
  }
  if (signal !== undefined && typeof signal?.addEventListener !== "function")
    throw new TypeError(`signal must be an AbortSignal, not ${shown(signal)}`);
}

const NEVER = new AbortController().signal;
/** Whoever has waited so long for the answer to a request is told that the service does not answer, in milliseconds. */
const SILENT_AFTER_MS = 2_000;
/** The last poll before a time-out is sent this much ahead of it, or one and a half round trips if those take longer. */
const LAST_POLL_AHEAD_MS = 20;

/** A caller's time-out and signal as one signal. To be ended when the wait is over. */
export class Patience {
  /** Aborts with the caller's reason, or a `LockTimeoutError`. */
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #since: number;
  readonly #timeoutMs: number;
  readonly #end: () => void;
  readonly #wait: ObservedWait | undefined;
  #isLastPoll = false;
  #askedAt: number | undefined;
  #failure: StoreUnavailableError | undefined;

  constructor(clock: Clock, key: string, { timeoutMs = Number.POSITIVE_INFINITY, signal = NEVER }: WaitOptions, wait?: ObservedWait) {
    this.#clock = clock;
    this.#wait = wait;
    this.#since = clock.now();
    this.#timeoutMs = timeoutMs;
    if (timeoutMs === Number.POSITIVE_INFINITY) {
      this.signal = signal;
      this.#end = () => undefined;
      return;
    }
    const either = new LinkedSignal(signal);
    this.signal = either.signal;
    const timedOut = (): void => {
      const cause = this.#whyNoAnswer(key);
      either.abort(new LockTimeoutError(key, timeoutMs, cause && { cause }));
    };
    const timer = clock.setTimer(timeoutMs, timedOut, { keepAlive: true });
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

  /** The service is asked, until it {@link Patience.answered}: whoever runs out of patience is told if it does not answer. */
  asks(): void {
    this.#askedAt = this.#clock.now();
    this.#wait?.asked();
  }

  /** The service has answered, or has failed to. */
  answered(failure?: StoreUnavailableError): void {
    this.#askedAt = undefined;
    this.#failure = failure;
  }

  /** Whether the poll that is due, or under way, is the last one before the time-out. */
  get isLastPoll(): boolean {
    return this.#isLastPoll;
  }

  /** The delay, or less if the time-out comes before its end: one last poll is made that can still be answered in time. */
  untilNextPoll(delayMs: number, roundTripMs: number): number {
    const { leftMs } = this;
    const lastPollInMs = leftMs - Math.max(LAST_POLL_AHEAD_MS, 1.5 * roundTripMs);
    this.#isLastPoll = lastPollInMs <= delayMs;
    return lastPollInMs > 0 ? Math.min(delayMs, lastPollInMs) : leftMs;
  }

  end(): void {
    this.#end();
  }

  #whyNoAnswer(key: string): StoreUnavailableError | undefined {
    const openMs = this.#clock.now() - (this.#askedAt ?? Number.POSITIVE_INFINITY);
    if (openMs < SILENT_AFTER_MS) return this.#failure;
    return new StoreUnavailableError(`waiting for "${key}": no answer from the service for ${Math.round(openMs)} ms`, key);
  }
}

export interface Wanted<T> {
  /** Goes on until it has it, or the patience ends. */
  wait(patience: Patience): Promise<T>;
  /** Asks once. */
  tryOnce(signal: AbortSignal | undefined): Promise<T | undefined>;
}

/** Waits for something as the caller says: with a time-out of 0 it asks once. Rejects with `LockTimeoutError` or the signal's reason. */
export async function waitFor<T>(clock: Clock, key: string, options: WaitOptions, wanted: Wanted<T>, wait?: ObservedWait): Promise<T> {
  checkWaitOptions(options);
  const { timeoutMs, signal } = options;
  if (timeoutMs === 0) {
    const got = await wanted.tryOnce(signal);
    if (got !== undefined) return got;
    throw new LockTimeoutError(key, 0);
  }
  const patience = new Patience(clock, key, { timeoutMs, signal }, wait);
  try {
    return await wanted.wait(patience);
  } finally {
    patience.end();
  }
}

import { LockTimeoutError, StoreUnavailableError } from "../errors.ts";
import type { MutexContext } from "../lease/mutex-context.ts";
import type { ObservedWait } from "../telemetry/observer.ts";
import type { Wake } from "../telemetry/wake.ts";
import { LinkedSignal } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import { signalOf, type WaitOptions } from "./wait-options.ts";

/** After this long without an answer, a timeout error says that the service does not answer. In milliseconds. */
const SILENT_AFTER_MS = 2_000;
/**
 * The last poll before a timeout is sent this much ahead of it, or one and a half round trips if those take longer.
 */
const LAST_POLL_AHEAD_MS = 20;

/** What all waits of one mutex share: the address names the host in errors, the closing ends them all. */
export type WaitingAt = Pick<MutexContext, "clock" | "address" | "closing">;

/** A caller's timeout and signal, and the end of the mutex, as one signal. To be ended when the wait is over. */
export class WaitLimit {
  /** Aborts with the caller's reason, a `LockTimeoutError` or a `MutexClosedError`. */
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #since: number;
  readonly #timeoutMs: number;
  readonly #end: () => void;
  readonly #wait: ObservedWait | undefined;
  #isLastPoll = false;
  #askedAt: number | undefined;
  /** Whether the service has said at least once that the lock is held by another. */
  #isTold = false;
  #failure: StoreUnavailableError | undefined;

  constructor({ clock, address, closing }: WaitingAt, key: string, options: WaitOptions, wait?: ObservedWait) {
    const { timeoutMs = Number.POSITIVE_INFINITY, signal } = options;
    this.#clock = clock;
    this.#wait = wait;
    this.#since = clock.now();
    this.#timeoutMs = timeoutMs;
    // Most waits have neither. Making a signal would be the largest part of their cost.
    if (timeoutMs === Number.POSITIVE_INFINITY && !signal) {
      this.signal = closing.signal;
      this.#end = () => undefined;
      return;
    }
    const either = new LinkedSignal(...(signal ? [signal] : []), closing.signal);
    this.signal = either.signal;
    if (timeoutMs === Number.POSITIVE_INFINITY) {
      this.#end = () => either.end();
      return;
    }
    const timedOut = (): void => {
      const cause = this.#whyNoAnswer(key, address?.host);
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

  /** The first request follows. A timeout before it is sent says that the service has not answered. */
  preparing(): void {
    this.#askedAt = this.#clock.now();
  }

  /**
   * A request is about to be sent, until {@link WaitLimit.answered} or {@link WaitLimit.failed}. A timeout meanwhile
   * says that the service does not answer.
   */
  sending(): void {
    this.preparing();
    this.#wait?.polled();
  }

  /** What brings the request that is about to be sent. Undefined if that is a task of this process. */
  wokenBy(wake: Wake | undefined): void {
    this.#wait?.wokenBy(wake);
  }

  /** The service has said that the lock is held by another. */
  answered(): void {
    this.#askedAt = undefined;
    this.#isTold = true;
    this.#failure = undefined;
  }

  /** The service has not answered, or with an error that does not say whether the lock is held. */
  failed(failure: StoreUnavailableError): void {
    this.#askedAt = undefined;
    this.#failure = failure.answered && this.#isTold ? undefined : failure;
  }

  /** Whether the poll that is due, or under way, is the last one before the timeout. */
  get isLastPoll(): boolean {
    return this.#isLastPoll;
  }

  /**
   * The delay, or less if the timeout comes before its end: one last poll is made that can still be answered in time.
   */
  untilNextPoll(delayMs: number, roundTripMs: number): number {
    const { leftMs } = this;
    const lastPollInMs = leftMs - Math.max(LAST_POLL_AHEAD_MS, 1.5 * roundTripMs);
    this.#isLastPoll = lastPollInMs <= delayMs;
    return lastPollInMs > 0 ? Math.min(delayMs, lastPollInMs) : leftMs;
  }

  end(): void {
    this.#end();
  }

  #whyNoAnswer(key: string, host: string | undefined): StoreUnavailableError | undefined {
    const openMs = this.#clock.now() - (this.#askedAt ?? Number.POSITIVE_INFINITY);
    // "Held by another" takes an answer: a wait that never had one says why, however short it was.
    const isFirstUnanswered = openMs >= 0 && !this.#isTold && !this.#failure;
    if (openMs < SILENT_AFTER_MS && !isFirstUnanswered) return this.#failure;
    // The request before this one may have failed for a reason that says more.
    const options = { host, ...(this.#failure && { cause: this.#failure }) };
    const text = `waiting for "${key}": no answer from ${host ?? "the service"} for ${Math.round(openMs)} ms`;
    return new StoreUnavailableError(text, key, options);
  }
}

/** The way to something that can be waited for. */
export interface Acquiring<T> {
  /** Goes on until it has it, or the limit ends. */
  acquireWithin(limit: WaitLimit): Promise<T>;
  /** Asks once. */
  tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<T | undefined>;
}

/**
 * Waits for something as the caller says: with a timeout of 0 it asks once. Rejects with the reason of its {@link
 * WaitLimit}.
 */
export async function waitFor<T>(
  at: WaitingAt & { readonly key: string },
  options: WaitOptions,
  wanted: Acquiring<T>,
  wait: ObservedWait | undefined,
): Promise<T> {
  const { timeoutMs } = options;
  const signal = signalOf(options);
  if (timeoutMs === 0) {
    const got = await wanted.tryAcquire(signal, wait);
    if (got !== undefined) return got;
    throw new LockTimeoutError(at.key, 0);
  }
  const limit = new WaitLimit(at, at.key, { timeoutMs, signal }, wait);
  try {
    return await wanted.acquireWithin(limit);
  } finally {
    limit.end();
  }
}

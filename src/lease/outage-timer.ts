import { StoreUnavailableError, whyUnavailable } from "../errors.ts";
import { type Clock, Stopwatch } from "../time/clock.ts";

/**
 * Measures how long the service has not answered, and ends a wait when that is too long. Without requests it learns
 * nothing.
 */
export class OutageTimer {
  readonly #clock: Clock;
  readonly #longestMs: number;
  /** Started just before the first request that went unanswered, or, if none did, before the last one. */
  #since: Stopwatch | undefined;
  #isFailing: boolean;

  /** Continues the outage of the timer before, if there is one. */
  constructor(clock: Clock, longestMs: number, before?: OutageTimer) {
    this.#clock = clock;
    this.#longestMs = longestMs;
    this.#since = before ? before.#since : undefined;
    this.#isFailing = before ? before.#isFailing : false;
  }

  /** Continues an outage that another task has met, if that one is longer. */
  continueFrom(before: OutageTimer): void {
    if (!before.#isFailing) return;
    const isLonger = !this.#isFailing || (before.#since?.awakeMs ?? 0) > (this.#since?.awakeMs ?? 0);
    if (isLonger) this.#since = before.#since;
    this.#isFailing = true;
  }

  /** A request is about to be sent. The stopwatch is one that was started just now. */
  sending(now: Stopwatch = new Stopwatch(this.#clock)): void {
    if (!this.#isFailing) this.#since = now;
  }

  /** The service has answered. */
  answered(): void {
    this.#isFailing = false;
  }

  /** A request for the key has failed. Throws `StoreUnavailableError` if there was no answer for too long. */
  failed(error: StoreUnavailableError, key: string): void {
    this.#isFailing = !error.answered;
    // While the machine sleeps no request is sent, so that time says nothing about the service.
    const elapsedMs = this.#since?.awakeMs ?? 0;
    if (error.answered || elapsedMs < this.#longestMs) return;
    const seconds = Math.round(elapsedMs / 1_000);
    const why = whyUnavailable(error);
    const { host } = error;
    const because = why === undefined ? "" : `: ${why}`;
    const text = `waiting for "${key}": no answer from ${host ?? "the service"} for ${seconds} s${because}`;
    throw new StoreUnavailableError(text, key, { cause: error, host });
  }
}

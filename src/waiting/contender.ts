import { Stopwatch, sleep } from "../clock.ts";
import { isMutexError, StoreUnavailableError } from "../errors.ts";
import { Acquisition, type Granted } from "../lease/acquisition.ts";
import { isUnsure, retryDelayMs, untilAnswered } from "../lease/attempt.ts";
import type { FencingTokens } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { KeptLease } from "../lease/renewal.ts";
import type { ResolvedLockerOptions } from "../options.ts";
import { pollDelayMs } from "./backoff.ts";
import type { Patience } from "./patience.ts";

/** A lease that is kept, and the fencing token drawn under it. */
export interface Hold {
  readonly kept: KeptLease;
  readonly token: number | undefined;
}

/** The last poll before a time-out is sent this much ahead of it, or one and a half round trips if those take longer. */
const LAST_POLL_AHEAD_MS = 20;

/** One task of this process on its way from wanting a lock to holding it. */
export class Contender {
  readonly #blob: LockBlob;
  readonly #tokens: FencingTokens;
  readonly #options: ResolvedLockerOptions;
  readonly #patience: Patience;

  constructor(blob: LockBlob, tokens: FencingTokens, options: ResolvedLockerOptions, patience: Patience) {
    this.#blob = blob;
    this.#tokens = tokens;
    this.#options = options;
    this.#patience = patience;
  }

  /** Polls until it holds the lock. Throws the patience's reason, `StoreUnavailableError`, `AccessDeniedError` or `StoreRefusedError`. */
  async wait(): Promise<Hold> {
    for (;;) {
      const hold = await this.#attemptToHold((acquisition) => this.#poll(acquisition));
      if (hold) return hold;
      // Granted and lost again before the caller saw it: a lost lease's id is done, so from the beginning.
    }
  }

  /** Asks once. Resolves with undefined if somebody else holds the lock. */
  async tryOnce(): Promise<Hold | undefined> {
    const signal = this.#patience.signal;
    return await this.#attemptToHold(async (acquisition) => {
      const answer = await untilAnswered(this.#blob, () => acquisition.ask(signal), signal);
      return answer.kind === "acquired" ? answer : undefined;
    });
  }

  async #attemptToHold(acquire: (acquisition: Acquisition) => Promise<Granted | undefined>): Promise<Hold | undefined> {
    const { terms, fencing, description } = this.#options;
    const acquisition = new Acquisition(this.#blob, {
      length: terms.leaseSeconds,
      tryTimeoutMs: terms.tryTimeoutMs,
      firstRecord: fencing ? (date) => this.#tokens.first(this.#blob, description, date) : undefined,
    });
    let granted: Granted | undefined;
    try {
      granted = await acquire(acquisition);
    } catch (error) {
      acquisition.abandon({ unreachable: isUnsure(error) });
      throw error;
    }
    if (granted) return await this.#settle(acquisition, granted);
    acquisition.abandon();
    return undefined;
  }

  async #poll(acquisition: Acquisition): Promise<Granted> {
    const { clock, random, key, log } = this.#blob;
    const { signal } = this.#patience;
    let answered = new Stopwatch(clock);
    for (let failures = 0; ; ) {
      const asked = new Stopwatch(clock);
      let delayMs: number;
      try {
        const answer = await acquisition.ask(signal);
        if (answer.kind === "acquired") return answer;
        failures = 0;
        answered = new Stopwatch(clock);
        delayMs = pollDelayMs(this.#patience.waitedMs, random);
      } catch (error) {
        if (signal.aborted || !isUnsure(error)) throw error;
        log(`waiting for "${key}": ${error.message}`);
        if (error.answered) answered = new Stopwatch(clock);
        if (answered.elapsedMs >= this.#options.unreachableAfterMs) {
          const seconds = Math.round(answered.elapsedMs / 1_000);
          throw new StoreUnavailableError(`waiting for "${key}": no answer from the service for ${seconds} s`, key, { cause: error });
        }
        failures += 1;
        delayMs = Math.max(retryDelayMs(failures, random), error.retryAfterMs ?? 0);
      }
      await sleep(clock, this.#untilNextPoll(delayMs, asked.elapsedMs), { signal });
    }
  }

  /** The delay, or less if the time-out comes before its end: one last poll is made that can still be answered in time. */
  #untilNextPoll(delayMs: number, roundTripMs: number): number {
    const { leftMs } = this.#patience;
    const lastPollInMs = leftMs - Math.max(LAST_POLL_AHEAD_MS, 1.5 * roundTripMs);
    return lastPollInMs > 0 ? Math.min(delayMs, lastPollInMs) : leftMs;
  }

  /** Makes a granted lease a hold: kept, with its token, and good for long enough. Undefined if it was lost on the way. */
  async #settle({ leaseId, mayReturn }: Acquisition, granted: Granted): Promise<Hold | undefined> {
    const { terms, fencing, description } = this.#options;
    const { signal } = this.#patience;
    const kept = new KeptLease(this.#blob, { leaseId, terms, asked: granted.asked, mayReturn });
    try {
      const whileKept = AbortSignal.any([signal, kept.signal]);
      const request = { leaseId, granted, description, tryTimeoutMs: terms.tryTimeoutMs, signal: whileKept };
      const token = fencing ? await this.#tokens.take(this.#blob, request) : undefined;
      await kept.ensure(Math.min(terms.leaseSeconds / 3, terms.goodForMs / 2_000) * 1_000, signal);
      return { kept, token };
    } catch (error) {
      kept.release().catch((late) => this.#blob.log(`a lease on "${this.#blob.key}" lapses by itself: ${String(late)}`));
      if (!signal.aborted && isMutexError(error) && error.code === "LOCK_LOST") return undefined;
      throw error;
    }
  }
}

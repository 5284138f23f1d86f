import { LinkedSignal } from "../abort.ts";
import { Stopwatch, sleep } from "../clock.ts";
import { isMutexError, StoreUnavailableError } from "../errors.ts";
import { Acquisition, type Granted } from "../lease/acquisition.ts";
import { isUnsure, retryDelayMs, untilAnswered } from "../lease/attempt.ts";
import { type FencingTokens, ServiceTime } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { KeptLease } from "../lease/renewal.ts";
import { pollDelayMs } from "./backoff.ts";
import { type HandOverBudget, type Hold, LocalLease } from "./hold.ts";
import type { Turn } from "./local-queue.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";
import type { Patience } from "./patience.ts";

/** The last poll before a time-out is sent this much ahead of it, or one and a half round trips if those take longer. */
const LAST_POLL_AHEAD_MS = 20;

export interface ContenderOptions {
  readonly blob: LockBlob;
  readonly tokens: FencingTokens;
  readonly options: ResolvedLockerOptions;
  readonly patience: Patience;
  readonly turn: Turn<LocalLease>;
}

/** One task of this process on its way from the head of the local queue to holding the lock. */
export class Contender {
  readonly #blob: LockBlob;
  readonly #tokens: FencingTokens;
  readonly #options: ResolvedLockerOptions;
  readonly #patience: Patience;
  readonly #turn: Turn<LocalLease>;

  constructor({ blob, tokens, options, patience, turn }: ContenderOptions) {
    this.#blob = blob;
    this.#tokens = tokens;
    this.#options = options;
    this.#patience = patience;
    this.#turn = turn;
  }

  /** Takes over what it was handed, or polls until it holds the lock. Throws the patience's reason, `StoreUnavailableError`, `AccessDeniedError` or `StoreRefusedError`. */
  async wait(): Promise<Hold> {
    const { baton, stayAwayMs } = this.#turn;
    let hold = baton && (await this.#settle(baton));
    if (hold) return hold;
    if (stayAwayMs > 0) await sleep(this.#blob.clock, this.#untilNextPoll(stayAwayMs, 0), { signal: this.#patience.signal });
    do {
      hold = await this.#attemptToHold((acquisition) => this.#poll(acquisition));
      // Granted and lost again before the caller saw it: a lost lease's id is done, so from the beginning.
    } while (!hold);
    return hold;
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
    const { clock } = this.#blob;
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
    if (!granted) {
      acquisition.abandon();
      return undefined;
    }
    const { leaseId, mayReturn } = acquisition;
    const kept = new KeptLease(this.#blob, { leaseId, terms, asked: granted.asked, mayReturn });
    const seen = { etag: granted.etag, time: new ServiceTime(clock, granted.date) };
    return await this.#settle(new LocalLease(kept, seen, clock));
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
        delayMs = pollDelayMs(this.#patience.waitedMs, random, this.#options.poll);
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

  /** Makes a lease a hold: with a token, and good for long enough. Undefined if it was lost on the way. */
  async #settle(lease: LocalLease): Promise<Hold | undefined> {
    const { terms, fencing } = this.#options;
    const { signal } = this.#patience;
    try {
      signal.throwIfAborted();
      const token = fencing ? (this.#tokens.next(lease.seen, this.#options.description) ?? (await this.#reserveToken(lease))) : undefined;
      const longEnoughMs = Math.min(terms.leaseSeconds / 3, terms.goodForMs / 2_000) * 1_000;
      if (lease.kept.remainingMs < longEnoughMs) await lease.kept.ensure(longEnoughMs, signal);
      return lease.holdBy(this.#turn, token, this.#budget());
    } catch (error) {
      const lost = !signal.aborted && isMutexError(error) && error.code === "LOCK_LOST";
      if (lost || !lease.kept.isHeld || !lease.passBy(this.#turn)) this.#giveBack(lease);
      if (lost) return undefined;
      throw error;
    }
  }

  #budget(): HandOverBudget {
    const { handOverCount, handOverMs, poll } = this.#options;
    const [, longestMs] = poll.steadyMs;
    // Long enough for the next poll of whoever waits elsewhere.
    const stayAwayMs = () => longestMs * (1 + this.#blob.random() / 10);
    return { count: handOverCount, ms: handOverMs, stayAwayMs };
  }

  async #reserveToken(lease: LocalLease): Promise<number> {
    const { terms, description } = this.#options;
    const { leaseId, signal: loss } = lease.kept;
    const either = new LinkedSignal(this.#patience.signal, loss);
    const request = { leaseId, seen: lease.seen, description, tryTimeoutMs: terms.tryTimeoutMs, signal: either.signal };
    try {
      const { token, seen } = await this.#tokens.reserve(this.#blob, request);
      lease.seen = seen;
      return token;
    } finally {
      either.end();
    }
  }

  /** In the background: nobody waits for that. */
  #giveBack(lease: LocalLease): void {
    lease.kept.release().catch((error) => this.#blob.log(`a lease on "${this.#blob.key}" lapses by itself: ${String(error)}`));
  }
}

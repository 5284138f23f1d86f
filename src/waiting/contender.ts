import { LinkedSignal } from "../abort.ts";
import { Stopwatch, sleep } from "../clock.ts";
import { isMutexError, StoreUnavailableError } from "../errors.ts";
import { Acquisition, type Granted } from "../lease/acquisition.ts";
import { isUnsure, retryDelayMs, untilAnswered } from "../lease/attempt.ts";
import { type FencingTokens, ServiceTime } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { KeptLease } from "../lease/renewal.ts";
import { pollDelayMs } from "./backoff.ts";
import { arrivalOf, FairQueue } from "./fair-queue.ts";
import { type Hold, LocalLease, type Succession } from "./hold.ts";
import type { Turn } from "./local-queue.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";
import { Pace } from "./pace.ts";
import type { Patience } from "./patience.ts";
import { FirstCome, LocalFirst } from "./succession.ts";
import type { Ticket } from "./ticket.ts";

/** A waiter whose ticket is gone takes it again after this time. */
const REJOIN_MS = 250;
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
  #queue: FairQueue | undefined;

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
      hold = await this.#attemptToHold((acquisition, ticket) =>
        this.#options.fair ? this.#queueUp(acquisition, ticket) : this.#poll(acquisition),
      );
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

  async #attemptToHold(
    acquire: (acquisition: Acquisition, ticket: { mine?: Ticket }) => Promise<Granted | undefined>,
  ): Promise<Hold | undefined> {
    const { terms, fencing, description } = this.#options;
    const { clock } = this.#blob;
    const acquisition = new Acquisition(this.#blob, {
      length: terms.leaseSeconds,
      tryTimeoutMs: terms.tryTimeoutMs,
      firstRecord: fencing ? (date) => this.#tokens.first(this.#blob, description, date) : undefined,
    });
    const ticket: { mine?: Ticket } = {};
    let granted: Granted | undefined;
    try {
      granted = await acquire(acquisition, ticket);
    } catch (error) {
      const { mine } = ticket;
      acquisition.abandon({ unreachable: isUnsure(error), giveBack: mine && (() => this.#fairQueue.giveUp(acquisition.leaseId, mine)) });
      throw error;
    }
    if (!granted) {
      acquisition.abandon();
      return undefined;
    }
    const { leaseId, mayReturn } = acquisition;
    const kept = new KeptLease(this.#blob, { leaseId, terms, asked: granted.asked, mayReturn });
    const seen = { etag: granted.etag, time: new ServiceTime(clock, granted.date) };
    return await this.#settle(new LocalLease(kept, seen, clock, ticket.mine?.leave()));
  }

  /** Asks for the lock again and again. */
  #poll(acquisition: Acquisition): Promise<Granted> {
    const { signal } = this.#patience;
    return this.#keepAsking(async () => {
      const answer = await acquisition.ask(signal);
      return answer.kind === "acquired" ? answer : pollDelayMs(this.#patience.waitedMs, this.#blob.random, this.#options.poll);
    });
  }

  /** Waits in the queue between processes, and asks for the lock when nobody is before us. */
  #queueUp(acquisition: Acquisition, ticket: { mine?: Ticket }): Promise<Granted> {
    const { clock, random } = this.#blob;
    const { signal } = this.#patience;
    const { leaseId } = acquisition;
    const pace = new Pace(clock.now(), this.#longestSleepMs);
    let joined = false;
    let position: number | undefined;
    return this.#keepAsking(async () => {
      // Lapsed, or swept away, while this process was stopped or could not reach the service.
      if (joined && !ticket.mine?.stands) {
        joined = false;
        position = undefined;
      }
      if (!ticket.mine || position === 0) {
        const answer = await acquisition.ask(signal);
        if (answer.kind === "acquired") return answer;
        const arrivedAt = arrivalOf(answer.date, this.#patience.waitedMs);
        ticket.mine ??= this.#fairQueue.ticket(arrivedAt, leaseId, this.#options.description.holder);
        if (position === 0) return pace.sleepMs(0, random);
      }
      if (!joined) await ticket.mine.join(signal);
      const { tickets } = await this.#fairQueue.waiting(signal);
      const found = tickets.findIndex((waiting) => waiting.leaseId === leaseId);
      joined = found >= 0;
      if (!joined) return REJOIN_MS;
      position = found;
      pace.saw(position, clock.now());
      return position === 0 ? 0 : pace.sleepMs(position, random);
    });
  }

  /** Takes one step after the other, with as much rest in between as it asks for, until one is granted the lease. */
  async #keepAsking(step: () => Promise<Granted | number>): Promise<Granted> {
    const { clock, random, key, log } = this.#blob;
    const { signal } = this.#patience;
    let answered = new Stopwatch(clock);
    for (let failures = 0; ; ) {
      const asked = new Stopwatch(clock);
      let delayMs: number;
      try {
        const outcome = await step();
        if (typeof outcome !== "number") return outcome;
        failures = 0;
        answered = new Stopwatch(clock);
        delayMs = outcome;
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
      if (delayMs > 0) await sleep(clock, this.#untilNextPoll(delayMs, asked.elapsedMs), { signal });
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
      return lease.holdBy(this.#turn, token, this.#succession);
    } catch (error) {
      const lost = !signal.aborted && isMutexError(error) && error.code === "LOCK_LOST";
      if (lost || !lease.kept.isHeld || !lease.passBy(this.#turn)) this.#giveBack(lease);
      if (lost) return undefined;
      throw error;
    }
  }

  get #succession(): Succession {
    const { fair, terms, handOverCount, handOverMs, poll } = this.#options;
    if (fair) {
      // What the service counts as left is the margin more than what we do.
      const enoughMs = Math.max(0, this.#longestSleepMs + 2 * terms.tryTimeoutMs - terms.marginMs);
      return new FirstCome({ queue: this.#fairQueue, blob: this.#blob, enoughMs });
    }
    const [, longestMs] = poll.steadyMs;
    // Long enough for the next poll of whoever waits elsewhere.
    const stayAwayMs = () => longestMs * (1 + this.#blob.random() / 10);
    return new LocalFirst({ count: handOverCount, ms: handOverMs, stayAwayMs });
  }

  get #fairQueue(): FairQueue {
    this.#queue ??= new FairQueue(this.#blob, this.#options.terms.tryTimeoutMs);
    return this.#queue;
  }

  /** Whoever is given the lock has to find out while two thirds of its lease last, and two tries of a request after that. */
  get #longestSleepMs(): number {
    const { leaseSeconds, tryTimeoutMs } = this.#options.terms;
    return (leaseSeconds * 1_000 * 2) / 3 - 2 * tryTimeoutMs;
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

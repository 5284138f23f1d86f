import { LinkedSignal } from "../abort.ts";
import { sleep } from "../clock.ts";
import { isMutexError, type LockLostError, StoreUnavailableError } from "../errors.ts";
import { Acquisition, type Granted } from "../lease/acquisition.ts";
import { isUnsure, Silence, untilAnswered } from "../lease/attempt.ts";
import { type FencingTokens, ServiceTime } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { KeptLease } from "../lease/renewal.ts";
import { type AskingOptions, keepAsking } from "./asking.ts";
import { pollDelayMs, stayAwayMs } from "./backoff.ts";
import { Doubt } from "./doubt.ts";
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

export interface ContenderOptions {
  readonly blob: LockBlob;
  readonly tokens: FencingTokens;
  readonly options: ResolvedLockerOptions;
  readonly patience: Patience;
  readonly turn: Turn<LocalLease>;
  /** Default: one that begins now. */
  readonly silence?: Silence | undefined;
}

/** One task of this process on its way from the head of the local queue to holding the lock. */
export class Contender {
  readonly #blob: LockBlob;
  readonly #tokens: FencingTokens;
  readonly #options: ResolvedLockerOptions;
  readonly #patience: Patience;
  readonly #turn: Turn<LocalLease>;
  #silenceSoFar: Silence | undefined;
  /** What became of the last lease that was granted and lost before anybody held it. */
  #lost: LockLostError | undefined;
  #queue: FairQueue | undefined;

  constructor({ blob, tokens, options, patience, turn, silence }: ContenderOptions) {
    this.#blob = blob;
    this.#tokens = tokens;
    this.#options = options;
    this.#patience = patience;
    this.#turn = turn;
    this.#silenceSoFar = silence;
  }

  /** Takes over what it was handed, or polls until it holds the lock. Throws the patience's reason, `StoreUnavailableError`, `AccessDeniedError` or `StoreRefusedError`. */
  async wait(): Promise<Hold> {
    const { baton, stayAwayMs } = this.#turn;
    let hold = baton && (await this.#settle(baton));
    if (hold) return hold;
    if (stayAwayMs > 0) await sleep(this.#blob.clock, this.#patience.untilNextPoll(stayAwayMs, 0), { signal: this.#patience.signal });
    do {
      hold = await this.#attemptToHold((acquisition, ticket) =>
        this.#options.fair ? this.#queueUp(acquisition, ticket) : this.#poll(acquisition),
      );
      // Granted and lost again before the caller saw it: a lost lease's id is done, so from the beginning.
    } while (!hold);
    return hold;
  }

  /** Asks once, in so many tries. Resolves with undefined if somebody else holds the lock. */
  async tryOnce(tries: number): Promise<Hold | undefined> {
    const signal = this.#patience.signal;
    let wasGranted = false;
    const hold = await this.#attemptToHold(async (acquisition) => {
      const answer = await untilAnswered(this.#blob, () => acquisition.ask(signal), signal, tries);
      wasGranted = answer.kind === "acquired";
      return answer.kind === "acquired" ? answer : undefined;
    });
    if (hold || !wasGranted || this.#lost?.why !== "expired") return hold;
    // Nobody else was in the way.
    const { key } = this.#blob;
    const { cause } = this.#lost;
    const answered = isUnsure(cause) && cause.answered;
    throw new StoreUnavailableError(`"${key}" was granted, and lost before it could be used`, key, { answered, cause: this.#lost });
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
    this.#silence.broken();
    const { leaseId, mayReturn } = acquisition;
    const kept = new KeptLease(this.#blob, { leaseId, terms, asked: granted.asked, mayReturn });
    const seen = { etag: granted.etag, time: new ServiceTime(clock, granted.date) };
    return await this.#settle(new LocalLease(kept, seen, clock, ticket.mine?.leave()));
  }

  /** Asks for the lock again and again. */
  #poll(acquisition: Acquisition): Promise<Granted> {
    const { signal } = this.#patience;
    return keepAsking(this.#asking, async () => {
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
    const doubt = new Doubt();
    let joined = false;
    let position: number | undefined;
    let lookAt = Number.NEGATIVE_INFINITY;
    return keepAsking(this.#asking, async () => {
      // Lapsed, or swept away, while this process was stopped or could not reach the service.
      if (joined && !ticket.mine?.stands) {
        joined = false;
        position = undefined;
      }
      const isFirst = position === 0;
      if (!ticket.mine || isFirst || doubt.isDue(clock.now())) {
        const answer = await acquisition.ask(signal);
        if (answer.kind === "acquired") return answer;
        const arrivedAt = arrivalOf(answer.date, this.#patience.waitedMs);
        ticket.mine ??= this.#fairQueue.ticket(arrivedAt, leaseId, this.#options.description.holder);
        if (isFirst) return pace.sleepMs(0, clock.now(), random);
      }
      const untilLookMs = lookAt - clock.now();
      if (joined && untilLookMs > 0) return Math.min(untilLookMs, doubt.dueInMs(clock.now()));
      if (!joined) await ticket.mine.join(signal);
      const { tickets } = await this.#fairQueue.waiting(signal);
      const found = tickets.findIndex((waiting) => waiting.leaseId === leaseId);
      joined = found >= 0;
      if (!joined) return REJOIN_MS;
      position = found;
      const now = clock.now();
      pace.saw(position, now);
      doubt.saw(tickets.slice(0, found), tickets[found]?.madeAt ?? 0, now);
      if (position === 0) return 0;
      lookAt = now + pace.sleepMs(position, now, random);
      return Math.min(lookAt - now, doubt.dueInMs(now));
    });
  }

  /** Makes a lease a hold: with a token, and good for long enough. Undefined if it was lost on the way. */
  async #settle(lease: LocalLease): Promise<Hold | undefined> {
    const { fencing } = this.#options;
    const { signal } = this.#patience;
    try {
      signal.throwIfAborted();
      const token = fencing ? (this.#tokens.next(lease.seen, this.#options.description) ?? (await this.#reserveToken(lease))) : undefined;
      await lease.kept.freshen(signal);
      return lease.holdBy(this.#turn, token, this.#succession);
    } catch (error) {
      const lost = !signal.aborted && isMutexError(error) && error.code === "LOCK_LOST";
      if (lost || !lease.kept.isHeld || !lease.passBy(this.#turn)) this.#giveBack(lease);
      if (!lost) throw error;
      this.#lost = error;
      return undefined;
    }
  }

  /** Made when it is first asked for: whoever is handed the lock never is. */
  get #silence(): Silence {
    this.#silenceSoFar ??= new Silence(this.#blob.clock, this.#options.unreachableAfterMs);
    return this.#silenceSoFar;
  }

  get #succession(): Succession {
    const { fair, terms, handOverCount, handOverMs, poll } = this.#options;
    if (fair) {
      // What the service counts as left is the margin more than what we do.
      const enoughMs = Math.max(0, this.#longestSleepMs + 2 * terms.tryTimeoutMs - terms.marginMs);
      return new FirstCome({ queue: this.#fairQueue, blob: this.#blob, enoughMs });
    }
    return new LocalFirst({ count: handOverCount, ms: handOverMs, stayAwayMs: () => stayAwayMs(poll, this.#blob.random) });
  }

  get #asking(): AskingOptions {
    const { fencing, requestsAfter = 0 } = this.#options;
    // A poll that is granted is followed by a look at the record and a write of it, where another process held the lock before.
    return { blob: this.#blob, patience: this.#patience, silence: this.#silence, longer: (fencing ? 3 : 1) + requestsAfter };
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
    const request = {
      leaseId,
      seen: lease.seen,
      description,
      tryTimeoutMs: terms.tryTimeoutMs,
      signal: either.signal,
      silence: this.#silence,
    };
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

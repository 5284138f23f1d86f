import { LinkedSignal } from "../abort.ts";
import { sleep } from "../clock.ts";
import { isMutexError, type LockLostError } from "../errors.ts";
import { Acquisition, type Granted } from "../lease/acquisition.ts";
import type { FencingTokens } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { OutageTimer } from "../lease/outage-timer.ts";
import { KeptLease } from "../lease/renewal.ts";
import { expiredBeforeUse, isUnsure, retry, retryDelayMs } from "../lease/retry.ts";
import { inRootContext } from "../root-context.ts";
import { pollDelayMs } from "./backoff.ts";
import { FairQueue } from "./fair-queue.ts";
import { type Hold, LocalLease, type Succession } from "./hold.ts";
import type { Turn } from "./local-queue.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";
import type { Patience } from "./patience.ts";
import { PlaceInLine } from "./place-in-line.ts";
import { type PollingOptions, poll } from "./polling.ts";
import { Share } from "./share.ts";
import { FirstCome, LocalFirst } from "./succession.ts";

export interface ContenderOptions {
  readonly blob: LockBlob;
  readonly tokens: FencingTokens;
  readonly options: ResolvedLockerOptions;
  readonly patience: Patience;
  readonly turn: Turn<LocalLease>;
  /** Default: one that begins now. */
  readonly outage?: OutageTimer | undefined;
}

/** One task of this process on its way from the head of the local queue to holding the lock. */
export class Contender {
  readonly #blob: LockBlob;
  readonly #tokens: FencingTokens;
  readonly #options: ResolvedLockerOptions;
  readonly #patience: Patience;
  readonly #turn: Turn<LocalLease>;
  #outageSoFar: OutageTimer | undefined;
  #share: Share | undefined;
  #isAskingOnce = false;
  /** What became of the last lease that was granted and lost before anybody held it. */
  #lost: LockLostError | undefined;
  #queue: FairQueue | undefined;

  constructor({ blob, tokens, options, patience, turn, outage }: ContenderOptions) {
    this.#blob = blob;
    this.#tokens = tokens;
    this.#options = options;
    this.#patience = patience;
    this.#turn = turn;
    this.#outageSoFar = outage;
    if (turn.legacy.outage) outage?.continueFrom(turn.legacy.outage);
    this.#share = turn.legacy.share;
  }

  /** Takes over what it was handed, or polls until it holds the lock. Throws the patience's reason, `StoreUnavailableError`, `AccessDeniedError` or `StoreRefusedError`. */
  async wait(): Promise<Hold> {
    const {
      baton,
      legacy: { stayAwayMs = 0 },
    } = this.#turn;
    let hold = baton && (await this.#settle(baton));
    if (hold) return hold;
    if (stayAwayMs > 0) await sleep(this.#blob.clock, this.#patience.untilNextPoll(stayAwayMs, 0), { signal: this.#patience.signal });
    for (let losses = 1; ; losses += 1) {
      hold = await this.#attemptToHold((acquisition, place) => poll(this.#asking, () => (place ? place.step() : this.#poll(acquisition))));
      if (hold) return hold;
      // Granted and lost again before the caller saw it: a lost lease's id is done, so from the beginning.
      await sleep(this.#blob.clock, retryDelayMs(losses, this.#blob.random), { signal: this.#patience.signal });
    }
  }

  /** Asks once, in so many tries. Resolves with undefined if somebody else holds the lock. */
  async tryOnce(tries: number): Promise<Hold | undefined> {
    this.#isAskingOnce = true;
    const signal = this.#patience.signal;
    let wasGranted = false;
    const hold = await this.#attemptToHold(async (acquisition) => {
      const ask = () => {
        this.#patience.asks();
        return acquisition.ask(signal);
      };
      const answer = await retry(this.#blob, ask, { signal, tries });
      wasGranted = answer.kind === "acquired";
      return answer.kind === "acquired" ? answer : undefined;
    });
    if (hold || !wasGranted || this.#lost?.why !== "expired") return hold;
    // Nobody else was in the way.
    const { cause } = this.#lost;
    throw expiredBeforeUse(this.#blob.key, { answered: isUnsure(cause) && cause.answered, cause: this.#lost });
  }

  async #attemptToHold(
    acquire: (acquisition: Acquisition, place: PlaceInLine | undefined) => Promise<Granted | undefined>,
  ): Promise<Hold | undefined> {
    const { terms, fencing, fair, description } = this.#options;
    const acquisition = new Acquisition(this.#blob, {
      length: terms.leaseSeconds,
      firstRecord: fencing ? (date) => this.#tokens.first(this.#blob, description, date) : undefined,
    });
    const place = fair ? this.#placeFor(acquisition) : undefined;
    const abandon = (unreachable: boolean): void => {
      const giveBack = fair ? () => this.#fairQueue.giveUp(acquisition, place?.ticket) : undefined;
      acquisition.abandon({ unreachable, giveBack, mayBeHanded: place?.ticket !== undefined });
    };
    let granted: Granted | undefined;
    try {
      granted = await acquire(acquisition, place);
    } catch (error) {
      abandon(isUnsure(error));
      throw error;
    }
    if (!granted) {
      abandon(false);
      return undefined;
    }
    this.#outage.answered();
    const kept = new KeptLease(this.#blob, { origin: acquisition, granted, terms });
    const share = this.#share ?? new Share(this.#blob.clock);
    const ticketGone = place?.ticket?.leave();
    return await this.#settle(new LocalLease({ kept, share, ticketGone, blob: this.#blob, tokens: this.#tokens }));
  }

  async #poll(acquisition: Acquisition): Promise<Granted | number> {
    const answer = await acquisition.ask(this.#patience.signal);
    if (answer.kind === "acquired") return answer;
    // Another process has it, so ours begins anew.
    this.#share = undefined;
    return pollDelayMs(this.#patience.waitedMs, this.#blob.random, this.#options.poll);
  }

  #placeFor(acquisition: Acquisition): PlaceInLine {
    const {
      fencing,
      description: { holder },
    } = this.#options;
    const { signal } = this.#patience;
    return new PlaceInLine({
      ...{ blob: this.#blob, queue: this.#fairQueue, acquisition, patience: this.#patience, holder },
      longestSleepMs: this.#longestSleepMs,
      onNext: () => fencing && void this.#tokens.lookAhead(this.#blob, signal),
    });
  }

  /** Makes a lease a hold: with a token, and good for long enough. Undefined if it was lost on the way. */
  async #settle(lease: LocalLease): Promise<Hold | undefined> {
    const { signal } = this.#patience;
    try {
      signal.throwIfAborted();
      return lease.holdBy(this.#turn, await this.#freshToken(lease.kept), this.#succession);
    } catch (error) {
      const lost = !signal.aborted && isMutexError(error) && error.code === "LOCK_LOST";
      this.#giveBack(lease, lost);
      if (!lost) throw error;
      this.#lost = error;
      return undefined;
    }
  }

  /** How long the service has not answered, for whoever is next in line; undefined if it was not asked. */
  get outage(): OutageTimer | undefined {
    return this.#outageSoFar;
  }

  /** Made when it is first asked for: whoever is handed the lock never is. */
  get #outage(): OutageTimer {
    this.#outageSoFar ??= new OutageTimer(this.#blob.clock, this.#options.unreachableAfterMs, this.#turn.legacy.outage);
    return this.#outageSoFar;
  }

  get #succession(): Succession {
    const { fair, terms } = this.#options;
    if (fair) {
      // What the service counts as left is the margin more than what we do.
      const enoughMs = Math.max(0, this.#longestSleepMs + 2 * this.#blob.requestTimeoutMs - terms.marginMs);
      return new FirstCome({ queue: this.#fairQueue, blob: this.#blob, enoughMs });
    }
    return new LocalFirst(this.#options, this.#blob.random);
  }

  get #asking(): PollingOptions {
    const { fencing, requestsAfter = 0 } = this.#options;
    // A poll that is granted is followed by a look at the record and a write of it, where another process held the lock before.
    return { blob: this.#blob, patience: this.#patience, outage: this.#outage, longer: (fencing ? 3 : 1) + requestsAfter };
  }

  get #fairQueue(): FairQueue {
    this.#queue ??= new FairQueue(this.#blob);
    return this.#queue;
  }

  /** Whoever is given the lock has to find out while two thirds of its lease last, and two tries of a request after that. */
  get #longestSleepMs(): number {
    const { leaseSeconds } = this.#options.terms;
    return (leaseSeconds * 1_000 * 2) / 3 - 2 * this.#blob.requestTimeoutMs;
  }

  /**
   * From the block that the record reserves for us, or else from one that is written now, under a lease that is good for long
   * enough. What the answer that granted it said of the blob is as old as the lease: others may have had it since, and have handed
   * it on to us. Undefined without fencing.
   */
  async #freshToken(kept: KeptLease): Promise<number | undefined> {
    const { fencing, description } = this.#options;
    for (;;) {
      const token = fencing ? (this.#tokens.next(kept.seen, description) ?? (await this.#reserveToken(kept))) : undefined;
      const { seen } = kept;
      await kept.freshen(this.#patience.signal);
      if (kept.seen === seen || !fencing) return token;
    }
  }

  async #reserveToken(kept: KeptLease): Promise<number> {
    const { description } = this.#options;
    const { leaseId, seen: before, signal: loss } = kept;
    const either = new LinkedSignal(this.#patience.signal, loss);
    const request = {
      leaseId,
      seen: before,
      description,
      signal: either.signal,
      outage: this.#outage,
      // Whoever waits goes through any number of refusals; whoever asks once does not keep the lease from others for that.
      ...(this.#isAskingOnce && { longestMs: this.#options.unreachableAfterMs }),
    };
    try {
      const { token, seen } = await this.#tokens.reserve(this.#blob, request);
      kept.seen = seen;
      return token;
    } finally {
      either.end();
    }
  }

  /** To whoever is next, if it is still held. In the background: nobody waits for that. */
  #giveBack(lease: LocalLease, lost: boolean): void {
    const isOver = lost || lease.kept.lostBecause !== undefined;
    const given = inRootContext(() => (isOver ? lease.kept.release() : this.#succession.end(lease, this.#turn, false)));
    given.catch((error) => this.#blob.log(`a lease on "${this.#blob.key}" lapses by itself: ${String(error)}`));
  }
}

import { isMutexError, type LockLostError } from "../errors.ts";
import { Acquisition, type Granted } from "../lease/acquisition.ts";
import type { FencingTokens } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { OutageTimer } from "../lease/outage-timer.ts";
import { Renewer } from "../lease/renewer.ts";
import { expiredBeforeUse, isUnsure, type RetryPolicy, retry, retryDelayMs } from "../lease/retry.ts";
import { sleep } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";
import { pollDelayMs } from "./backoff.ts";
import { FairWaiting } from "./fair-waiting.ts";
import { freshToken } from "./fresh-token.ts";
import { type HandOver, LocalFirstHandOver } from "./hand-over.ts";
import { HandOverBudget } from "./hand-over-budget.ts";
import { Hold } from "./hold.ts";
import type { QueueHead } from "./local-queue.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";
import type { PlaceInLine } from "./place-in-line.ts";
import { Polling } from "./polling.ts";
import type { ProcessLease } from "./process-lease.ts";
import type { WaitLimit } from "./wait-limit.ts";
import type { KeyWait } from "./wake-ups/key-wait.ts";
import type { KeyWakeUps } from "./wake-ups/key-wake-ups.ts";

export interface ContenderOptions {
  readonly blob: LockBlob;
  readonly tokens: FencingTokens;
  readonly options: ResolvedLockerOptions;
  readonly limit: WaitLimit;
  readonly head: QueueHead<ProcessLease>;
  /** Default: one that begins now. */
  readonly outage?: OutageTimer | undefined;
  /** Default: none, this task polls. */
  readonly wakeUps?: KeyWakeUps | undefined;
}

/** One try for the lease: what was granted, nothing, or how many milliseconds later to try again. */
type Step = () => Promise<Granted | undefined | number>;

/** One task of this process on its way from the head of the local queue to holding the lock. */
export class Contender {
  readonly #of: ContenderOptions;
  readonly #blob: LockBlob;
  readonly #limit: WaitLimit;
  #outageSoFar: OutageTimer | undefined;
  #budget: HandOverBudget | undefined;
  #isAskingOnce = false;
  /** The loss of the last lease that was granted and lost before the caller held it. */
  #lost: LockLostError | undefined;
  /** Undefined where processes poll instead of queueing. */
  readonly #fair: FairWaiting | undefined;

  constructor(options: ContenderOptions) {
    const { blob, limit, head, outage } = options;
    this.#of = options;
    this.#blob = blob;
    this.#limit = limit;
    this.#outageSoFar = outage;
    this.#fair = options.options.fair ? new FairWaiting(blob, options.options, options.wakeUps) : undefined;
    if (head.note.outage) outage?.continueFrom(head.note.outage);
    this.#budget = head.note.budget;
  }

  /**
   * Takes over what it was handed, or polls until it holds the lock. Throws the limit's reason,
   * `StoreUnavailableError`, `AccessDeniedError` or `StoreRefusedError`.
   */
  async wait(): Promise<Hold> {
    const { lease, note } = this.#of.head;
    let hold = lease && (await this.#settle(lease));
    if (hold) return hold;
    if (note.stayAwayMs)
      await sleep(this.#blob.clock, this.#limit.untilNextPoll(note.stayAwayMs, 0), { signal: this.#limit.signal });
    const { fencing, requestsAfter = 0 } = this.#of.options;
    // After a grant the record is read and written, where another process held the lock before.
    const longer = (fencing ? 3 : 1) + requestsAfter;
    const polling = { blob: this.#blob, limit: this.#limit, outage: this.#outage, longer };
    const stepOf = (acquisition: Acquisition, place: PlaceInLine | undefined): Step =>
      place ? () => place.step() : this.#pollOf(acquisition);
    for (let losses = 1; ; losses += 1) {
      hold = await this.#attemptToHold(stepOf, (wakeUps) => new Polling({ ...polling, wakeUps }));
      if (hold) return hold;
      // Granted, and lost before the caller saw it. The id of a lost lease is never used again.
      await sleep(this.#blob.clock, retryDelayMs(losses, this.#blob.random), { signal: this.#limit.signal });
    }
  }

  /** Asks once, in so many tries. Resolves with undefined if another holds the lock. */
  async tryOnce(tries: number): Promise<Hold | undefined> {
    this.#isAskingOnce = true;
    const signal = this.#limit.signal;
    let wasGranted = false;
    const askOf = (acquisition: Acquisition) => async (): Promise<Granted | undefined> => {
      this.#limit.sending();
      const answer = await acquisition.ask(signal);
      wasGranted = answer.kind === "acquired";
      return answer.kind === "acquired" ? answer : undefined;
    };
    const hold = await this.#attemptToHold(askOf, () => ({ signal, tries }));
    if (hold || !wasGranted || this.#lost?.why !== "expired") return hold;
    // No other holder was in the way.
    const { cause } = this.#lost;
    throw expiredBeforeUse(this.#blob.key, { answered: isUnsure(cause) && cause.answered, cause: this.#lost });
  }

  /** Tries for the lease under one id, as the policy says. Undefined if it was not granted, or was lost at once. */
  async #attemptToHold(
    stepOf: (acquisition: Acquisition, place: PlaceInLine | undefined) => Step,
    policyOf: (wakeUps: KeyWait | undefined) => RetryPolicy,
  ): Promise<Hold | undefined> {
    const { terms, fencing, description } = this.#of.options;
    const acquisition = new Acquisition(this.#blob, {
      length: terms.leaseSeconds,
      firstRecord: fencing ? (date) => this.#of.tokens.first(this.#blob, description, date) : undefined,
    });
    const place = this.#fair?.placeFor(acquisition, this.#limit, this.#of.tokens);
    const woken = place ? place.wakeUps : this.#isAskingOnce ? undefined : this.#of.wakeUps?.wait("one");
    const abandon = (unreachable: boolean): void => {
      const { queue } = this.#fair ?? {};
      const giveBack = queue && (() => queue.giveUp(acquisition, place?.ticket));
      acquisition.abandon({ unreachable, giveBack, mayBeHanded: place?.ticket !== undefined });
    };
    let granted: Granted | undefined;
    try {
      granted = await retry(this.#blob, stepOf(acquisition, place), policyOf(woken));
    } catch (error) {
      woken?.end();
      abandon(isUnsure(error));
      throw error;
    }
    if (!granted) {
      woken?.end();
      abandon(false);
      return undefined;
    }
    this.#outage.answered();
    const blob = this.#blob;
    const renewer = new Renewer(blob, { origin: acquisition, granted, terms });
    const budget = this.#budget ?? new HandOverBudget(blob.clock);
    const ticketGone = place?.ticket?.leave();
    const reserved = place?.wakeUps?.reservedAt(granted.etag);
    if (reserved) this.#of.tokens.accept(blob, reserved, { description, signal: renewer.lease.signal });
    const onRelease = this.#of.wakeUps?.holds(renewer.lease, woken);
    woken?.end();
    return await this.#settle({ blob, tokens: this.#of.tokens, renewer, budget, ticketGone, onRelease });
  }

  #pollOf(acquisition: Acquisition): Step {
    return async () => {
      const answer = await acquisition.ask(this.#limit.signal);
      if (answer.kind === "acquired") return answer;
      // Another process holds the lock, so the budget of this one begins anew.
      this.#budget = undefined;
      return pollDelayMs(this.#limit.waitedMs, this.#blob.random, this.#of.options.poll);
    };
  }

  /** Makes a lease a hold: with a token, and good for long enough. Undefined if it was lost on the way. */
  async #settle(lease: ProcessLease): Promise<Hold | undefined> {
    const { signal } = this.#limit;
    try {
      signal.throwIfAborted();
      const token = await this.#freshToken(lease);
      const hold = new Hold({ lease, head: this.#of.head, token, handOver: this.#handOver });
      lease.onTaken?.();
      return hold;
    } catch (error) {
      const lost = !signal.aborted && isMutexError(error) && error.code === "LOCK_LOST";
      giveLeaseBack(lease, lost, () => this.#handOver.end(lease, this.#of.head, false));
      if (!lost) throw error;
      this.#lost = error;
      return undefined;
    }
  }

  #freshToken(lease: ProcessLease): Promise<number | undefined> {
    const { fencing, description, unreachableAfterMs } = this.#of.options;
    // A caller that waits repeats any number of refused writes. One that asks once must not keep other tasks waiting.
    const longestMs = this.#isAskingOnce ? unreachableAfterMs : undefined;
    const { signal } = this.#limit;
    return freshToken(lease, { fencing, description, signal, outage: () => this.#outage, longestMs });
  }

  /** Leaves the queue without a hold. The next task goes on with what this one knows of an outage. */
  leave(): void {
    this.#of.head.leave({ outage: this.#outageSoFar });
  }

  /** Made when it is first asked for: a waiter that is handed the lock never asks. */
  get #outage(): OutageTimer {
    const { options, head } = this.#of;
    this.#outageSoFar ??= new OutageTimer(this.#blob.clock, options.unreachableAfterMs, head.note.outage);
    return this.#outageSoFar;
  }

  get #handOver(): HandOver {
    return this.#fair ? this.#fair.handOver : new LocalFirstHandOver(this.#of.options, this.#blob.random);
  }
}

/** Gives a lease to the next holder, if it is still held. In the background: no caller waits for that. */
function giveLeaseBack(processLease: ProcessLease, isLost: boolean, handOver: () => Promise<unknown>): void {
  const { blob, renewer } = processLease;
  const { lease } = renewer;
  const end = (): Promise<unknown> => (isLost || lease.lostBecause ? lease.release() : handOver());
  inRootContext(end).catch((error) => blob.log(`a lease on "${blob.key}" lapses by itself: ${String(error)}`));
}

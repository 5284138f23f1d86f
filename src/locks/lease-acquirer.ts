import type { Announcement } from "../blobs/holder.ts";
import { isMutexError } from "../errors.ts";
import type { BlobOf, LockBlob } from "../lease/lock-blob.ts";
import type { OutageTimer } from "../lease/outage-timer.ts";
import { TRIES } from "../lease/retry.ts";
import { areSameTerms } from "../lease/terms.ts";
import type { ObservedWait } from "../telemetry/observer.ts";
import { Contender, type ContenderOptions } from "../waiting/contender.ts";
import { endQuietly } from "../waiting/held.ts";
import type { Hold } from "../waiting/hold.ts";
import type { KeyState } from "../waiting/key-states.ts";
import type { ResolvedLockerOptions } from "../waiting/locker-options.ts";
import type { ProcessLease } from "../waiting/process-lease.ts";
import { WaitLimit, waitFor } from "../waiting/wait-limit.ts";
import type { WaitOptions } from "../waiting/wait-options.ts";
import type { KeyWakeUps } from "../waiting/wake-ups/key-wake-ups.ts";
import type { LockSpace } from "./lock-space.ts";

/** Which blob is meant, and who is told of its release. */
export interface LeaseOf extends BlobOf {
  /**
   * The name of what is waited for with this lease, where that is not the blob itself: those who wait for it are told.
   * Default: the blob of a key; nothing for a helper blob.
   */
  readonly toldOf?: string | undefined;
}

/** Acquires the lease of one blob for tasks of this process, which queue for it in memory. */
export class LeaseAcquirer {
  readonly options: ResolvedLockerOptions;
  readonly blob: LockBlob;
  readonly #space: LockSpace;
  readonly #of: LeaseOf;

  constructor(space: LockSpace, of: LeaseOf, options: ResolvedLockerOptions) {
    this.#space = space;
    this.#of = of;
    this.options = options;
    this.blob = space.blob(of, options.terms);
  }

  /** Waits until the lease is held. The wait is observed. An outage of the service that began before counts on. */
  acquire(options: WaitOptions, wait?: ObservedWait, outage?: OutageTimer): Promise<Hold> {
    const acquireWithin = (limit: WaitLimit): Promise<Hold> => this.acquireWithin(limit, outage);
    return waitFor(this.blob, options, { acquireWithin, tryAcquire: (signal) => this.tryAcquire(signal, wait) }, wait);
  }

  /** The same within a wait that has begun: the place in the queue is that of a task that came when it began. */
  async acquireWithin(limit: WaitLimit, outage?: OutageTimer): Promise<Hold> {
    const state = this.keyState;
    const { terms } = this.options;
    const accepts = ({ renewer }: ProcessLease): boolean => areSameTerms(renewer.terms, terms);
    const head = await state.queue.enter({ limit, accepts });
    const loading = this.#loadWakeUps();
    if (loading !== undefined) limit.preparing();
    const contender = this.#contender(state, { head, limit, outage, wakeUps: loading && (await loading) });
    return await this.#kept(state, contender, contender.wait());
  }

  /**
   * Asks exactly once, in so many tries for an answer. Resolves with undefined if another, here or elsewhere, holds the
   * lease or waits for it here.
   */
  async tryAcquire(
    signal: AbortSignal | undefined,
    wait?: ObservedWait,
    tries: number = TRIES,
  ): Promise<Hold | undefined> {
    signal?.throwIfAborted();
    this.blob.closing.signal.throwIfAborted();
    const state = this.keyState;
    const head = state.queue.tryEnter();
    if (!head) return undefined;
    const limit = new WaitLimit(this.blob, this.#of.key, { signal }, wait);
    try {
      const loading = this.#loadWakeUps();
      const contender = this.#contender(state, { head, limit, wakeUps: loading && (await loading) });
      return await this.#kept(state, contender, contender.tryOnce(tries));
    } finally {
      limit.end();
    }
  }

  /**
   * Replaces what the holder announces with its token; undefined takes it back. Throws `LockLostError` if the lease
   * turns out to be lost, or the signal's reason.
   */
  async announce(hold: Hold, announcement: Announcement | undefined, signal: AbortSignal): Promise<void> {
    const { token, lease } = hold;
    if (token === undefined) throw new TypeError("without a fencing token there is nothing to announce");
    const { description } = this.options;
    const request = { leaseId: lease.leaseId, lastStamp: lease.lastStamp, description, signal };
    try {
      const { lastStamp } = await this.keyState.tokens.announce(this.blob, request, { token, announcement });
      lease.wrote(lastStamp);
    } catch (error) {
      if (error !== signal.reason && isMutexError(error) && error.code === "LOCK_LOST") lease.lose(error);
      throw error;
    }
  }

  /** What is told of the blob, or the folder, of this name. Undefined where there is no channel. */
  wakeUpsOf(name: string): Promise<KeyWakeUps | undefined> | undefined {
    return this.#space.wakeUps?.of(name);
  }

  get keyState(): KeyState {
    return this.#space.keyState(this.#of);
  }

  #contender(state: KeyState, to: Pick<ContenderOptions, "head" | "limit" | "outage" | "wakeUps">): Contender {
    const { blob, options } = this;
    return new Contender({ blob, tokens: state.tokens, options, ...to });
  }

  #loadWakeUps(): Promise<KeyWakeUps | undefined> | undefined {
    const { key, name = key, toldOf = name === key ? key : undefined } = this.#of;
    return toldOf === undefined ? undefined : this.wakeUpsOf(toldOf);
  }

  /** Leaves the queue if nothing is won with it. A hold leaves it by itself when it ends. */
  async #kept<T extends Hold | undefined>(state: KeyState, contender: Contender, winning: Promise<T>): Promise<T> {
    let hold: T | undefined;
    try {
      hold = await winning;
    } finally {
      if (!hold) contender.leave();
    }
    if (!hold) return hold;
    this.#space.remember(state, hold);
    // Won while the mutex releases everything: what ends the holds has not seen this one.
    const { closing, key, log } = this.blob;
    if (closing.signal.aborted) void endQuietly(hold, log, `the lock on "${key}"`);
    closing.signal.throwIfAborted();
    return hold;
  }
}

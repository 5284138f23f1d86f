import { LockLostError, LockTimeoutError, NotHeldError } from "./errors.ts";
import { checkKey } from "./lease/blob-name.ts";
import { LockSpace, type MutexOptions } from "./lock-space.ts";
import { type LeaseTerms, shown } from "./options.ts";
import { Contender } from "./waiting/contender.ts";
import type { Hold, LocalLease } from "./waiting/hold.ts";
import type { Comer, Turn } from "./waiting/local-queue.ts";
import { type LockerOptions, type ResolvedLockerOptions, resolveLockerOptions } from "./waiting/locker-options.ts";
import { Patience, type WaitOptions } from "./waiting/patience.ts";

/** A lock that is held, until it is released or lost. */
export class Lock {
  readonly key: string;
  readonly leaseId: string;
  /**
   * Higher than the token of every earlier holder of this key. Hand it to whatever you write to, and have a write refused
   * whose token is lower than one seen before: that stops a holder who was paused after it last asked. Undefined with
   * `fencing: false`.
   */
  readonly fencingToken: number | undefined;
  readonly #hold: Hold;

  /** @internal */
  constructor(key: string, hold: Hold) {
    this.key = key;
    this.leaseId = hold.leaseId;
    this.fencingToken = hold.token;
    this.#hold = hold;
  }

  /**
   * Aborts when the lock is lost; `signal.reason` is a `LockLostError`. Late by any stall of the event loop: after a pause,
   * ask {@link Lock.assertHeld}.
   */
  get signal(): AbortSignal {
    return this.#hold.signal;
  }

  /** Whether the lock is held, by the clock at this very moment. Once lost, it is lost for ever. */
  get isHeld(): boolean {
    return this.#hold.isHeld;
  }

  /** How long the lock is good for without another renewal, in milliseconds, by the clock at this moment; 0 when it is not held. */
  get remainingMs(): number {
    return this.#hold.remainingMs;
  }

  /**
   * Throws unless the lock is held, by the clock at this very moment: `LockLostError`, or `NotHeldError` after a release.
   * No lock can see a pause between this question and the write that follows; {@link Lock.fencingToken} and
   * {@link Lock.conditions} are for that.
   */
  assertHeld(): void {
    if (this.#hold.ended) throw new NotHeldError(this.key);
    const lost = this.#hold.lostBecause;
    if (lost) throw lost;
  }

  /**
   * The lease, as the SDK's `conditions` take it: with them Azure itself refuses a write to the locked blob once the lease
   * is another's.
   */
  get conditions(): { readonly leaseId: string } {
    return { leaseId: this.#hold.giveOutId() };
  }

  /**
   * Gives the lock back. Whatever it was that ended the lease, a loss included, it is done; called again, it does nothing.
   * Throws `StoreUnavailableError` or `AccessDeniedError` if the service could not be told: the lease then lapses by itself.
   */
  async release(): Promise<void> {
    await this.#hold.end();
  }

  /** Gives the lock back at the end of an `await using` block. Never throws: what it cannot tell the service lapses by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hold.end().catch(() => undefined);
  }
}

/**
 * Locks one key: waits for the lease, renews it in the background until it is given back, and says so when it is lost. Can be
 * used any number of times, also by several tasks at once: those of one {@link AzureMutex} and key queue in order.
 */
export class Locker {
  readonly key: string;
  readonly #space: LockSpace;
  readonly #options: ResolvedLockerOptions;
  #current: Hold | undefined;

  /**
   * @param mutex - The mutex whose container has the lock, or options for one of this locker's own.
   * @param key - The lock's name, and its blob's.
   * @throws `InvalidKeyError` for a key that cannot be a blob's name; `RangeError` or `TypeError` for options that do not fit.
   */
  constructor(mutex: LockSpace | MutexOptions, key: string, options: LockerOptions = {}) {
    checkKey(key);
    this.key = key;
    this.#space = mutex instanceof LockSpace ? mutex : new LockSpace(mutex);
    this.#options = resolveLockerOptions(options, this.#space.tryTimeoutMs);
  }

  /**
   * Waits until the lock is held. Short failures of the service are waited out.
   *
   * Rejects with `LockTimeoutError` after `timeoutMs`, with the signal's own reason when it aborts, with
   * `StoreUnavailableError` after 20 s without any answer (`unreachableAfterMs`), with `AccessDeniedError` when the service
   * refuses the credentials and with `StoreRefusedError` when it refuses for another reason that will not pass.
   */
  async lock(options: WaitOptions = {}): Promise<Lock> {
    this.#current = await this.#obtain(options);
    return new Lock(this.key, this.#current);
  }

  /**
   * Asks exactly once, and never waits for anybody. Resolves with undefined if somebody else, here or elsewhere, holds the
   * lock or waits for it here. Rejects as {@link Locker.lock} does.
   */
  async tryLock({ signal }: Pick<WaitOptions, "signal"> = {}): Promise<Lock | undefined> {
    const hold = await this.#tryObtain(signal);
    if (!hold) return undefined;
    this.#current = hold;
    return new Lock(this.key, hold);
  }

  /**
   * Runs `work` under the lock and gives it back afterwards. Resolves or rejects as `work` does, but with a `LockLostError` if
   * the lock was lost before `work` ended, whatever came of it; what `work` threw is then its `workError`. A release that
   * fails is logged: it changes nothing about the work.
   */
  async run<T>(work: (lock: Lock) => Promise<T> | T, options: WaitOptions = {}): Promise<T> {
    if (typeof work !== "function") throw new TypeError(`work must be a function, not ${shown(work)}`);
    const hold = await this.#obtain(options);
    let result: T;
    try {
      result = await work(new Lock(this.key, hold));
    } catch (error) {
      const lost = await this.#endQuietly(hold);
      if (!lost) throw error;
      if (error !== lost) lost.workError = error;
      throw lost;
    }
    const lost = await this.#endQuietly(hold);
    if (lost) throw lost;
    return result;
  }

  /**
   * Gives back what {@link Locker.lock} or {@link Locker.tryLock} of this locker got last. Throws `NotHeldError` if there is
   * nothing to give back, and `LockLostError` if it was lost before: what you did under the lock may not have been alone.
   */
  async unlock(): Promise<void> {
    const hold = this.#current;
    if (!hold || hold.ended) throw new NotHeldError(this.key);
    const lost = await this.#end(hold);
    if (lost) throw lost;
  }

  async #obtain(options: WaitOptions): Promise<Hold> {
    const { timeoutMs, signal } = checkWaitOptions(options);
    if (timeoutMs === 0) {
      const hold = await this.#tryObtain(signal);
      if (hold) return hold;
      throw new LockTimeoutError(this.key, 0);
    }
    const known = this.#space.known(this.key);
    const patience = new Patience(known.blob.clock, this.key, { timeoutMs, signal });
    try {
      const turn = await known.queue.enter(this.#comer(patience));
      return await leavingUnless(turn, new Contender({ ...known, options: this.#options, patience, turn }).wait());
    } finally {
      patience.end();
    }
  }

  async #tryObtain(signal: AbortSignal | undefined): Promise<Hold | undefined> {
    checkWaitOptions({ signal });
    signal?.throwIfAborted();
    const known = this.#space.known(this.key);
    const turn = known.queue.tryEnter();
    if (!turn) return undefined;
    const patience = new Patience(known.blob.clock, this.key, { signal });
    try {
      return await leavingUnless(turn, new Contender({ ...known, options: this.#options, patience, turn }).tryOnce());
    } finally {
      patience.end();
    }
  }

  #comer(patience: Patience): Comer<LocalLease> {
    const { terms } = this.#options;
    return {
      signal: patience.signal,
      accepts: ({ kept }) => areSame(kept.terms, terms),
      get waitedMs() {
        return patience.waitedMs;
      },
    };
  }

  /** Ends the hold. Resolves with the error if the lock was lost before that. */
  async #end(hold: Hold): Promise<LockLostError | undefined> {
    const { declaredLoss } = hold;
    const ending = hold.end();
    const { overdue } = hold;
    try {
      const answer = await ending;
      if (declaredLoss) return declaredLoss;
      // Released, though overdue: nobody else came in between, or the service would have refused.
      if (answer.kind === "released") return undefined;
      const refused = new LockLostError(this.key, answer.why, `release refused (${answer.status})`);
      if (!overdue) return refused;
      overdue.cause ??= refused;
      return overdue;
    } catch (error) {
      if (overdue) return overdue;
      throw error;
    }
  }

  async #endQuietly(hold: Hold): Promise<LockLostError | undefined> {
    try {
      return await this.#end(hold);
    } catch (error) {
      this.#space.blob(this.key).log(`the lock on "${this.key}" could not be released and lapses by itself: ${String(error)}`);
      return undefined;
    }
  }
}

/** Leaves the turn if nothing was won with it. A hold leaves it by itself when it ends. */
async function leavingUnless<T extends Hold | undefined>(turn: Turn<LocalLease>, winning: Promise<T>): Promise<T> {
  let hold: T | undefined;
  try {
    hold = await winning;
    return hold;
  } finally {
    if (!hold) turn.leave();
  }
}

/** Whether a lease kept on the one's terms is as good on the other's. */
function areSame(a: LeaseTerms, b: LeaseTerms): boolean {
  return (
    a.leaseSeconds === b.leaseSeconds && a.renewEveryMs === b.renewEveryMs && a.marginMs === b.marginMs && a.tryTimeoutMs === b.tryTimeoutMs
  );
}

function checkWaitOptions(options: WaitOptions): WaitOptions {
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined && (typeof timeoutMs !== "number" || !(timeoutMs >= 0))) {
    throw new RangeError(`timeoutMs must be a number of milliseconds of at least 0, not ${shown(timeoutMs)}`);
  }
  if (signal !== undefined && typeof signal?.addEventListener !== "function")
    throw new TypeError(`signal must be an AbortSignal, not ${shown(signal)}`);
  return options;
}

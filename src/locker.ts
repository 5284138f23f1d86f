import { LockLostError, LockTimeoutError, NotHeldError } from "./errors.ts";
import { checkKey } from "./lease/blob-name.ts";
import type { KeptLease } from "./lease/renewal.ts";
import { LockSpace, type MutexOptions } from "./lock-space.ts";
import { type LockerOptions, type ResolvedLockerOptions, resolveLockerOptions, shown } from "./options.ts";
import { Contender, type Hold } from "./waiting/contender.ts";
import type { Turn } from "./waiting/local-queue.ts";
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
  readonly #kept: KeptLease;

  /** @internal */
  constructor(key: string, { kept, token }: Hold) {
    this.key = key;
    this.leaseId = kept.leaseId;
    this.fencingToken = token;
    this.#kept = kept;
  }

  /**
   * Aborts when the lock is lost; `signal.reason` is a `LockLostError`. Late by any stall of the event loop: after a pause,
   * ask {@link Lock.assertHeld}.
   */
  get signal(): AbortSignal {
    return this.#kept.signal;
  }

  /** Whether the lock is held, by the clock at this very moment. Once lost, it is lost for ever. */
  get isHeld(): boolean {
    return this.#kept.isHeld;
  }

  /** How long the lock is good for without another renewal, in milliseconds, by the clock at this moment; 0 when it is not held. */
  get remainingMs(): number {
    return this.#kept.remainingMs;
  }

  /**
   * Throws unless the lock is held, by the clock at this very moment: `LockLostError`, or `NotHeldError` after a release.
   * No lock can see a pause between this question and the write that follows; {@link Lock.fencingToken} and
   * {@link Lock.conditions} are for that.
   */
  assertHeld(): void {
    if (this.#kept.released) throw new NotHeldError(this.key);
    const lost = this.#kept.lostBecause;
    if (lost) throw lost;
  }

  /**
   * The lease, as the SDK's `conditions` take it: with them Azure itself refuses a write to the locked blob once the lease
   * is another's.
   */
  get conditions(): { readonly leaseId: string } {
    return { leaseId: this.leaseId };
  }

  /**
   * Gives the lock back. Whatever it was that ended the lease, a loss included, it is done; called again, it does nothing.
   * Throws `StoreUnavailableError` or `AccessDeniedError` if the service could not be told: the lease then lapses by itself.
   */
  async release(): Promise<void> {
    await this.#kept.release();
  }

  /** Gives the lock back at the end of an `await using` block. Never throws: what it cannot tell the service lapses by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept.release().catch(() => undefined);
  }
}

interface Held {
  readonly lock: Lock;
  readonly kept: KeptLease;
}

/**
 * Locks one key: waits for the lease, renews it in the background until it is given back, and says so when it is lost. Can be
 * used any number of times, also by several tasks at once: those of one {@link AzureMutex} and key queue in order.
 */
export class Locker {
  readonly key: string;
  readonly #space: LockSpace;
  readonly #options: ResolvedLockerOptions;
  #current: Held | undefined;

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
    return this.#current.lock;
  }

  /**
   * Asks exactly once, and never waits for anybody. Resolves with undefined if somebody else, here or elsewhere, holds the
   * lock or waits for it here. Rejects as {@link Locker.lock} does.
   */
  async tryLock({ signal }: Pick<WaitOptions, "signal"> = {}): Promise<Lock | undefined> {
    const held = await this.#tryObtain(signal);
    if (held) this.#current = held;
    return held?.lock;
  }

  /**
   * Runs `work` under the lock and gives it back afterwards. Resolves or rejects as `work` does, but with a `LockLostError` if
   * the lock was lost before `work` ended, whatever came of it; what `work` threw is then its `workError`. A release that
   * fails is logged: it changes nothing about the work.
   */
  async run<T>(work: (lock: Lock) => Promise<T> | T, options: WaitOptions = {}): Promise<T> {
    if (typeof work !== "function") throw new TypeError(`work must be a function, not ${shown(work)}`);
    const held = await this.#obtain(options);
    let result: T;
    try {
      result = await work(held.lock);
    } catch (error) {
      const lost = await this.#endQuietly(held);
      if (!lost) throw error;
      if (error !== lost) lost.workError = error;
      throw lost;
    }
    const lost = await this.#endQuietly(held);
    if (lost) throw lost;
    return result;
  }

  /**
   * Gives back what {@link Locker.lock} or {@link Locker.tryLock} of this locker got last. Throws `NotHeldError` if there is
   * nothing to give back, and `LockLostError` if it was lost before: what you did under the lock may not have been alone.
   */
  async unlock(): Promise<void> {
    const held = this.#current;
    if (!held || held.kept.released) throw new NotHeldError(this.key);
    const lost = await this.#end(held);
    if (lost) throw lost;
  }

  async #obtain(options: WaitOptions): Promise<Held> {
    const { timeoutMs, signal } = checkWaitOptions(options);
    if (timeoutMs === 0) {
      const held = await this.#tryObtain(signal);
      if (held) return held;
      throw new LockTimeoutError(this.key, 0);
    }
    const blob = this.#space.blob(this.key);
    const { queue, tokens } = this.#space.known(this.key);
    const patience = new Patience(blob.clock, this.key, { timeoutMs, signal });
    try {
      const turn = await queue.enter(patience.signal);
      return await this.#hold(turn, new Contender(blob, tokens, this.#options, patience).wait());
    } finally {
      patience.end();
    }
  }

  async #tryObtain(signal: AbortSignal | undefined): Promise<Held | undefined> {
    checkWaitOptions({ signal });
    signal?.throwIfAborted();
    const blob = this.#space.blob(this.key);
    const { queue, tokens } = this.#space.known(this.key);
    const turn = queue.tryEnter();
    if (!turn) return undefined;
    const patience = new Patience(blob.clock, this.key, { signal });
    try {
      return await this.#hold(turn, new Contender(blob, tokens, this.#options, patience).tryOnce());
    } finally {
      patience.end();
    }
  }

  /** Makes what the contender won a lock, and keeps the turn for as long as that is held. */
  #hold(turn: Turn, winning: Promise<Hold>): Promise<Held>;
  #hold(turn: Turn, winning: Promise<Hold | undefined>): Promise<Held | undefined>;
  async #hold(turn: Turn, winning: Promise<Hold | undefined>): Promise<Held | undefined> {
    let hold: Hold | undefined;
    try {
      hold = await winning;
    } finally {
      if (!hold) turn.leave();
    }
    if (!hold) return undefined;
    void hold.kept.ended.then(() => turn.leave());
    return { lock: new Lock(this.key, hold), kept: hold.kept };
  }

  /** Gives the lock back. Resolves with the error if it was lost before that. */
  async #end({ kept }: Held): Promise<LockLostError | undefined> {
    if (kept.signal.aborted) {
      await kept.release();
      return kept.signal.reason as LockLostError;
    }
    const overdue = kept.lostBecause;
    try {
      const answer = await kept.release();
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

  async #endQuietly(held: Held): Promise<LockLostError | undefined> {
    try {
      return await this.#end(held);
    } catch (error) {
      this.#space.blob(this.key).log(`the lock on "${this.key}" could not be released and lapses by itself: ${String(error)}`);
      return undefined;
    }
  }
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

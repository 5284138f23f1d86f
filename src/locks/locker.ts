import { NotHeldError } from "../errors.ts";
import { checkKey } from "../store/azure/blob-name.ts";
import type { LockEvents } from "../telemetry/lock-events.ts";
import type { Hold } from "../waiting/hold.ts";
import { type LockerOptions, resolveLockerOptions } from "../waiting/locker-options.ts";
import { checkWaitOptions, type TryOptions, type WaitOptions } from "../waiting/wait-limit.ts";
import { Holding, holdingState } from "./holding.ts";
import { LeaseAcquirer } from "./lease-acquirer.ts";
import { type Mutex, type MutexOptions, spaceFor } from "./lock-space.ts";
import { type Lockable, SourceLock } from "./lockable.ts";

const AMBIGUOUS =
  "unlock() may mean another call of this locker; release the lock that lock() returned, use run(), or make a locker for each task";

/**
 * The id of a lock's lease, which does not count as read by this. For the simulation, which must not change what it
 * watches.
 */
export let currentLeaseId: (lock: Lock) => string;

/** A lock that is held, until it is released or lost. */
export class Lock extends Holding {
  /**
   * Higher than the token of every earlier holder of this key. Hand it to whatever you write to, and have a write
   * refused whose token is lower than one seen before: that stops a holder who was paused after it last asked.
   * Undefined with `fencing: false`.
   *
   * @example
   * ```ts
   * await mutex.locker("report").run((lock) =>
   *   database.query("UPDATE reports SET body = $1, token = $2 WHERE id = 7 AND token < $2", [body, lock.fencingToken]),
   * );
   * ```
   */
  readonly fencingToken: number | undefined;
  readonly #hold: Hold;

  /** @internal */
  constructor(key: string, hold: Hold) {
    super(key, hold);
    this.fencingToken = hold.token;
    this.#hold = hold;
  }

  static {
    currentLeaseId = (lock) => lock.#hold.leaseId;
  }

  /**
   * The id of the lease. Once it, or {@link Lock.conditions}, was read, no other task of this process is handed the
   * lock under it: the lease is released first, at the cost of two requests or more. Both go on to say the same when
   * the lock is released. **Read for the first time after that, it is an id that no lease has**: Azure refuses a write
   * with it.
   */
  get leaseId(): string {
    return this.#hold.giveOutId();
  }

  /**
   * The lease, as the SDK's `conditions` take it: with them Azure itself refuses a write to the locked blob once the
   * lease is another's. Reading it counts as reading {@link Lock.leaseId}.
   *
   * @example
   * ```ts
   * await mutex.locker("state.json").run((lock) => blob.upload(body, body.length, { conditions: lock.conditions }));
   * ```
   */
  get conditions(): { readonly leaseId: string } {
    return { leaseId: this.#hold.giveOutId() };
  }
}

/** The caller's handle of a hold on the lease of a key. */
export function lockOf(hold: Hold): Lock {
  return new Lock(hold.key, hold);
}

/**
 * Locks one key: waits for the lease, renews it in the background until it is given back, and says so when it is lost.
 * Can be used any number of times, also by several tasks at once: those of one {@link AzureMutex} and key queue in
 * order.
 *
 * @example
 * ```ts
 * const locker = new Locker(mutex, "migration", { leaseSeconds: 30 });
 * await locker.run((lock) => migrate(lock.signal)); // waits for the lock, and releases it
 * const lock = await locker.tryLock(); // one attempt
 * await lock?.release();
 * ```
 */
export class Locker implements Lockable<Lock> {
  /** The name of the lock, and of its blob. */
  readonly key: string;
  readonly #lockable: SourceLock<Hold, Lock>;
  readonly #calls: LockCalls = new LockCalls();

  /**
   * @param mutex - The mutex whose container has the lock, or options for one of this locker's own.
   * @param key - The lock's name, and its blob's.
   * @throws `InvalidKeyError` for a key that cannot be a blob's name; `RangeError` or `TypeError` for options that do
   *   not fit.
   */
  constructor(mutex: Mutex | MutexOptions, key: string, options: LockerOptions = {}) {
    checkKey(key);
    this.key = key;
    const space = spaceFor(mutex);
    const source = new LeaseAcquirer(space, { key }, resolveLockerOptions(options, space));
    const { blob } = source;
    this.#lockable = new SourceLock({ kind: "lock", key, source, handle: lockOf, blob, terms: source.options.terms });
  }

  /**
   * Calls back whenever that happens to a lock that is asked of this locker from now on, in whatever way. What a
   * listener throws is logged. Throws `TypeError` for an event that there is not.
   */
  on<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#lockable.on(event, listener);
    return this;
  }

  /** Does not call back any more. */
  off<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#lockable.off(event, listener);
    return this;
  }

  /**
   * Waits until the lock is held. Short failures of the service are waited out.
   *
   * Rejects with `LockTimeoutError` after `timeoutMs`, with the signal's own reason when it aborts, with
   * `StoreUnavailableError` after 20 s without any answer (`unreachableAfterMs`), with `AccessDeniedError` when the
   * service refuses the credentials, with `StoreRefusedError` when it refuses for another reason that will not pass,
   * and with `KeyKindMismatchError` when the key is used as something else, a semaphore say. The last is noticed where
   * the record is read.
   */
  async lock(options: WaitOptions = {}): Promise<Lock> {
    const endedBefore = this.#calls.ended;
    let lock: Lock | undefined;
    try {
      lock = await this.#lockable.lock(options);
      return lock;
    } finally {
      this.#calls.end(lock, endedBefore);
    }
  }

  /**
   * Asks exactly once, and never waits for anybody. Resolves with undefined if another, here or elsewhere, holds the
   * lock or waits for it here. Rejects as {@link Locker.lock} does.
   */
  async tryLock(options: TryOptions = {}): Promise<Lock | undefined> {
    checkWaitOptions(options);
    const endedBefore = this.#calls.ended;
    let lock: Lock | undefined;
    try {
      lock = await this.#lockable.tryLock(options);
      return lock;
    } finally {
      this.#calls.end(lock, endedBefore);
    }
  }

  /**
   * Runs `work` under the lock and gives it back afterwards. Resolves or rejects as `work` does, but with a
   * `LockLostError` if the lock was lost before `work` ended, whatever came of it; what `work` threw is then its
   * `workError`. A release that fails is logged: it changes nothing about the work. A work that is to end with the
   * process, too, is given `until`.
   */
  async run<T>(work: (lock: Lock) => Promise<T> | T, options: WaitOptions = {}): Promise<T> {
    return await this.#lockable.run(work, options);
  }

  /**
   * Releases what {@link Locker.lock} or {@link Locker.tryLock} of this locker got, the oldest that was not released
   * yet. It never ends a lock that another call may have got: two tasks that share a locker cannot be told apart here.
   * Release the lock that `lock` returned, use `run`, or make a locker for each task: lockers of one mutex and key
   * share one queue.
   *
   * @throws `NotHeldError` if there is nothing to release, or if it may belong to another call; `LockLostError` if it
   *   was lost before: what was done under the lock may not have been alone. `StoreUnavailableError` or
   *   `AccessDeniedError` if the service could not be told: the lease then lapses by itself.
   */
  async unlock(): Promise<void> {
    const found = this.#calls.unlocked();
    if (!found) throw new NotHeldError(this.key);
    const { lock, isCertain } = found;
    const state = holdingState(lock);
    if (!isCertain && !state.held.lostBecause) throw new NotHeldError(this.key, AMBIGUOUS);
    this.#calls.answer();
    const lost = isCertain ? await state.end() : state.held.lostBecause;
    this.#calls.forget(lock);
    if (lost) throw lost;
  }
}

/** The calls of one locker that {@link Locker.unlock} may mean. */
class LockCalls {
  /** The oldest and the latest lock that neither `unlock` nor a release of its own has answered yet. */
  #oldest: Lock | undefined;
  #latest: Lock | undefined;
  #ended = 0;
  /** The value of `#ended` when the latest lock was asked for. */
  #endedBefore = 0;

  /**
   * How many calls have ended whose callers may call `unlock` again: those that got nothing, and those that `unlock`
   * answered.
   */
  get ended(): number {
    return this.#ended;
  }

  /** A call has got this lock, or nothing; so many calls had ended before. */
  end(lock: Lock | undefined, endedBefore: number): void {
    if (lock) {
      this.#oldest = this.#unanswered ?? lock;
      this.#latest = lock;
      this.#endedBefore = endedBefore;
    } else this.answer();
  }

  /** The lock that `unlock` means, and whether it can only be this one. */
  unlocked(): { readonly lock: Lock; readonly isCertain: boolean } | undefined {
    const lock = this.#unanswered;
    return lock && { lock, isCertain: lock === this.#latest && this.#ended === this.#endedBefore };
  }

  /** A call got its answer. */
  answer(): void {
    this.#ended += 1;
  }

  forget(lock: Lock): void {
    if (this.#oldest === lock) this.#oldest = undefined;
    if (this.#latest === lock) this.#latest = undefined;
  }

  get #unanswered(): Lock | undefined {
    return [this.#oldest, this.#latest].find((lock) => lock && !holdingState(lock).held.ended);
  }
}

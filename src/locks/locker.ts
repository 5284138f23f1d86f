import { NotHeldError } from "../errors.ts";
import { checkKey } from "../store/azure/blob-name.ts";
import { type LockerOptions, resolveLockerOptions } from "../waiting/locker-options.ts";
import type { TryOptions, WaitOptions } from "../waiting/wait-options.ts";
import { holdingState } from "./holding.ts";
import { LeaseAcquirer } from "./lease-acquirer.ts";
import { type Lock, lockOf } from "./lock.ts";
import type { MutexOptions } from "./lock-space.ts";
import { SourceLock } from "./lockable.ts";
import { type Mutex, spaceFor } from "./mutex.ts";

const AMBIGUOUS =
  "unlock() may mean another call of this locker; release the lock that lock() returned, use run(), " +
  "or make a locker for each task";

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
export class Locker extends SourceLock<Lock> {
  /** The name of the lock, and of its blob. */
  readonly key: string;
  readonly #calls: LockCalls = new LockCalls();

  /**
   * @param mutex - The mutex whose container has the lock, or options for one of this locker's own.
   * @param key - The lock's name, and its blob's.
   * @throws `InvalidKeyError` for a key that cannot be a blob's name; `RangeError` or `TypeError` for options that do
   *   not fit.
   */
  constructor(mutex: Mutex | MutexOptions, key: string, options: LockerOptions = {}) {
    checkKey(key);
    const space = spaceFor(mutex);
    const resolved = resolveLockerOptions(options, space);
    const source = new LeaseAcquirer(space, { key }, resolved);
    super({ kind: "lock", key, space, options: resolved, source, handle: lockOf });
    this.key = key;
  }

  /** What it gets is for {@link Locker.unlock} to release, too. @inheritDoc */
  override async lock(options: WaitOptions = {}): Promise<Lock> {
    return await this.#calls.during(this.#calls.ended, super.lock(options));
  }

  /** What it gets is for {@link Locker.unlock} to release, too. @inheritDoc */
  override async tryLock(options: TryOptions = {}): Promise<Lock | undefined> {
    return await this.#calls.during(this.#calls.ended, super.tryLock(options));
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

  /** Settles as a call does, and notes what it got; so many calls had ended when it began. */
  async during<L extends Lock | undefined>(endedBefore: number, call: Promise<L>): Promise<L> {
    let lock: L | undefined;
    try {
      lock = await call;
      return lock;
    } finally {
      if (lock) {
        this.#oldest = this.#unanswered ?? lock;
        this.#latest = lock;
        this.#endedBefore = endedBefore;
      } else this.answer();
    }
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

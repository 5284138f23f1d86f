import type { DiagnoseOptions, Diagnosis } from "../doctor/diagnosis.ts";
import { NotHeldError } from "../errors.ts";
import type { LockStatus } from "../status/lock-status.ts";
import { checkKey, checkPrefix } from "../store/azure/blob-name.ts";
import type { LeaseLength } from "../store/lease-store.ts";
import type { LockerOptions } from "../waiting/locker-options.ts";
import { type AcquiredLease, acquireByHand } from "./acquired-lease.ts";
import type { BreakOptions, BreakResult } from "./break-lock.ts";
import type { Holding } from "./holding.ts";
import type { ListOptions } from "./inspect-lock.ts";
import type { Lock } from "./lock.ts";
import { LockSpace, type MutexOptions } from "./lock-space.ts";
import { Locker } from "./locker.ts";
import { type CallOptions, Mutex } from "./mutex.ts";
import { heldByRun } from "./run-context.ts";

/** What a `run` holds, of whatever kind: a lock has all of it, a permit and a read lock have the token. */
export type CurrentLock = Holding & Partial<Pick<Lock, "fencingToken" | "leaseId" | "conditions">>;

/**
 * Locks that are blobs of one container: take, renew and give back leases by key, see who holds what, and break a lock.
 * One object serves any number of keys, and concurrent calls. For a lock that waits and renews itself, see
 * {@link Locker}.
 */
export class AzureMutex extends Mutex {
  readonly #space: LockSpace;

  /**
   * Sends nothing: the first call that needs the service does, and loads the SDK. Throws `TypeError` or `RangeError`
   * for options that are wrong, and an `Error` that says so if this runtime is too old.
   *
   * @example
   * ```ts
   * const mutex = new AzureMutex({ connectionString, containerName: "locks" });
   * await mutex.locker("migration").run((lock) => migrate(lock.signal));
   * ```
   */
  constructor(options: MutexOptions) {
    const space = new LockSpace(options);
    super(space);
    this.#space = space;
  }

  /**
   * Asks once for the lease of a key, creating blob and container where they are missing. Nothing renews it: it lapses
   * after `leaseSeconds` unless {@link AzureMutex.renew} is called in time.
   *
   * `"infinite"` asks for a lease without end. **A crashed holder then keeps everybody out until a person breaks the
   * lock.** It is checked every 20 s, so that {@link AcquiredLease.isHeld} turns false after a break.
   *
   * @param leaseSeconds - 15 to 60, or `"infinite"`.
   * @throws `LeaseAlreadyPresentError` if it is held, by this object included; `InvalidKeyError`, `RangeError`;
   * `StoreUnavailableError` after three tries without an answer, or if its time was over when the answer came;
   * `AccessDeniedError`; `StoreRefusedError`.
   */
  async acquire(key: string, leaseSeconds: LeaseLength, { signal }: CallOptions = {}): Promise<AcquiredLease> {
    return await acquireByHand(this.#space, key, leaseSeconds, signal);
  }

  /**
   * Renews the lease that this object acquired for the key, for as long as it was acquired for. This call cannot tell
   * apart tasks that share a mutex and a key: they use {@link AcquiredLease.renew} and {@link AcquiredLease.release}.
   *
   * @throws `NotHeldError` if this object does not hold the key, or a release was sent; `LockLostError` if the lease is
   *   lost, also if it ran out and this object has acquired the key again since; `StoreUnavailableError` after three
   *   tries without an answer: the lease then runs on as it did.
   */
  async renew(key: string, options: CallOptions = {}): Promise<void> {
    checkKey(key);
    await this.#space.leases.of(key).renew(options);
  }

  /**
   * Releases the lease that this object acquired for the key. Takes no signal, so that a caller that is being stopped
   * can still release. Tasks that share a mutex and a key use {@link AcquiredLease.release}.
   *
   * @throws `NotHeldError` if this object does not hold the key; `LockLostError` if the lease was lost before this
   *   call, also if it ran out and this object has acquired the key again since; `StoreUnavailableError` after three
   *   tries without an answer: the key may then be released again, or lapses by itself.
   */
  async release(key: string): Promise<void> {
    checkKey(key);
    await this.#space.leases.of(key).release();
  }

  /**
   * A locker of this mutex for one key. Lockers of one mutex and key queue in order and share what is known of the key.
   * Sends nothing.
   *
   * @throws `InvalidKeyError`; `TypeError` or `RangeError` for options that are wrong, or that do not fit each other.
   */
  locker(key: string, options: LockerOptions = {}): Locker {
    return new Locker(this, key, options);
  }

  /**
   * What the innermost `run` of that key around this call holds, in its async context: the lock, permit, read lock or
   * leadership; of several locks, the one of that key. Undefined if there is none, or it was given back. What `lock()`
   * gave is found by no call. Also finds runs of another mutex of the same account and container. Sends nothing.
   *
   * @throws `InvalidKeyError`.
   */
  currentLock(key: string): CurrentLock | undefined {
    checkKey(key);
    return heldByRun(this.#space, key);
  }

  /**
   * Throws unless a `run` around this call holds the key, by the clock at this very moment: `NotHeldError` if there is
   * none, and otherwise as {@link Holding.assertHeld} does. For functions that must be called under a lock.
   *
   * @throws `NotHeldError`, `LockLostError`, `LockUncertainError`; `InvalidKeyError`.
   */
  assertLocked(key: string): void {
    const lock = this.currentLock(key);
    if (!lock) throw new NotHeldError(key, "no run around this call holds it");
    lock.assertHeld();
  }

  /**
   * What the service says of a lock, what its last holder wrote, and who waits; who holds the permits of the semaphore
   * of that name, and who reads under its reader-writer lock. Two requests, at the same time; it changes nothing.
   * The lock may change hands before the answer arrives. Without the permission to list, waiters, permits and readers
   * are left out.
   *
   * @throws `InvalidKeyError`; `StoreUnavailableError` after three tries without an answer; `AccessDeniedError`;
   * `StoreRefusedError`.
   */
  async inspect(key: string, { signal }: CallOptions = {}): Promise<LockStatus> {
    checkKey(key);
    const { inspectLock } = await import("./inspect-lock.ts");
    return await inspectLock(this.#space.blob({ key }), signal);
  }

  /**
   * The locks whose keys begin with `prefix`, by key: every blob of the container that is leased or bears a record of
   * ours, and every key that has a semaphore, is read or is waited for, `missing` if it has no blob. What another
   * program wrote over, so that nothing says which key it belongs to, comes last, under the name of its folder:
   * `.azmutex/…/`.
   *
   * One request for up to 5,000 blobs whose names begin with `prefix`; with a prefix, as many before that for all
   * helper blobs of the container. `onNoContainer` is called if there is no container, so that there are no locks. Each
   * lock is told as it was when its page was answered.
   *
   * @throws `TypeError` at once for a prefix that no key can have. The iteration rejects with `StoreUnavailableError`
   * if a page gets no answer, `AccessDeniedError`, also without the permission to list, or `StoreRefusedError`.
   */
  list({ prefix = "", ...call }: ListOptions = {}): AsyncIterable<LockStatus> {
    return locksOf(this.#space, prefix, call);
  }

  /**
   * Breaks a lock, a permit or read locks of any holder, and names the holder that it stopped. Works without a record,
   * but for `reader`: breaking needs no lease id. The holder learns it from its next renewal, as a `LockLostError` with
   * `why: "broken"`.
   *
   * Two requests; with `reader`, one and one more for each process that bears the name.
   *
   * @throws `RangeError` for a `periodSeconds` outside 0–60 or a `permit` outside 0–999; `TypeError` for a name that is
   *   no string, or for `reader` together with `permit` or `ifHolder`; `StoreUnavailableError` after three tries
   *   without an answer, or if the blob is written again and again while it is looked at.
   */
  async break(key: string, options: BreakOptions = {}): Promise<BreakResult> {
    checkKey(key);
    const { breakLock } = await import("./break-lock.ts");
    return await breakLock(this.#space, key, options);
  }

  /**
   * Tries on this account what locks need of it, and says what it means: credentials, permissions, the rules of leases,
   * clocks, features of the account, speed, runtime. The answer is data with nothing secret in it.
   *
   * Some hundred requests, within 15 seconds on a service that answers quickly; with `readOnly` some dozens. What it
   * makes is in `.azmutex/doctor/`, and is deleted at the end, also if `signal` aborts. No lock is touched. A container
   * that does not exist is made, and stays.
   *
   * @throws `SdkNotLoadedError`. Whatever else goes wrong is a finding.
   */
  async diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
    options.signal?.throwIfAborted();
    const { diagnoseSpace } = await import("../doctor/diagnose-space.ts");
    return await diagnoseSpace(this.#space, options);
  }
}

/** What people ask is loaded when it is asked: most programs only hold locks. Throws for a wrong prefix at once. */
function locksOf(space: LockSpace, prefix: string, call: ListOptions): AsyncIterable<LockStatus> {
  checkPrefix(prefix);
  return (async function* () {
    const { listLocks } = await import("./inspect-lock.ts");
    yield* listLocks(space, prefix, call);
  })();
}

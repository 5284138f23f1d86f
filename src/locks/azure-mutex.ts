import { helperPrefix, helpersOf } from "../blobs/helper-folder.ts";
import { MOST_PERMITS, slotName } from "../blobs/permit-slot.ts";
import { isMutexError, LeaseAlreadyPresentError, LockLostError, shown } from "../errors.ts";
import { Acquisition } from "../lease/acquisition.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { ManualLease } from "../lease/manual-lease.ts";
import { expiredBeforeUse, isUnsure, retry, TRIES } from "../lease/retry.ts";
import { checkLeaseSeconds } from "../lease/terms.ts";
import { listedStatuses, splitListing } from "../status/lock-listing.ts";
import type { LockStatus } from "../status/lock-status.ts";
import { helperStatusOf, missingStatus, statusOf, withHelpers } from "../status/status-of-blobs.ts";
import { checkKey, checkPrefix, RESERVED_PREFIX } from "../store/azure/blob-name.ts";
import type { LeaseLength, ReadAnswer, StoredBlob } from "../store/lease-store.ts";
import type { StoreAddress } from "../store/store-address.ts";
import type { LockerOptions } from "../waiting/locker-options.ts";
import { WaitLimit } from "../waiting/wait-limit.ts";
import { type BreakResult, breakLease, breakReaders } from "./break-lease.ts";
import { giveSpace, LockSpace, type Mutex, type MutexOptions, type ReleaseAllOptions } from "./lock-space.ts";
import { Locker } from "./locker.ts";

/** What every call of {@link AzureMutex} may be given. */
export interface CallOptions {
  /** Ends the call at once, with the signal's own reason. What it had acquired is given back. Default: none. */
  signal?: AbortSignal | undefined;
}

/** The options of {@link AzureMutex.list}. */
export interface ListOptions extends CallOptions {
  /** What the keys begin with. Default: nothing, which lists all locks. */
  prefix?: string | undefined;
  /**
   * Called if the container does not exist, once or twice: then there are no locks. It costs no request. Default: none.
   */
  onNoContainer?: (() => void) | undefined;
}

/** The options of {@link AzureMutex.break}: which lease, when, and on which condition. */
export interface BreakOptions extends CallOptions {
  /**
   * Breaks the lock, or the permit, only if its record names this holder (`Holder.name`). Default: any holder. Not with
   * `reader`.
   */
  ifHolder?: string | undefined;
  /**
   * Breaks this permit of the semaphore of that name instead: its slot, from 0 to 999. The lock is left alone. Default:
   * none.
   */
  permit?: number | undefined;
  /**
   * Breaks the read locks of the processes with this holder's name (`Holder.name`) instead, of all that bear it. Each
   * takes down all tasks that read in its process. The write side is left alone. Default: none.
   */
  reader?: string | undefined;
  /**
   * After how many seconds, from 0 to 60, what was broken is free at the latest. Default: when the lease would have
   * ended by itself, which keeps the guarantee: the holder cannot renew and stops in time. An infinite lease breaks at
   * once.
   *
   * With 0 it is free at once, **while its holder goes on until its next renewal fails**: two may be at work.
   */
  periodSeconds?: number | undefined;
}

/** A lease taken by {@link AzureMutex.acquire}. Nothing renews it. */
export interface AcquiredLease {
  /** The name of the lock. */
  readonly key: string;
  /** The id of the lease, as Azure has it. */
  readonly leaseId: string;
  /**
   * Whether the lease is held, by the clock at this very moment. False while it is {@link AcquiredLease.isUncertain}.
   */
  readonly isHeld: boolean;
  /**
   * Whether the lease is neither held nor lost: the machine slept for more than a second since the last renewal, and
   * the deadline has not passed. {@link AcquiredLease.renew} decides. Never true of an infinite lease.
   */
  readonly isUncertain: boolean;
  /** How long it is certain to last, in milliseconds, by the clock at this moment; `Infinity` for an infinite one. */
  readonly remainingMs: number;
  /**
   * Renews this lease: its time, as long as it was acquired for, starts anew.
   *
   * @throws `LockLostError` if the lease is lost; `NotHeldError` once its release was sent, answered or not;
   *   `StoreUnavailableError` after three tries without an answer: the lease then runs on as it did.
   */
  renew(options?: CallOptions): Promise<void>;
  /**
   * Releases this lease, and no other. Called again after an answer, it does nothing.
   *
   * @throws `LockLostError` if the lease was lost before this call; `StoreUnavailableError` after three tries without
   *   an answer: the lease may then be released again, or lapses by itself.
   */
  release(): Promise<void>;
}

const LONGEST_BREAK_SECONDS = 60;

/**
 * Locks that are blobs of one container: take, renew and give back leases by key, see who holds what, and break a lock.
 * One object serves any number of keys, and concurrent calls. For a lock that waits and renews itself, see
 * {@link Locker}.
 */
export class AzureMutex implements Mutex {
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
    this.#space = new LockSpace(options);
    giveSpace(this, this.#space);
  }

  /**
   * Which account or host, and which container, the locks are in, for people; it has no secret. Undefined if the store
   * does not say.
   */
  get address(): StoreAddress | undefined {
    return this.#space.store.address;
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
    checkKey(key);
    if (leaseSeconds !== "infinite") checkLeaseSeconds(leaseSeconds);
    signal?.throwIfAborted();
    this.#space.closing.signal.throwIfAborted();
    const blob = this.#space.blob({ key });
    const acquisition = new Acquisition(blob, { length: leaseSeconds });
    const limit = new WaitLimit(this.#space, key, { signal });
    try {
      const granted = await retry(blob, () => acquisition.ask(limit.signal), { signal: limit.signal, tries: TRIES });
      limit.signal.throwIfAborted();
      if (granted.kind === "held") throw new LeaseAlreadyPresentError(key);
      const { remove: onEnd } = this.#space.leases;
      const lease = new ManualLease(blob, { origin: acquisition, granted, length: leaseSeconds, onEnd });
      // The machine slept while the answer was on its way.
      if (lease.isUncertain) await renewUnused(lease, limit.signal);
      if (!lease.isHeld) throw expiredBeforeUse(key);
      this.#space.leases.add(lease);
      return acquiredLease(lease);
    } catch (error) {
      acquisition.abandon({ unreachable: isUnsure(error) });
      throw error;
    } finally {
      limit.end();
    }
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
    const blob = this.#space.blob({ key });
    const [found, helpers] = await Promise.all([
      this.#read(blob, signal),
      unlessDenied(retry(blob, () => blob.list(undefined, { signal }), { signal, tries: TRIES })),
    ]);
    const status = found.kind === "missing" ? missingStatus(key, found.what) : statusOf(found.blob);
    return withHelpers(status, helpers && helperStatusOf(helperPrefix(blob.name), helpers));
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
    checkPrefix(prefix);
    const locks = this.#blobs(prefix, call);
    // Where the helper blobs are among them, one listing tells of both.
    if (RESERVED_PREFIX.startsWith(prefix)) return listedStatuses({ ...splitListing(locks), prefix });
    return listedStatuses({ helpers: this.#blobs(RESERVED_PREFIX, call), locks, prefix });
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
    checkBreakOptions(options);
    const { ifHolder, permit, reader, periodSeconds, signal } = options;
    const how = { periodSeconds, signal };
    if (reader !== undefined) return await breakReaders(this.#space.blob({ key }), reader, how);
    const of = permit === undefined ? { key } : { key, name: slotName(helpersOf(key), permit) };
    return await breakLease(this.#space.blob(of), { ...how, ifHolder });
  }

  /**
   * Releases everything that this mutex holds in this process: locks, permits, read locks, leadership, and leases of
   * {@link AzureMutex.acquire}. Calls that wait for a lock reject with `MutexClosedError`, and so do new ones until
   * this call is done; after it the mutex works as before. Resolves when the service has answered all releases, after
   * `timeoutMs` at the latest. A lease whose release got no answer by then lapses by itself, and the log says so. Costs
   * the requests of the releases.
   *
   * **It does not wait for the work under these locks: work that still runs is no longer alone.** The signal of each
   * hold aborts with a `LockLostError` whose `why` is `released`, and `run` rejects with it. End the work first: close
   * the server, await the job.
   *
   * @throws `RangeError` for a `timeoutMs` that is no number of milliseconds.
   */
  async releaseAll(options: ReleaseAllOptions = {}): Promise<void> {
    await this.#space.releaseAll(options);
  }

  /**
   * Releases everything, as {@link AzureMutex.releaseAll} does, and grants no lock any more: calls that wait for one,
   * and new ones, reject with `MutexClosedError`. For the end of a program, or of a framework that has hooks for it.
   * `inspect`, `list` and `break` still work. A second call does the same again.
   *
   * **Work under these locks that still runs is no longer alone**: end it first.
   *
   * @throws `RangeError` for a `timeoutMs` that is no number of milliseconds.
   */
  async close(options: ReleaseAllOptions = {}): Promise<void> {
    await this.#space.close(options);
  }

  /** {@link AzureMutex.close}, at the end of an `await using` block. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #blobs(prefix: string, call: ListOptions): AsyncIterable<StoredBlob> {
    return this.#space.blob({ key: prefix }).listAll(call);
  }

  #read(blob: LockBlob, signal: AbortSignal | undefined): Promise<ReadAnswer> {
    return retry(blob, () => blob.read({ signal }), { signal, tries: TRIES });
  }
}

/** The lease as its caller sees it. */
function acquiredLease(lease: ManualLease): AcquiredLease {
  const { key, leaseId } = lease;
  return Object.freeze({
    key,
    leaseId,
    get isHeld() {
      return lease.isHeld;
    },
    get isUncertain() {
      return lease.isUncertain;
    },
    get remainingMs() {
      return lease.remainingMs;
    },
    renew: (options?: CallOptions) => lease.renew(options),
    release: () => lease.release(),
  });
}

/**
 * Renews a lease that its caller has not got yet. A loss is a `StoreUnavailableError` then: the caller has lost
 * nothing.
 */
async function renewUnused(lease: ManualLease, signal: AbortSignal): Promise<void> {
  try {
    await lease.renew({ signal });
  } catch (error) {
    throw error instanceof LockLostError ? expiredBeforeUse(lease.key, { cause: error }) : error;
  }
}

function checkBreakOptions({ ifHolder, permit, reader, periodSeconds }: BreakOptions): void {
  for (const [name, value] of Object.entries({ ifHolder, reader })) {
    if (value !== undefined && typeof value !== "string")
      throw new TypeError(`${name} must be a holder's name, not ${shown(value)}`);
  }
  if (reader !== undefined && permit !== undefined)
    throw new TypeError("permit and reader exclude each other: break one after the other");
  if (reader !== undefined && ifHolder !== undefined)
    throw new TypeError("ifHolder and reader exclude each other: reader names the holder");
  if (permit !== undefined) checkWhole(permit, "permit", MOST_PERMITS - 1);
  if (periodSeconds !== undefined) checkWhole(periodSeconds, "periodSeconds", LONGEST_BREAK_SECONDS);
}

function checkWhole(value: unknown, name: string, most: number): void {
  if (!(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most)) {
    throw new RangeError(`${name} must be a whole number from 0 to ${most}, not ${shown(value)}`);
  }
}

/** What comes of it, or undefined if the credentials do not allow it. */
async function unlessDenied<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isMutexError(error) && error.code === "ACCESS_DENIED") return undefined;
    throw error;
  }
}

import { shown } from "../errors.ts";
import type { StoreAddress } from "../store/store-address.ts";
import { LockSpace, type MutexOptions, type ReleaseAllOptions } from "./lock-space.ts";

/** What every call of {@link AzureMutex} may be given. */
export interface CallOptions {
  /** Ends the call at once, with the signal's own reason. What it had acquired is given back. Default: none. */
  signal?: AbortSignal | undefined;
}

/** The space of each mutex. It is known here alone, so that no other code reaches the space through the mutex. */
const SPACES = new WeakMap<object, LockSpace>();

/**
 * The locks of one container, for what waits for them: an {@link AzureMutex}. Lockers and recipes of one mutex share
 * what this process knows of each key, its queue included.
 */
export abstract class Mutex implements AsyncDisposable {
  readonly #space: LockSpace;

  /** @internal */
  constructor(space: LockSpace) {
    this.#space = space;
    SPACES.set(this, space);
  }

  /**
   * Which account or host, and which container, the locks are in, for people; it has no secret. Undefined if the store
   * does not say.
   */
  get address(): StoreAddress | undefined {
    return this.#space.address;
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
   * Releases everything, as {@link Mutex.releaseAll} does, and grants no lock any more: calls that wait for one,
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

  /** {@link Mutex.close}, at the end of an `await using` block. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The space of a mutex. Throws `TypeError` if it is none, and says what it must be. */
export function spaceOf(mutex: Mutex, must = "mutex must be an AzureMutex"): LockSpace {
  const space = SPACES.get(mutex);
  if (!space) throw new TypeError(`${must}, not ${shown(mutex)}`);
  return space;
}

/** The space of a mutex, or a new one for these options. */
export function spaceFor(mutex: Mutex | MutexOptions): LockSpace {
  return SPACES.get(mutex) ?? new LockSpace(mutex as MutexOptions);
}

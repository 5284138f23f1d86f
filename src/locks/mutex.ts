import { shown } from "../errors.ts";
import type { StoreAddress } from "../store/store-address.ts";
import { LockSpace, type MutexOptions, type ReleaseAllOptions } from "./lock-space.ts";

/** What every call of {@link AzureMutex} may be given. */
export interface CallOptions {
  /** Ends the call at once, with the signal's own reason. What it had acquired is given back. Default: none. */
  signal?: AbortSignal | undefined;
}

/**
 * The locks of one container, for what waits for them: an {@link AzureMutex}. Lockers and recipes of one mutex share
 * what this process knows of each key, its queue included.
 */
export interface Mutex extends AsyncDisposable {
  /**
   * Which account or host, and which container, the locks are in, for people; it has no secret. Undefined if the store
   * does not say.
   */
  readonly address: StoreAddress | undefined;
  /** As {@link AzureMutex.releaseAll}. */
  releaseAll(options?: ReleaseAllOptions): Promise<void>;
  /** As {@link AzureMutex.close}. */
  close(options?: ReleaseAllOptions): Promise<void>;
}

/** The space of each mutex. It is known here alone, so that no other code reaches the space through the mutex. */
const SPACES = new WeakMap<object, LockSpace>();

/** Makes the space the mutex's: lockers and recipes that are given the mutex use it. */
export function giveSpace(mutex: Mutex, space: LockSpace): void {
  SPACES.set(mutex, space);
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

import type { MutexOptions } from "../../src/locks/lock-space.ts";
import type { Mutex } from "../../src/locks/mutex.ts";
import { type LockSet, lockAll } from "../../src/recipes/lock-all.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import type { WaitOptions } from "../../src/waiting/wait-options.ts";

export type TakeAllOptions = LockerOptions & WaitOptions;

/**
 * Waits for the locks of all keys, with the options of the locks and of the wait in one. A refusal of either is a
 * rejection.
 */
export async function takeAll(
  mutex: Mutex | MutexOptions,
  keys: Iterable<string>,
  options: TakeAllOptions = {},
): Promise<LockSet> {
  const { timeoutMs, signal, until, ...lockerOptions } = options;
  return await lockAll(mutex, keys, lockerOptions).lock({ timeoutMs, signal, until });
}

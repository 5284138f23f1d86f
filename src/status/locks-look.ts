import type { LockStatus } from "./lock-status.ts";
import type { LocksSeen } from "./records-seen.ts";

/** What a listing of all locks has shown. */
export interface LocksLook {
  readonly locks: LocksSeen;
  readonly isContainerMissing: boolean;
}

/** Takes all of a listing, which calls back if the container does not exist. */
export async function lookAtLocks(list: (onNoContainer: () => void) => AsyncIterable<LockStatus>): Promise<LocksLook> {
  const locks = new Map<string, LockStatus>();
  let isContainerMissing = false;
  const onNoContainer = (): void => {
    isContainerMissing = true;
  };
  for await (const lock of list(onNoContainer)) locks.set(lock.key, lock);
  return { locks, isContainerMissing };
}

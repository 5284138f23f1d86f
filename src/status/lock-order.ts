import { isInUse } from "./holders.ts";
import type { LockStatus } from "./lock-status.ts";

/** Locks in use first, then free ones. Each group keeps its order: a listing is by key. */
export function heldFirst(locks: readonly LockStatus[]): LockStatus[] {
  return [...locks.filter(isInUse), ...locks.filter((lock) => !isInUse(lock))];
}

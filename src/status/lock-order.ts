import { isInUse } from "./holders.ts";
import type { LockStatus } from "./lock-status.ts";

/** Those that are in use before those that are free, and otherwise as they are: a listing is by key. */
export function heldFirst(locks: readonly LockStatus[]): LockStatus[] {
  return [...locks.filter(isInUse), ...locks.filter((lock) => !isInUse(lock))];
}

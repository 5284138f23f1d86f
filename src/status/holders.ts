import type { Holder } from "../blobs/holder.ts";
import type { LockStatus, SemaphoreStatus, WaitingProcess } from "./lock-status.ts";

/** The present holder of the lock, if it is held and its record is of this hold. */
export function presentHolder({ isHeld, infinite, holder }: LockStatus): Holder | undefined {
  // No locker takes an infinite lease: a record beside one is of an earlier holder.
  return isHeld && !infinite ? holder : undefined;
}

/** Whether the key has a holder of any kind: of the lock, of a permit, or of a read lock. */
export function isInUse({ isHeld, semaphore, readers = [] }: LockStatus): boolean {
  return isHeld || readers.length > 0 || (semaphore?.held.length ?? 0) > 0;
}

/** Locks in use first, then free ones. Each group keeps its order: a listing is by key. */
export function heldFirst(locks: readonly LockStatus[]): LockStatus[] {
  return [...locks.filter(isInUse), ...locks.filter((lock) => !isInUse(lock))];
}

/** A waiter, a reader, or the holder of a permit. */
export interface Participant {
  readonly holder?: Holder;
  readonly state?: string;
}

/** A process that waits. The first in line for a permit leaves neither name nor time. */
export type WaiterStatus = Partial<WaitingProcess>;

/** The waiters for the lock and for permits, first come first. */
export function waitersOf({ waiting = [], semaphore }: LockStatus): readonly WaiterStatus[] {
  return [...waiting, ...(semaphore ? permitWaitersOf(semaphore) : [])];
}

/** The waiters for permits, first come first. */
export function permitWaitersOf({
  permits,
  held,
  waiting = [],
  isGateTaken = false,
}: SemaphoreStatus): readonly WaiterStatus[] {
  // While a permit is free, the process at the gate does not wait: it takes one.
  return isGateTaken && held.length >= permits ? [{}, ...waiting] : waiting;
}

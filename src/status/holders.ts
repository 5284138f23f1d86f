import type { Holder } from "../options.ts";
import type { LockStatus, SemaphoreStatus, WaitingProcess } from "./lock-status.ts";

/** Who holds the lock, as far as anybody can know. */
export function presentHolder({ isHeld, infinite, holder }: LockStatus): Holder | undefined {
  // No locker takes an infinite lease: the record is of a holder before.
  return isHeld && !infinite ? holder : undefined;
}

/** Whether there is a holder of any kind under the key: of the lock, of a permit, or of a read lock. */
export function isInUse({ isHeld, semaphore, readers = [] }: LockStatus): boolean {
  return isHeld || readers.length > 0 || (semaphore?.held.length ?? 0) > 0;
}

/** A waiter, a reader, or the holder of a permit. */
export interface Participant {
  readonly holder?: Holder;
  readonly state?: string;
}

/** A process that waits: the first in line for a permit leaves neither name nor time. */
export type WaiterStatus = Partial<WaitingProcess>;

/** Who waits for the lock or a permit, first come first. */
export function waitersOf({ waiting = [], semaphore }: LockStatus): readonly WaiterStatus[] {
  return [...waiting, ...(semaphore ? permitWaitersOf(semaphore) : [])];
}

export function permitWaitersOf({ permits, held, waiting = [], isGateTaken = false }: SemaphoreStatus): readonly WaiterStatus[] {
  // While there are permits, it only takes one.
  return isGateTaken && held.length >= permits ? [{}, ...waiting] : waiting;
}

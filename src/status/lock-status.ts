import type { Holder } from "../blobs/holder.ts";
import type { OnceRecord } from "../blobs/once-record.ts";
import type { LeaseState } from "../store/lease-store.ts";

/**
 * What the service and the blobs of a key say: the lock, and the semaphore and the readers of the same name. It is a
 * look at one moment. A `holder` is read from a record, which some holders do not write.
 */
export interface LockStatus {
  /** The name of the lock. */
  readonly key: string;
  /** Whether the lock is held at this moment. A breaking lease is held. Permits and read locks do not count. */
  readonly isHeld: boolean;
  /** The state of the lease. `missing`: there is no such blob, it was never locked or was deleted. */
  readonly state: LeaseState | "missing";
  /**
   * True if the container does not exist, so that there is no such blob. Left out otherwise, and where the store does
   * not tell.
   */
  readonly isContainerMissing?: true;
  /** Whether the lease is infinite. */
  readonly infinite: boolean;
  /**
   * The last holder that used fencing. It is the present one unless that one is a `fencing: false` locker, an
   * `AzureMutex.acquire` or a go-azuremutex, which leave no record.
   */
  readonly holder?: Holder;
  /** What that holder held the lock for. */
  readonly purpose?: string;
  /** The length of its lease, in seconds. */
  readonly leaseSeconds?: number;
  /** When its record was written, by the service's clock. It may have held the lock several times since. */
  readonly recordedAt?: Date;
  /** No fencing token up to now is higher than this. */
  readonly highestToken?: number;
  /** Whether that holder queues with other processes (`fair: true`). Left out in the records of earlier versions. */
  readonly fair?: boolean;
  /**
   * What the key is used as, as its blob says: `lock`, `semaphore`, `reader-writer-lock`, `election` or `once`. Other
   * versions may have other kinds. Left out where no user has written it.
   */
  readonly kind?: string;
  /**
   * The kinds of use, if the key is used in more than one way: **these users do not exclude each other.** Taken from
   * what is in use at this moment and from the key's blob. Left out where there is one, and where the credentials do
   * not allow to list.
   */
  readonly mixedKinds?: readonly string[];
  /** True if some users queue (`fair: true`) and others do not: these get in when the queue is empty. */
  readonly isFairMixed?: true;
  /**
   * The queue between processes (`fair: true`), first come first, one entry for each process. Left out where the
   * credentials do not allow to list.
   */
  readonly waiting?: readonly WaitingProcess[];
  /** The semaphore of this name. Left out where there is none, or where the credentials do not allow to list. */
  readonly semaphore?: SemaphoreStatus;
  /**
   * The readers of the reader-writer lock of this name, one entry for each process and lease time. Left out where
   * there are none, or where the credentials do not allow to list.
   */
  readonly readers?: readonly ReaderStatus[];
  /**
   * The last slot of the job of this name that was begun, and what came of it ({@link Once}). Left out where there is
   * none, where the record cannot be read, and where the credentials do not allow to list.
   */
  readonly once?: OnceRecord;
}

/** A process that waits for a lock with `fair: true`. */
export interface WaitingProcess {
  /** The process, as it names itself. */
  readonly holder: Holder;
  /** When it came, by the service's clock. */
  readonly since: Date;
}

/** A semaphore, as its slots tell. */
export interface SemaphoreStatus {
  /** How many permits there are. */
  readonly permits: number;
  /** The permits that are held, by slot. */
  readonly held: readonly PermitStatus[];
  /**
   * The queue at the gate, first come first, one entry for each process. Left out if `fair` was never used: waiters
   * without it leave no trace.
   */
  readonly waiting?: readonly WaitingProcess[];
  /**
   * Whether one more process, before all of `waiting`, waits at the gate or just takes a permit. It leaves no name.
   * Left out if `fair` was never used.
   */
  readonly isGateTaken?: boolean;
}

/** A permit that is held. The holder is the last one that used fencing, as of a lock; left out if there was none. */
export interface PermitStatus
  extends Pick<LockStatus, "holder" | "purpose" | "leaseSeconds" | "recordedAt" | "highestToken" | "fair"> {
  /** Which of the permits it is, from 0. */
  readonly slot: number;
  /** `leased`, or `breaking`: it is held until its lease ends. */
  readonly state: LeaseState;
}

/**
 * A process that holds read locks, or leases its blob to see whether it may. The blob does not tell since when. A
 * reader is left out if a foreign write to its blob removed its name.
 */
export interface ReaderStatus {
  /** `leased`, or `breaking`: it reads until its lease ends. */
  readonly state: LeaseState;
  /** The process, as it names itself. */
  readonly holder: Holder;
}

/** The part of a status that is read from the helper blobs of a key. */
export type HelperStatus = Pick<LockStatus, "waiting" | "semaphore" | "readers" | "once">;

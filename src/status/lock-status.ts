import { helpersOf } from "../lease/helper-folder.ts";
import { kindIn } from "../lease/key-kind.ts";
import { isLeased, type LeaseState, type Metadata, type StoredBlob } from "../lease/lease-store.ts";
import { recordIn } from "../lease/lock-record.ts";
import { gateName, slotIn } from "../lease/permit-slot.ts";
import { readerIn } from "../lease/reader-blob.ts";
import type { Holder, KeyKind } from "../options.ts";
import { ticketsIn, type WaitingTicket } from "../waiting/fair-queue.ts";

/** What the service, and the last holder that left a record, say of a lock; and of the semaphore and the readers of the same name. */
export interface LockStatus {
  /** The name of the lock. */
  readonly key: string;
  /** Whether the lock is held at this moment. A breaking lease still is held. Permits and read locks do not count. */
  readonly isHeld: boolean;
  /** The state of the lease, or `missing` if there is no such blob: it was never locked, or it was deleted. */
  readonly state: LeaseState | "missing";
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
  /** Whether that holder queues with other processes (`fair: true`). Left out where an earlier version wrote the record. */
  readonly fair?: boolean;
  /**
   * What the key is used as, as its blob says: `lock`, `semaphore`, `reader-writer-lock` or `election`; another version may have others.
   * Left out where no user has written it.
   */
  readonly kind?: string;
  /**
   * How the key is used at this moment, or by its blob, if it is in more than one way: **these users do not exclude each other.** Left out
   * where it is one, and where the credentials do not allow to list.
   */
  readonly mixedKinds?: readonly string[];
  /** True if some of its users queue (`fair: true`) and others do not: these get in when the queue is empty. Left out otherwise. */
  readonly isFairMixed?: true;
  /**
   * Who waits in the queue between processes (`fair: true`), first come first; one for each process. Left out where the
   * credentials do not allow to list.
   */
  readonly waiting?: readonly WaitingProcess[];
  /** The semaphore of this name. Left out where there is none, or where the credentials do not allow to list. */
  readonly semaphore?: SemaphoreStatus;
  /**
   * Who reads under the reader-writer lock of this name: one for each process that does, or several for one that reads with
   * different lease times. Left out where none does, or the credentials do not allow to list.
   */
  readonly readers?: readonly ReaderStatus[];
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
   * Who waits for the gate, first come first; one for each process. Left out if `fair` was never used: a waiter without it
   * leaves no trace.
   */
  readonly waiting?: readonly WaitingProcess[];
  /**
   * Whether one is at the gate: a process more that waits, or just takes a permit, before all of `waiting`. It leaves no name.
   * Left out if `fair` was never used.
   */
  readonly isGateTaken?: boolean;
}

/** A permit that is held; who by is told as of a lock. With `fencing: false` its last holder that used fencing is told, if there was one. */
export interface PermitStatus extends Pick<LockStatus, "holder" | "purpose" | "leaseSeconds" | "recordedAt" | "highestToken" | "fair"> {
  /** Which of the permits it is, from 0. */
  readonly slot: number;
  /** `leased`, or `breaking`: it then is held for a while yet. */
  readonly state: LeaseState;
}

/**
 * A process that holds read locks, or leases its blob to see whether it may. How long it has done so is not known. One whose
 * blob was written over, so that it does not say whose it is, is left out.
 */
export interface ReaderStatus {
  /** `leased`, or `breaking`: it then reads for a while yet. */
  readonly state: LeaseState;
  /** The process, as it names itself. */
  readonly holder: Holder;
}

/** What the helper blobs of a key tell. */
export type HelperStatus = Pick<LockStatus, "waiting" | "semaphore" | "readers">;

/** What a blob that is no longer, or not yet, there tells. */
export function missingStatus(key: string): LockStatus {
  return { key, isHeld: false, state: "missing", infinite: false };
}

/** What a lock's own blob tells. */
export function statusOf({ key, leaseState, infinite, metadata }: StoredBlob): LockStatus {
  const kind = kindIn(metadata);
  return { key, isHeld: isLeased(leaseState), state: leaseState, infinite, ...recorded(metadata), ...(kind !== undefined && { kind }) };
}

/** What the key's own blob tells and what its helper blobs tell, as one. */
export function withHelpers(lock: LockStatus, helpers: HelperStatus | undefined): LockStatus {
  const status = { ...lock, ...helpers };
  const kinds = kindsOf(status);
  const fairs = new Set(fairsOf(status));
  return { ...status, ...(kinds.length > 1 && { mixedKinds: kinds }), ...(fairs.size > 1 && { isFairMixed: true }) };
}

/** What the key's blob says, and what is in use. */
function kindsOf({ kind, isHeld, semaphore, readers }: LockStatus): readonly string[] {
  const kinds = new Set<string>(kind === undefined ? [] : [kind]);
  if (semaphore && hasUsers(semaphore)) kinds.add("semaphore" satisfies KeyKind);
  if (readers) kinds.add("reader-writer-lock" satisfies KeyKind);
  // A semaphore's users lease blobs of its own alone: the lease of the key is a lock's then, whose holder leaves no record.
  if (isHeld && [...kinds].every((found) => found === ("semaphore" satisfies KeyKind))) kinds.add("lock" satisfies KeyKind);
  return [...kinds];
}

function hasUsers({ held, waiting = [], isGateTaken = false }: SemaphoreStatus): boolean {
  return held.length > 0 || waiting.length > 0 || isGateTaken;
}

/** Whether users of the key queue, an entry for each that shows at this moment. */
function fairsOf({ isHeld, infinite, fair, waiting = [], semaphore }: LockStatus): readonly boolean[] {
  const queues =
    waiting.length > 0 || (semaphore !== undefined && ((semaphore.waiting?.length ?? 0) > 0 || semaphore.isGateTaken === true));
  const holders = [...(isHeld && !infinite ? [{ fair }] : []), ...(semaphore?.held ?? [])];
  return [...(queues ? [true] : []), ...holders.flatMap((holder) => holder.fair ?? [])];
}

/** What the blobs in the folder of a key's helpers tell, whatever else lies there. */
export function helperStatusOf(folder: string, found: readonly StoredBlob[]): HelperStatus {
  const semaphore = semaphoreIn(folder, found);
  const readers = found.flatMap((blob): ReaderStatus[] => {
    const reader = isLeased(blob.leaseState) ? readerIn(blob) : undefined;
    return reader ? [{ state: blob.leaseState, holder: reader.holder }] : [];
  });
  return {
    waiting: waitingOf(ticketsIn(folder, found)),
    ...(semaphore && { semaphore }),
    ...(readers.length > 0 && { readers }),
  };
}

function semaphoreIn(folder: string, found: readonly StoredBlob[]): SemaphoreStatus | undefined {
  const slots = found.flatMap((blob) => {
    const slot = slotIn(blob);
    return slot ? [{ ...slot, blob }] : [];
  });
  // By name, so that slot 0, which states the number for all, is the first.
  const permits = slots.find((slot) => slot.permits !== undefined)?.permits;
  if (permits === undefined) return undefined;
  const held = slots
    .filter(({ blob }) => isLeased(blob.leaseState))
    .map(({ slot, blob }): PermitStatus => ({ slot, state: blob.leaseState, ...recorded(blob.metadata) }));
  const gate = found.find(({ key }) => key === gateName(folder));
  const atGate = gate && { waiting: waitingOf(ticketsIn(helpersOf(gate.key), found)), isGateTaken: isLeased(gate.leaseState) };
  return { permits, held, ...atGate };
}

function recorded(metadata: Metadata): Omit<PermitStatus, "slot" | "state"> {
  const record = recordIn(metadata);
  if (!record) return {};
  const { holder, purpose, leaseSeconds, writtenAt, top, fair } = record;
  const recordedAt = new Date(writtenAt);
  return {
    holder,
    ...(purpose === undefined ? {} : { purpose }),
    leaseSeconds,
    // A foreign number need not be a date.
    ...(Number.isNaN(recordedAt.getTime()) ? {} : { recordedAt }),
    highestToken: top,
    ...(typeof fair === "boolean" && { fair }),
  };
}

function waitingOf(tickets: readonly WaitingTicket[]): readonly WaitingProcess[] {
  return tickets.map(({ holder, arrivedAt }) => ({ holder, since: new Date(arrivedAt) }));
}

import { helpersOf } from "../blobs/helper-folder.ts";
import { kindIn } from "../blobs/key-kind.ts";
import { recordIn } from "../blobs/lock-record.ts";
import { onceBlobIn } from "../blobs/once-record.ts";
import { gateName, slotIn } from "../blobs/permit-slot.ts";
import { ticketsIn, type WaitingTicket } from "../blobs/queue-ticket.ts";
import { readerIn } from "../blobs/reader-blob.ts";
import { isLeased, type Metadata, type StoredBlob } from "../store/lease-store.ts";
import type {
  HelperStatus,
  LockStatus,
  PermitStatus,
  ReaderStatus,
  SemaphoreStatus,
  WaitingProcess,
} from "./lock-status.ts";

/** The status of a key without a blob: it is free, and no holder left a record. */
export function missingStatus(key: string, what: "blob" | "container" = "blob"): LockStatus {
  return {
    key,
    isHeld: false,
    state: "missing",
    infinite: false,
    ...(what === "container" && { isContainerMissing: true }),
  };
}

/** The status that a lock's own blob tells. */
export function statusOf({ key, leaseState, infinite, metadata }: StoredBlob): LockStatus {
  const kind = kindIn(metadata);
  return {
    key,
    isHeld: isLeased(leaseState),
    state: leaseState,
    infinite,
    ...recorded(metadata),
    ...(kind !== undefined && { kind }),
  };
}

/** The status of the key's own blob and of its helper blobs in one, with the mixed use that only both show. */
export function withHelpers(lock: LockStatus, helpers: HelperStatus | undefined): LockStatus {
  const status = { ...lock, ...helpers };
  const kinds = kindsOf(status);
  const fairs = new Set(fairsOf(status));
  return { ...status, ...(kinds.length > 1 && { mixedKinds: kinds }), ...(fairs.size > 1 && { isFairMixed: true }) };
}

/** The kind that the key's blob names, and the kinds that are in use. */
function kindsOf({ kind, isHeld, semaphore, readers }: LockStatus): readonly string[] {
  const kinds = new Set<string>(kind === undefined ? [] : [kind]);
  if (semaphore && hasUsers(semaphore)) kinds.add("semaphore");
  if (readers) kinds.add("reader-writer-lock");
  // Users of a semaphore lease its own blobs alone: a lease on the key is a lock's, whose holder leaves no record.
  if (isHeld && [...kinds].every((found) => found === "semaphore")) kinds.add("lock");
  return [...kinds];
}

function hasUsers({ held, waiting = [], isGateTaken = false }: SemaphoreStatus): boolean {
  return held.length > 0 || waiting.length > 0 || isGateTaken;
}

/** Whether the users of the key queue: one entry for each that shows at this moment. */
function fairsOf({ isHeld, infinite, fair, waiting = [], semaphore }: LockStatus): readonly boolean[] {
  const queues =
    waiting.length > 0 ||
    (semaphore !== undefined && ((semaphore.waiting?.length ?? 0) > 0 || semaphore.isGateTaken === true));
  const holders = [...(isHeld && !infinite ? [{ fair }] : []), ...(semaphore?.held ?? [])];
  return [...(queues ? [true] : []), ...holders.flatMap((holder) => holder.fair ?? [])];
}

/** The status that the helper blobs in a key's folder tell. Other blobs in it are ignored. */
export function helperStatusOf(folder: string, found: readonly StoredBlob[]): HelperStatus {
  const semaphore = semaphoreIn(folder, found);
  const once = found.map(onceBlobIn).find((record) => record !== undefined);
  const readers = found.flatMap((blob): ReaderStatus[] => {
    const reader = isLeased(blob.leaseState) ? readerIn(blob) : undefined;
    return reader ? [{ state: blob.leaseState, holder: reader.holder }] : [];
  });
  return {
    waiting: waitingOf(ticketsIn(folder, found)),
    ...(semaphore && { semaphore }),
    ...(readers.length > 0 && { readers }),
    ...(once && { once: once.record }),
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
  const atGate = gate && {
    waiting: waitingOf(ticketsIn(helpersOf(gate.key), found)),
    isGateTaken: isLeased(gate.leaseState),
  };
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
    // A record of another program may have a number that is no date.
    ...(Number.isNaN(recordedAt.getTime()) ? {} : { recordedAt }),
    highestToken: top,
    ...(typeof fair === "boolean" && { fair }),
  };
}

function waitingOf(tickets: readonly WaitingTicket[]): readonly WaitingProcess[] {
  return tickets.map(({ holder, arrivedAt }) => ({ holder, since: new Date(arrivedAt) }));
}

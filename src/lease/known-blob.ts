import { type LockRecord, recordIn } from "../blobs/lock-record.ts";
import { AccessDeniedError, isMutexError, LockLostError, StoreUnavailableError } from "../errors.ts";
import type { Metadata, ReadAnswer, StoredBlob } from "../store/lease-store.ts";
import type { AnySignal } from "../time/abort.ts";
import { type LastStamp, stampNow } from "./last-stamp.ts";
import type { LockBlob } from "./lock-blob.ts";
import type { OutageTimer } from "./outage-timer.ts";
import { retry, retryDelayMs } from "./retry.ts";

/** The names of azmutex's own entries. Another program may use one of them too. */
const OUR_ENTRIES = /^azmutex(?:_|$)/;

/** What is known of the blob before a record is written. */
export interface KnownBlob extends LastStamp {
  readonly lastModified: number;
  readonly metadata: Metadata;
  readonly record: LockRecord | undefined;
}

/** Under which lease a record is read and written, and for how long it is tried. */
export interface RecordCall {
  readonly leaseId: string;
  /** Aborts when the caller gives up or the lease is lost. */
  readonly signal: AbortSignal;
  /** For how long to go on without any answer from the service. Default: until the signal aborts. */
  readonly outage?: OutageTimer;
}

/**
 * Reads the blob until it is answered. What `endure` throws at a failure ends it; so does `LockLostError`, without a
 * blob.
 */
export function readKnown(
  blob: LockBlob,
  { signal, outage }: RecordCall,
  endure: (error: StoreUnavailableError) => void,
): Promise<KnownBlob> {
  const { key, random } = blob;
  const readOnce = async (): Promise<KnownBlob> => {
    outage?.sending();
    const answer = await readAsWritten(blob, signal);
    if (!answer) throw neverAsRead(key);
    if (answer.kind === "missing") throw new LockLostError(key, "deleted", `its ${answer.what} is gone`);
    outage?.answered();
    return knownFrom(blob, answer.blob);
  };
  const failed = (error: StoreUnavailableError, failures: number): number => {
    endure(error);
    return retryDelayMs(failures, random);
  };
  return retry(blob, readOnce, { signal, failed });
}

export function neverAsRead(key: string): StoreUnavailableError {
  return new StoreUnavailableError(`the record of "${key}" is never as it was just read`, key, { answered: true });
}

/** What a read says that was just answered. */
export function knownFrom(blob: LockBlob, found: StoredBlob): KnownBlob {
  const { lastModified, metadata } = found;
  return { ...stampNow(blob, found), lastModified, metadata, record: recordIn(metadata) };
}

/**
 * Reads the blob's metadata as it was written, for a record that is to be written beside it: one request, and one more
 * where there are entries of others, or the blob has content and may have such without a value. Undefined if it was
 * written in between. Throws `AccessDeniedError` where the second, a listing, is refused: written back as read, names
 * would lose their case.
 */
export async function readAsWritten(blob: LockBlob, signal: AnySignal | undefined): Promise<ReadAnswer | undefined> {
  const { key } = blob;
  const read = await blob.read({ signal });
  if (read.kind === "missing" || !bearsEntriesOfOthers(read.blob)) return read;
  const written = await blob.read({ signal, asWritten: true }).catch((cause: unknown) => {
    if (!isMutexError(cause) || cause.code !== "ACCESS_DENIED") throw cause;
    const why =
      "is not written, because the blob bears entries of others and only a listing tells how their names are written";
    throw new AccessDeniedError(`the record of "${key}" ${why}: grant the right to list, or use fencing: false`, key, {
      cause,
      why: "right",
    });
  });
  if (written.kind === "missing") return written;
  if (written.blob.etag !== read.blob.etag) return undefined;
  const { metadata } = read.blob;
  // A header has the value itself; the XML of a listing may write it in another way.
  const entries = Object.entries(written.blob.metadata).map(([entry, value]) => {
    const lowerCase = entry.toLowerCase();
    return [OUR_ENTRIES.test(lowerCase) ? lowerCase : entry, metadata[lowerCase] ?? value];
  });
  return { kind: "found", blob: { ...read.blob, metadata: Object.fromEntries(entries) } };
}

function bearsEntriesOfOthers({ metadata, hasContent }: StoredBlob): boolean {
  return hasContent === true || Object.keys(metadata).some((entry) => !OUR_ENTRIES.test(entry));
}

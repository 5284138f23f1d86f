import { type LockRecord, recordIn } from "../blobs/lock-record.ts";
import { LockLostError, StoreUnavailableError } from "../errors.ts";
import type { Metadata, StoredBlob } from "../store/lease-store.ts";
import { type LastStamp, stampNow } from "./last-stamp.ts";
import type { LockBlob } from "./lock-blob.ts";
import type { OutageTimer } from "./outage-timer.ts";
import { readAsWritten } from "./read-blob.ts";
import { retry, retryDelayMs } from "./retry.ts";

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

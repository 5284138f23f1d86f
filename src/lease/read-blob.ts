import { AccessDeniedError, isMutexError } from "../errors.ts";
import type { ReadAnswer, StoredBlob } from "../store/lease-store.ts";
import type { AnySignal } from "../time/abort.ts";
import type { LockBlob } from "./lock-blob.ts";

/** The names of azmutex's own entries. Another program may use one of them too. */
const OUR_ENTRIES = /^azmutex(?:_|$)/;

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

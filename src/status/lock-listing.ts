import { helpersOf, keyFolderOf } from "../blobs/helper-folder.ts";
import { recordIn } from "../blobs/lock-record.ts";
import { onceBlobIn } from "../blobs/once-record.ts";
import { slotIn } from "../blobs/permit-slot.ts";
import { ticketsIn } from "../blobs/queue-ticket.ts";
import { readerIn } from "../blobs/reader-blob.ts";
import { isKey, RESERVED_PREFIX } from "../store/azure/blob-name.ts";
import { isLeased, type StoredBlob } from "../store/lease-store.ts";
import type { HelperStatus, LockStatus } from "./lock-status.ts";
import { helperStatusOf, missingStatus, statusOf, withHelpers } from "./status-of-blobs.ts";

export interface Listings {
  /** All helper blobs of the container. */
  readonly helpers: AsyncIterable<StoredBlob>;
  /** The blobs whose names begin with `prefix`. Read when the helper blobs are through. */
  readonly locks: AsyncIterable<StoredBlob>;
  readonly prefix: string;
}

/**
 * Splits one listing of blobs by name into helper blobs and others. Its prefix is one that helper blobs begin with too.
 * The blobs before the helper blobs are kept in memory until the helper blobs are through.
 */
export function splitListing(blobs: AsyncIterable<StoredBlob>): Omit<Listings, "prefix"> {
  const found = blobs[Symbol.asyncIterator]();
  const early: StoredBlob[] = [];
  async function* helpers(): AsyncGenerator<StoredBlob, void, undefined> {
    for (let step = await found.next(); !step.done; step = await found.next()) {
      if (step.value.key.startsWith(RESERVED_PREFIX)) {
        yield step.value;
        continue;
      }
      early.push(step.value);
      // The service sorts names that begin with ASCII like this, by UTF-16 or by code points.
      if (step.value.key > RESERVED_PREFIX) return;
    }
  }
  async function* locks(): AsyncGenerator<StoredBlob, void, undefined> {
    try {
      yield* early;
      for (let step = await found.next(); !step.done; step = await found.next()) yield step.value;
    } finally {
      await found.return?.();
    }
  }
  return { helpers: helpers(), locks: locks() };
}

/** The status that the helper blobs in one folder tell. */
interface HelpersOfKey {
  /** The key of the folder. Undefined if no blob in it names it. */
  readonly key: string | undefined;
  readonly status: HelperStatus;
}

/** The locks in two listings, by key. A lock with helper blobs alone is included. */
export async function* listedStatuses({
  helpers,
  locks,
  prefix,
}: Listings): AsyncGenerator<LockStatus, void, undefined> {
  const left = await helpersByFolder(helpers, prefix);
  for await (const blob of locks) {
    if (blob.key.startsWith(RESERVED_PREFIX)) continue;
    for (const [folder, { key, status }] of left) {
      if (key === undefined || !isListedBefore(key, blob.key)) break;
      left.delete(folder);
      yield withHelpers(missingStatus(key), status);
    }
    const folder = helpersOf(blob.key);
    const own = left.get(folder);
    left.delete(folder);
    if (own || isLock(blob)) yield withHelpers({ ...statusOf(blob), waiting: [] }, own?.status);
  }
  for (const [folder, { key = folder, status }] of left) {
    if (key.startsWith(prefix)) yield withHelpers(missingStatus(key), status);
  }
}

/** The helper blobs of keys that begin with `prefix`, in order of keys, then the folders that do not name their key. */
async function helpersByFolder(helpers: AsyncIterable<StoredBlob>, prefix: string): Promise<Map<string, HelpersOfKey>> {
  const folders = new Map<string, StoredBlob[]>();
  for await (const blob of helpers) {
    const folder = keyFolderOf(blob.key);
    if (folder === undefined) continue;
    const found = folders.get(folder);
    if (found) found.push(blob);
    else folders.set(folder, [blob]);
  }
  const named: [folder: string, HelpersOfKey & { readonly key: string }][] = [];
  const unnamed: [folder: string, HelpersOfKey][] = [];
  for (const [folder, found] of folders) {
    const status = helperStatusOf(folder, found);
    const key = keyOf(folder, found);
    if (!tellsAnything(status)) continue;
    if (key === undefined) unnamed.push([folder, { key, status }]);
    else if (key.startsWith(prefix)) named.push([folder, { key, status }]);
  }
  named.sort(([, a], [, b]) => (a.key < b.key ? -1 : 1));
  return new Map([...named, ...unnamed]);
}

/**
 * The key of a folder of helpers, if a blob in it names it. Every writer of the container can write there: a key counts
 * only if the name of the folder is made from it.
 */
function keyOf(folder: string, found: readonly StoredBlob[]): string | undefined {
  for (const blob of found) {
    const key = slotIn(blob)?.key ?? readerIn(blob)?.key ?? onceBlobIn(blob)?.key ?? ticketsIn(folder, [blob])[0]?.key;
    if (key !== undefined && isKey(key) && helpersOf(key) === folder) return key;
  }
  return undefined;
}

function tellsAnything({ waiting, semaphore, readers, once }: HelperStatus): boolean {
  return (waiting?.length ?? 0) > 0 || semaphore !== undefined || readers !== undefined || once !== undefined;
}

/** Whether a blob is a lock: it is leased or has a record. A container may hold other blobs. */
function isLock({ key, leaseState, metadata }: StoredBlob): boolean {
  if (key.startsWith(RESERVED_PREFIX)) return false;
  return isLeased(leaseState) || recordIn(metadata) !== undefined;
}

/** Whether a key comes before another in every listing, whether the service sorts by UTF-16 or by code points. */
function isListedBefore(a: string, b: string): boolean {
  return a < b && Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

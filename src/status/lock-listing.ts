import { isKey, RESERVED_PREFIX } from "../lease/blob-name.ts";
import { helpersOf, keyFolderOf } from "../lease/helper-folder.ts";
import { isLeased, type StoredBlob } from "../lease/lease-store.ts";
import { recordIn } from "../lease/lock-record.ts";
import { slotIn } from "../lease/permit-slot.ts";
import { readerIn } from "../lease/reader-blob.ts";
import { ticketsIn } from "../waiting/fair-queue.ts";
import { type HelperStatus, helperStatusOf, type LockStatus, missingStatus, statusOf, withHelpers } from "./lock-status.ts";

export interface Listings {
  /** All helper blobs of the container. */
  readonly helpers: AsyncIterable<StoredBlob>;
  /** The blobs whose names begin with `prefix`. Asked for when the others are through. */
  readonly locks: AsyncIterable<StoredBlob>;
  readonly prefix: string;
}

/** The two listings in one of blobs by name, whose prefix helper blobs begin with too. What stands before them is remembered. */
export function parted(blobs: AsyncIterable<StoredBlob>): Omit<Listings, "prefix"> {
  const found = blobs[Symbol.asyncIterator]();
  const early: StoredBlob[] = [];
  async function* helpers(): AsyncGenerator<StoredBlob, void, undefined> {
    for (let step = await found.next(); !step.done; step = await found.next()) {
      if (step.value.key.startsWith(RESERVED_PREFIX)) {
        yield step.value;
        continue;
      }
      early.push(step.value);
      // However the service sorts, it sorts what begins with ASCII like this.
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

/** What the helper blobs in one folder tell. */
interface HelpersOfKey {
  /** Undefined if none of them says it. */
  readonly key: string | undefined;
  readonly status: HelperStatus;
}

/** The locks that two listings tell of, by key, those included of which there are helper blobs alone. */
export async function* listedStatuses({ helpers, locks, prefix }: Listings): AsyncGenerator<LockStatus, void, undefined> {
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

/** Those of the keys that begin with `prefix`, in order, and then those that do not say their key. */
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
  const nameless: [folder: string, HelpersOfKey][] = [];
  for (const [folder, found] of folders) {
    const status = helperStatusOf(folder, found);
    const key = keyOf(folder, found);
    if (!tellsAnything(status)) continue;
    if (key === undefined) nameless.push([folder, { key, status }]);
    else if (key.startsWith(prefix)) named.push([folder, { key, status }]);
  }
  named.sort(([, a], [, b]) => (a.key < b.key ? -1 : 1));
  return new Map([...named, ...nameless]);
}

/** The key that a folder of helpers belongs to, if a blob in it says so. Anybody may write anything there: only the key that makes the folder's name is believed. */
function keyOf(folder: string, found: readonly StoredBlob[]): string | undefined {
  for (const blob of found) {
    const key = slotIn(blob)?.key ?? readerIn(blob)?.key ?? ticketsIn(folder, [blob])[0]?.key;
    if (key !== undefined && isKey(key) && helpersOf(key) === folder) return key;
  }
  return undefined;
}

/** Whether there is anything to tell. */
function tellsAnything({ waiting, semaphore, readers }: HelperStatus): boolean {
  return (waiting?.length ?? 0) > 0 || semaphore !== undefined || readers !== undefined;
}

/** Whether a blob of the container is a lock, as far as it shows: a container may hold other things. */
function isLock({ key, leaseState, metadata }: StoredBlob): boolean {
  if (key.startsWith(RESERVED_PREFIX)) return false;
  return isLeased(leaseState) || recordIn(metadata) !== undefined;
}

/** Whether a key comes before another in every listing: the service does not say whether it sorts by UTF-16 or by code points. */
function isListedBefore(a: string, b: string): boolean {
  return a < b && Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

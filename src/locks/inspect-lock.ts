import { helperPrefix } from "../blobs/helper-folder.ts";
import { isMutexError } from "../errors.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { retry, TRIES } from "../lease/retry.ts";
import { listedStatuses, splitListing } from "../status/lock-listing.ts";
import type { LockStatus } from "../status/lock-status.ts";
import { helperStatusOf, missingStatus, statusOf, withHelpers } from "../status/status-of-blobs.ts";
import { RESERVED_PREFIX } from "../store/azure/blob-name.ts";
import type { StoredBlob } from "../store/lease-store.ts";
import type { LockSpace } from "./lock-space.ts";
import type { CallOptions } from "./mutex.ts";

/** The options of {@link AzureMutex.list}. */
export interface ListOptions extends CallOptions {
  /** What the keys begin with. Default: nothing, which lists all locks. */
  prefix?: string | undefined;
  /**
   * Called if the container does not exist, once or twice: then there are no locks. It costs no request. Default: none.
   */
  onNoContainer?: (() => void) | undefined;
}

/** {@link AzureMutex.inspect} */
export async function inspectLock(blob: LockBlob, signal: AbortSignal | undefined): Promise<LockStatus> {
  const policy = { signal, tries: TRIES };
  const [found, helpers] = await Promise.all([
    retry(blob, () => blob.read({ signal }), policy),
    unlessDenied(retry(blob, () => blob.list(undefined, { signal }), policy)),
  ]);
  const status = found.kind === "missing" ? missingStatus(blob.key, found.what) : statusOf(found.blob);
  return withHelpers(status, helpers && helperStatusOf(helperPrefix(blob.name), helpers));
}

/** {@link AzureMutex.list} */
export function listLocks(space: LockSpace, prefix: string, call: ListOptions): AsyncIterable<LockStatus> {
  const blobs = (begin: string): AsyncIterable<StoredBlob> => space.blob({ key: begin }).listAll(call);
  // Where the helper blobs are among them, one listing tells of both.
  if (RESERVED_PREFIX.startsWith(prefix)) return listedStatuses({ ...splitListing(blobs(prefix)), prefix });
  return listedStatuses({ helpers: blobs(RESERVED_PREFIX), locks: blobs(prefix), prefix });
}

/** What comes of it, or undefined if the credentials do not allow it. */
async function unlessDenied<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isMutexError(error) && error.code === "ACCESS_DENIED") return undefined;
    throw error;
  }
}

import { isLeased, type StoredBlob } from "../store/lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";

/**
 * Deletes, in the background, the helper blobs that are not leased and were not written for so long: their processes
 * are dead.
 */
export function sweepHelpers(blob: LockBlob, found: readonly StoredBlob[], deadAfterMs: number): void {
  const { removals, log } = blob;
  for (const { key: name, leaseState, lastModified, date } of found) {
    if (isLeased(leaseState) || date - lastModified < deadAfterMs) continue;
    if (!removals.mayTry()) return;
    // Not deleted if the owner is alive after all. Without an answer the blob is left for the next process that looks.
    blob
      .helper(name)
      .remove()
      .then(
        () => removals.succeeded(),
        (error) => removals.failed(error, log),
      );
  }
}

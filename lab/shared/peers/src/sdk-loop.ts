import { setTimeout as sleep } from "node:timers/promises";
import { type BlobLeaseClient, BlobServiceClient, type ContainerClient, RestError } from "@azure/storage-blob";
import { LEASE_MS, type Peer, WAIT_MS } from "./peer.ts";

/** The pause between two tries to get the lease. */
const RETRY_DELAY_MS = 1_000;

/**
 * The least that a user would write with Azure's own SDK: acquire, once more after a second if another holds the lease,
 * release. Nothing renews the lease, and nothing is told when it is lost.
 */
export const peer: Peer = {
  connect(connectionString) {
    const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient("locks");
    const made = new Map<string, Promise<void>>();
    return {
      async hold(key, work, { waitMs = WAIT_MS, signal } = {}) {
        const making = made.get(key) ?? makeBlob(container, key);
        made.set(key, making);
        await making;
        const lease = container.getBlobClient(key).getBlobLeaseClient();
        await acquire(lease, performance.now() + waitMs, signal);
        try {
          await work({ isHeld: () => true, onLost: () => undefined });
        } finally {
          await lease.releaseLease();
        }
      },
      // The process that measures it ends it by force.
      unref: () => undefined,
      close: () => undefined,
    };
  },
};

async function acquire(lease: BlobLeaseClient, until: number, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    try {
      await lease.acquireLease(LEASE_MS / 1_000);
      return;
    } catch (error) {
      if (!isRefused(error, "LeaseAlreadyPresent") || performance.now() > until) throw error;
      await sleep(RETRY_DELAY_MS, undefined, signal ? { signal } : {});
    }
  }
}

async function makeBlob(container: ContainerClient, key: string): Promise<void> {
  await container.createIfNotExists();
  try {
    await container.getBlockBlobClient(key).upload("", 0, { conditions: { ifNoneMatch: "*" } });
  } catch (error) {
    // It is there, and may be leased.
    if (!isRefused(error, "BlobAlreadyExists", "LeaseIdMissing")) throw error;
  }
}

function isRefused(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof RestError && codes.includes(error.code ?? "");
}

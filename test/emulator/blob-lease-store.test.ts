import { randomUUID } from "node:crypto";
import { ContainerClient, RestError, StorageSharedKeyCredential } from "@azure/storage-blob";
import { afterAll, describe, expect, it } from "vitest";
import { BlobLeaseStore } from "../../src/store/azure/blob-lease-store.ts";
import { AZURITE_DEVIATIONS, type LeaseStoreDeviation } from "../../src/testing/contract/azurite-deviations.ts";
import type { StoreUnderTest } from "../../src/testing/contract/store-under-test.ts";
import { describeLeaseStore } from "../../src/testing/describe-lease-store.ts";
import { startEmulator } from "../../src/testing/emulator.ts";

const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

function setup(): StoreUnderTest {
  const credential = new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey);
  const container = new ContainerClient(`${emulator.url}/c${randomUUID()}`, credential, {
    retryOptions: { maxTries: 1 },
  });
  return {
    store: new BlobLeaseStore(async () => container),
    advance: (ms) => emulator.advance(ms),
    foreign: {
      putBlob: (key, { metadata, leaseId } = {}) =>
        accepted(
          container.getBlockBlobClient(key).upload("", 0, {
            ...(metadata && { metadata }),
            ...(leaseId !== undefined && { conditions: { leaseId } }),
          }),
        ),
      deleteBlob: (key, { leaseId } = {}) =>
        accepted(container.getBlobClient(key).delete(leaseId === undefined ? {} : { conditions: { leaseId } })),
      deleteContainer: async () => void (await container.delete()),
    },
  };
}

async function accepted(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 412) return false;
    throw error;
  }
}

const deviations = Object.keys(AZURITE_DEVIATIONS) as LeaseStoreDeviation[];

describeLeaseStore("BlobLeaseStore on Azurite", setup, { describe, it, expect, deviations });

import { ContainerClient } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { AzureMutex, type MutexOptions } from "../../../src/index.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";

const accountKey = "c2VjcmV0LWNhbmFyeS1zZWNyZXQtY2FuYXJ5LXNlY3JldA==";
const credential = { getToken: async () => ({ token: "canary", expiresOnTimestamp: 0 }) };
const containerName = "locks";
const AZURE = { account: "acme", host: "acme.blob.core.windows.net" };
const named = { accountName: "acme", accountKey, containerName };

describe("the address of a mutex", () => {
  it.each<[MutexOptions, { readonly account: string; readonly host: string }]>([
    [named, AZURE],
    [{ connectionString: `AccountName=acme;AccountKey=${accountKey}`, containerName }, AZURE],
    [{ credential, accountName: "acme", containerName }, AZURE],
    [{ sasUrl: "https://acme.blob.core.windows.net/locks?sv=1&sig=canary" }, AZURE],
    [{ sasUrl: "https://acme.blob.core.windows.net/?sv=1&sig=canary", containerName }, AZURE],
    [{ containerClient: new ContainerClient("https://acme.blob.core.windows.net/locks?sig=canary") }, AZURE],
    [
      { ...named, endpoint: "https://acme-internetrouting.blob.core.windows.net" },
      { account: "acme", host: "acme-internetrouting.blob.core.windows.net" },
    ],
    [
      { ...named, endpoint: "https://acme.privatelink.blob.core.windows.net" },
      { account: "acme", host: "acme.privatelink.blob.core.windows.net" },
    ],
    [
      { ...named, endpoint: "https://acme.z17.blob.storage.azure.net" },
      { account: "acme", host: "acme.z17.blob.storage.azure.net" },
    ],
    // An account of the same name may exist in each cloud.
    [
      { ...named, endpoint: "https://acme.blob.core.chinacloudapi.cn" },
      { account: "acme.blob.core.chinacloudapi.cn", host: "acme.blob.core.chinacloudapi.cn" },
    ],
    [
      { ...named, endpoint: "https://blobs.acme.example:8443/" },
      { account: "blobs.acme.example:8443", host: "blobs.acme.example:8443" },
    ],
    [
      { useStorageEmulator: true, containerName },
      { account: "127.0.0.1:10000/devstoreaccount1", host: "127.0.0.1:10000" },
    ],
    [
      { containerClient: new ContainerClient("http://127.0.0.1:10000/devstoreaccount1/locks") },
      { account: "127.0.0.1:10000/devstoreaccount1", host: "127.0.0.1:10000" },
    ],
  ])("says which account or host it is, and which container, and no secret: %#", (options, { account, host }) => {
    const { address } = new AzureMutex(options);
    expect(address).toEqual({ name: `${account}/locks`, account, host, container: "locks" });
    expect(JSON.stringify(address)).not.toMatch(/canary|sig=/);
  });

  it("is undefined where the store has none", () => {
    expect(new AzureMutex({ store: new MemoryLeaseStore() }).address).toBeUndefined();
    expect(
      new AzureMutex({ containerClient: { getBlockBlobClient: () => undefined, listBlobsFlat: () => [] } as never })
        .address,
    ).toBe(undefined);
  });
});

import { randomUUID } from "node:crypto";
import { BlobServiceClient, type ContainerClient, RestError } from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../src/testing/emulator.ts";

const KINDS: [string, EmulatorOptions][] = [
  ["in this thread", {}],
  ["with its own clock", { ownClock: true }],
];

async function containerOf(emulator: Emulator): Promise<ContainerClient> {
  const container = BlobServiceClient.fromConnectionString(emulator.connectionString).getContainerClient(
    `c${randomUUID()}`,
  );
  await container.create();
  return container;
}

describe.each(KINDS)("emulator %s", (_, options) => {
  it("leases blobs", async () => {
    await using emulator = await startEmulator(options);
    const blob = (await containerOf(emulator)).getBlockBlobClient("key");
    await blob.upload("", 0);
    await blob.getBlobLeaseClient(randomUUID()).acquireLease(15);
    await expect(blob.getBlobLeaseClient(randomUUID()).acquireLease(15)).rejects.toMatchObject({
      code: "LeaseAlreadyPresent",
    });
  });

  it("listens on loopback only, and says where", async () => {
    await using emulator = await startEmulator(options);
    expect(emulator.url).toBe(`http://127.0.0.1:${emulator.port}/${emulator.accountName}`);
    expect(emulator.connectionString).toContain(`BlobEndpoint=${emulator.url};`);
  });

  it("shares nothing with another emulator", async () => {
    await using one = await startEmulator(options);
    await using other = await startEmulator(options);
    const container = await containerOf(one);
    const same = BlobServiceClient.fromConnectionString(other.connectionString).getContainerClient(
      container.containerName,
    );
    expect(await container.exists()).toBe(true);
    expect(await same.exists()).toBe(false);
  });

  it("closes although a client keeps its connection, and closes once", async () => {
    const emulator = await startEmulator(options);
    const container = await containerOf(emulator);
    await Promise.all([emulator.close(), emulator.close()]);
    await emulator.close();
    await emulator[Symbol.asyncDispose]();
    await expect(container.getProperties({ abortSignal: AbortSignal.timeout(200) })).rejects.toThrow();
  });
});

describe("an emulator's own clock", () => {
  it("ends leases when it is advanced", async () => {
    await using emulator = await startEmulator({ ownClock: true });
    const blob = (await containerOf(emulator)).getBlockBlobClient("key");
    await blob.upload("", 0);
    await blob.getBlobLeaseClient(randomUUID()).acquireLease(60);
    // Real time goes on besides, and on a busy machine there can be much of it.
    await emulator.advance(20_000);
    expect((await blob.getProperties()).leaseState).toBe("leased");
    await emulator.advance(40_000);
    expect((await blob.getProperties()).leaseState).toBe("expired");
  });

  it("dates every answer, refusals included", async () => {
    await using emulator = await startEmulator({ ownClock: true });
    const container = await containerOf(emulator);
    const blob = container.getBlockBlobClient("key");
    await Promise.all([emulator.advance(1_000_000), emulator.advance(2_600_000)]);
    // Within 50 s: on a busy machine much time can pass meanwhile.
    const hourAhead = expect.closeTo(Date.now() + 3_600_000, -5);

    const written = await blob.upload("", 0);
    expect(written.date?.getTime()).toEqual(hourAhead);
    expect(written.lastModified?.getTime()).toEqual(hourAhead);
    await blob.getBlobLeaseClient(randomUUID()).acquireLease(60);
    for (const ask of [
      () => blob.getBlobLeaseClient(randomUUID()).acquireLease(60),
      () => container.getBlobClient("missing").download(),
    ]) {
      const refusal = await ask().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(RestError);
      expect(Date.parse((refusal as RestError).response?.headers.get("date") ?? "")).toEqual(hourAhead);
    }
  });

  it("refuses to run backwards, or on after the emulator was closed", async () => {
    const emulator = await startEmulator({ ownClock: true });
    await expect(emulator.advance(-1)).rejects.toThrow(RangeError);
    await emulator.close();
    await expect(emulator.advance(1)).rejects.toThrow("closed");
  });
});

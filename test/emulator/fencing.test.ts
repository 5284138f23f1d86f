import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const container = await storage.newContainer();
afterAll(() => storage[Symbol.asyncDispose]());

describe("on Azurite, fencing tokens strictly grow", () => {
  it("across processes, others that wipe them, holders without fencing, and deletion a second apart", async () => {
    const key = randomUUID();
    const blob = container.getBlockBlobClient(key);
    const processes = [storage.mutex(container.containerName), storage.mutex(container.containerName)] as const;
    const interferences = [
      async () => undefined,
      // What go-azuremutex does each time it locks.
      async () => void (await blob.upload("", 0)),
      async () => void (await processes[1].locker(key, { fencing: false }).run(() => undefined)),
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await blob.delete();
      },
    ];
    const tokens: number[] = [];
    for (const interfere of interferences) {
      for (const n of [0, 0, 1, 1, 0] as const) {
        await processes[n].locker(key).run((lock) => tokens.push(lock.fencingToken as number));
      }
      await interfere();
      await processes[0].locker(key).run((lock) => tokens.push(lock.fencingToken as number));
    }
    expect(tokens).toHaveLength(24);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    expect(tokens.every(Number.isSafeInteger)).toBe(true);
  });

  it("and a stale holder's write to the locked blob is refused by the service, by its conditions", async () => {
    const key = randomUUID();
    const blob = container.getBlockBlobClient(key);
    const lock = await storage.mutex(container.containerName).locker(key).lock();
    await blob.upload("mine", 4, { conditions: lock.conditions });
    await blob.getBlobLeaseClient().breakLease(0);
    await storage.mutex(container.containerName).acquire(key, 60);
    await expect(blob.upload("stale", 5, { conditions: lock.conditions })).rejects.toMatchObject({ statusCode: 412 });
    expect((await blob.downloadToBuffer()).toString()).toBe("mine");
  });
});

import { randomUUID } from "node:crypto";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { Storage } from "../support/storage.ts";
import type { WireOperation } from "../support/wire-operation.ts";

const storage = await Storage.start();
const { proxy } = storage;
const container = await storage.newContainer();
afterAll(() => storage[Symbol.asyncDispose]());
afterEach(() => proxy.heal());

async function leaseState(key: string): Promise<string | undefined> {
  return (await container.getBlobClient(key).getProperties()).leaseState;
}

async function freeWithin(key: string, ms: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    if ((await leaseState(key)) === "available") return performance.now() - began;
    if (performance.now() - began > ms) return Number.POSITIVE_INFINITY;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("through a proxy that drops the answer after the service has acted, the lock is neither lost nor blocked", () => {
  const operations: WireOperation[] = ["acquire", "renew", "release", "create", "read", "writeMetadata"];
  it.each(operations)("for %s", async (operation) => {
    const key = randomUUID();
    const ours = storage.mutex(container.containerName).locker(key, { leaseSeconds: 15, renewEveryMs: 300 });
    const theirs = storage.mutex(container.containerName).locker(key);
    const tokens: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      proxy.dropAnswer(operation, { times: 2 });
      const lock = await ours.lock({ timeoutMs: 10_000 });
      tokens.push(lock.fencingToken as number);
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(lock.isHeld).toBe(true);
      await ours.unlock();
      expect(await leaseState(key)).toBe("available");
      const other = await theirs.lock({ timeoutMs: 10_000 });
      tokens.push(other.fencingToken as number);
      await theirs.unlock();
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  it("for createContainer", async () => {
    proxy.dropAnswer("createContainer", { times: 1 });
    const lock = await storage.mutex(`c${randomUUID()}`).locker("job").lock({ timeoutMs: 10_000 });
    expect(lock.isHeld).toBe(true);
    await lock.release();
  });
});

describe("a wait that is given up with the acquire under way at the service", () => {
  it.each([500, 4_000])("leaves the lease free within 2 s of an answer after %i ms", async (ms) => {
    for (const how of ["request", "answer"] as const) {
      const key = randomUUID();
      await container.getBlockBlobClient(key).upload("", 0);
      const locker = storage.mutex(container.containerName).locker(key);
      if (how === "request") proxy.delay("acquire", ms, { times: 1 });
      else proxy.delayAnswer("acquire", ms, { times: 1 });
      await expect(locker.lock({ timeoutMs: 100 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
      await new Promise((resolve) => setTimeout(resolve, ms - 100));
      expect(await freeWithin(key, 2_000)).toBeLessThan(2_000);
    }
  });
});

describe("a service in trouble for a moment", () => {
  it("is waited out while waiting: 503, reset connections, silence", async () => {
    const key = randomUUID();
    const locker = storage.mutex(container.containerName).locker(key, { tryTimeoutMs: 300 });
    proxy.serverBusy("acquire", { times: 2 });
    await (await locker.lock({ timeoutMs: 10_000 })).release();
    proxy.reset("acquire", { times: 2 });
    await (await locker.lock({ timeoutMs: 10_000 })).release();
    proxy.hang("acquire", { times: 2 });
    await (await locker.lock({ timeoutMs: 10_000 })).release();
  });

  it("is left alone for as long as it asks with Retry-After", async () => {
    const key = randomUUID();
    const locker = storage.mutex(container.containerName).locker(key);
    proxy.serverBusy("acquire", { times: 1, retryAfterSeconds: 2 });
    const began = performance.now();
    await (await locker.lock()).release();
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_990);
  });
});

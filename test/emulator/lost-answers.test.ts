import { randomUUID } from "node:crypto";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { WireOperation } from "../../lab/shared/wire/protocol.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const { proxy } = storage;
const container = await storage.newContainer();
afterAll(() => storage[Symbol.asyncDispose]());
afterEach(() => proxy.heal());

/** For what is to succeed, on however busy a machine. */
const PATIENT_MS = 60_000;

async function leaseState(key: string): Promise<string | undefined> {
  return (await container.getBlobClient(key).getProperties()).leaseState;
}

describe("through a proxy that drops the answer after the service acted, the lock is neither lost nor blocked", () => {
  const operations: WireOperation[] = ["acquire", "renew", "release", "create", "read", "writeMetadata"];
  it.each(operations)("for %s", async (operation) => {
    const key = randomUUID();
    const ours = storage.mutex(container.containerName).locker(key, { leaseSeconds: 15, renewEveryMs: 300 });
    const theirs = storage.mutex(container.containerName).locker(key);
    const tokens: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      proxy.dropAnswer(operation, { times: 2 });
      const lock = await ours.lock({ timeoutMs: PATIENT_MS });
      tokens.push(lock.fencingToken as number);
      // The two whose answers are dropped, and the one that makes up for them.
      proxy.forgetRequests();
      await expect.poll(() => proxy.count("renew")).toBeGreaterThanOrEqual(operation === "renew" ? 3 : 1);
      expect(lock.isHeld).toBe(true);
      await ours.unlock();
      expect(await leaseState(key)).toBe("available");
      const other = await theirs.lock({ timeoutMs: PATIENT_MS });
      tokens.push(other.fencingToken as number);
      await theirs.unlock();
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  it("for createContainer", async () => {
    proxy.dropAnswer("createContainer", { times: 1 });
    const lock = await storage.mutex(`c${randomUUID()}`).locker("job").lock({ timeoutMs: PATIENT_MS });
    expect(lock.isHeld).toBe(true);
    await lock.release();
  });
});

describe("a wait that is given up with the acquire under way at the service", () => {
  // 3 s is what a request may take.
  it.each([500, 4_000])("leaves the lease free as soon as an answer has come, after %i ms", async (ms) => {
    const given: Promise<void>[] = (["request", "answer"] as const).map(async (how) => {
      await using own = await Storage.start();
      const container = await own.newContainer();
      const blob = container.getBlockBlobClient("job");
      await blob.upload("", 0);
      if (how === "request") own.proxy.delay("acquire", ms, { times: 1 });
      else own.proxy.delayAnswer("acquire", ms, { times: 1 });
      const patience = new AbortController();
      const asking = expect(
        own.mutex(container.containerName).locker("job").lock({ signal: patience.signal }),
      ).rejects.toBe("enough");
      await expect.poll(() => own.proxy.count("acquire")).toBe(1);
      patience.abort("enough");
      await asking;
      // A lease that only ran out is not available.
      await own.proxy.quiet();
      expect([how, (await blob.getProperties()).leaseState]).toEqual([how, "available"]);
      expect(own.proxy.count("release")).toBeGreaterThan(0);
    });
    await Promise.all(given);
  });
});

describe("a service in trouble for a moment", () => {
  it("is waited out while waiting: 503, reset connections, silence", async () => {
    const key = randomUUID();
    const locker = storage.mutex(container.containerName).locker(key, { tryTimeoutMs: 1_000 });
    proxy.serverBusy("acquire", { times: 2 });
    await (await locker.lock({ timeoutMs: PATIENT_MS })).release();
    proxy.reset("acquire", { times: 2 });
    await (await locker.lock({ timeoutMs: PATIENT_MS })).release();
    proxy.hang("acquire", { times: 2 });
    await (await locker.lock({ timeoutMs: PATIENT_MS })).release();
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

import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Locker } from "../../src/locker.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const { proxy } = storage;
const container = (await storage.newContainer()).containerName;
const measured: string[] = [];

afterAll(async () => {
  console.info(["requests, counted at the HTTP level:", ...measured].join("\n  "));
  await storage[Symbol.asyncDispose]();
});

let key: string;
beforeEach(() => {
  key = randomUUID();
});

async function cycle(locker: Locker): Promise<void> {
  await locker.lock();
  await locker.unlock();
}

/** Runs what is to be measured, and gives the operations it sent. */
async function requestsOf(name: string, run: () => Promise<unknown>): Promise<string[]> {
  proxy.forgetRequests();
  await run();
  const operations = proxy.requests.map(({ operation }) => operation);
  measured.push(`${name}: ${operations.length} (${operations.join(", ") || "none"})`);
  return operations;
}

/** A blob that is old enough for a fencing token to be given without a wait. */
async function lockedBefore(by = storage.mutex(container)): Promise<void> {
  await cycle(by.locker(key));
}

describe("the request budget", () => {
  it("is 2 for lock + unlock with fencing: false on a blob that exists", async () => {
    await lockedBefore();
    const locker = storage.mutex(container).locker(key, { fencing: false });
    expect(await requestsOf("lock + unlock, fencing: false", () => cycle(locker))).toEqual(["acquire", "release"]);
  });

  it("is 2 for lock + unlock when this process wrote the record last", async () => {
    const mutex = storage.mutex(container);
    await lockedBefore(mutex);
    expect(await requestsOf("lock + unlock, this process wrote the record last", () => cycle(mutex.locker(key)))).toEqual([
      "acquire",
      "release",
    ]);
  });

  it("is 3 when this process's block of tokens is used up", async () => {
    const mutex = storage.mutex(container);
    const locker = mutex.locker(key);
    for (let used = 0; used < 1_024; used += 1) await cycle(locker);
    const operations = await requestsOf("lock + unlock, block of tokens used up", () => cycle(locker));
    expect(operations).toEqual(["acquire", "writeMetadata", "release"]);
  });

  it("is 4 when another process held it last", async () => {
    await lockedBefore();
    const locker = storage.mutex(container).locker(key);
    expect(await requestsOf("lock + unlock, another process held it last", () => cycle(locker))).toEqual([
      "acquire",
      "read",
      "writeMetadata",
      "release",
    ]);
  });

  it("is 3 when another locker of this process left another purpose", async () => {
    const mutex = storage.mutex(container);
    await cycle(mutex.locker(key, { purpose: "one" }));
    const operations = await requestsOf("lock + unlock, same process with another purpose", () =>
      cycle(mutex.locker(key, { purpose: "two" })),
    );
    expect(operations).toEqual(["acquire", "writeMetadata", "release"]);
  });

  it("is 4 for the first lock + unlock ever, and 5 if the container is missing too", async () => {
    // Dated within one second, the creation carries the tokens; a second boundary in between costs a read and a write, now and then.
    const first = async (name: string, containerName: () => string, expected: string[]) => {
      for (let tries = 0; tries < 5; tries += 1) {
        key = randomUUID();
        const locker = storage.mutex(containerName()).locker(key);
        const operations = await requestsOf(name, () => cycle(locker));
        if (operations.length === expected.length) return expect(operations).toEqual(expected);
        measured.pop();
      }
      expect.fail(`${name} took more requests five times in a row`);
    };
    await first("first lock + unlock ever, container exists", () => container, ["acquire", "create", "acquire", "release"]);
    await first("first lock + unlock ever, no container", () => `c${randomUUID()}`, [
      "acquire",
      "createContainer",
      "create",
      "acquire",
      "release",
    ]);
  });

  it("is 0 for a hand-over inside a process", async () => {
    const locker = storage.mutex(container).locker(key);
    const first = await locker.lock();
    const waiting = locker.lock();
    const operations = await requestsOf("hand-over inside a process", async () => {
      await first.release();
      await waiting;
    });
    expect(operations).toEqual([]);
    await locker.unlock();
  });

  it("is exactly one more with fair: true, if nobody waits", async () => {
    const mutex = storage.mutex(container);
    await lockedBefore(mutex);
    const operations = await requestsOf("lock + unlock, fair", () => cycle(mutex.locker(key, { fair: true })));
    expect(operations).toEqual(["acquire", "list", "release"]);
  });

  it("is 2 to join a fair queue and 1 to leave it, besides its polls", async () => {
    const held = await storage.mutex(container).locker(key, { fair: true }).lock();
    const waiting = storage.mutex(container).locker(key, { fair: true });
    const operations = await requestsOf("a wait in a fair queue, with its holder's release", async () => {
      const lock = waiting.lock();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await held.release();
      await lock;
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    const count = (operation: string): number => operations.filter((sent) => sent === operation).length;
    expect([count("create"), count("deleteBlob"), count("change")]).toEqual([1, 1, 1]);
    // Its own look at the queue, and the holder's.
    expect(count("list")).toBe(2);
    expect(new Set(operations)).toEqual(new Set(["acquire", "create", "list", "change", "deleteBlob", "read", "writeMetadata"]));
    await waiting.unlock();
  });

  it("is 1 for tryLock on a held key", async () => {
    await storage.mutex(container).acquire(key, 60);
    const locker = storage.mutex(container).locker(key);
    expect(await requestsOf("tryLock on a held key", () => locker.tryLock())).toEqual(["acquire"]);
  });

  it("is 1 for a poll of a waiter", async () => {
    await storage.mutex(container).acquire(key, 60);
    const locker = storage.mutex(container).locker(key);
    const operations = await requestsOf("a waiter's polls in 2 s", () => locker.lock({ timeoutMs: 2_000 }).catch(() => undefined));
    expect(new Set(operations)).toEqual(new Set(["acquire"]));
    // 40 to 60 ms apart for 350 ms, then 350 to 850, and one last before the time-out.
    expect(operations.length).toBeLessThanOrEqual(1 + 350 / 40 + 1 + 1_650 / 350 + 1);
  });

  it("is 1 per third of a lease for renewal", async () => {
    const lock = await storage.mutex(container).locker(key, { leaseSeconds: 15 }).lock();
    const operations = await requestsOf("renewals of a 15 s lease in 11 s", () => new Promise((resolve) => setTimeout(resolve, 11_000)));
    expect(operations).toEqual(["renew", "renew"]);
    await lock.release();
  });

  it("is 2 for the seed's acquire and release, 1 for each renew", async () => {
    await lockedBefore();
    const mutex = storage.mutex(container);
    const operations = await requestsOf("acquire, renew, release", async () => {
      await mutex.acquire(key, 15);
      await mutex.renew(key);
      await mutex.release(key);
    });
    expect(operations).toEqual(["acquire", "renew", "release"]);
  });

  it("is 2 for inspect, 2 for a listing, 2 for a break", async () => {
    const mutex = storage.mutex(container);
    await mutex.acquire(key, 60);
    expect((await requestsOf("inspect", () => mutex.inspect(key))).sort()).toEqual(["list", "read"]);
    expect(
      await requestsOf("list", async () => {
        for await (const _ of mutex.list({ prefix: key }));
      }),
    ).toEqual(["list", "list"]);
    expect(await requestsOf("break", () => mutex.break(key))).toEqual(["read", "break"]);
  });
});

import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { Locker } from "../../src/locks/locker.ts";
import { Once } from "../../src/recipes/once/once.ts";
import { MemoryWakeUps } from "../../src/testing/index.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const { proxy } = storage;
const measured: string[] = [];

afterAll(async () => {
  console.info(["requests, counted at the HTTP level:", ...measured].join("\n  "));
  await storage[Symbol.asyncDispose]();
});

let container: string;
let key: string;
beforeEach(async () => {
  container = (await storage.newContainer()).containerName;
  key = randomUUID();
});

/** On a busy machine nothing is sent again, and nothing is renewed, while requests are counted. */
const UNHURRIED = { leaseSeconds: 60, tryTimeoutMs: 14_000 };

function lockerOf(mutex: AzureMutex, options: LockerOptions = {}): Locker {
  return mutex.locker(key, { ...UNHURRIED, ...options });
}

async function cycle(locker: Locker): Promise<void> {
  await locker.lock();
  await locker.unlock();
}

/** Runs what is to be measured, and gives the operations it sent, in the background too. */
async function requestsOf(name: string, run: () => Promise<unknown>): Promise<string[]> {
  proxy.forgetRequests();
  await run();
  await proxy.quiet();
  // A holder of the test before that did not give its lock back may renew it yet.
  const operations = proxy.requests.filter(({ path }) => path.includes(container)).map(({ operation }) => operation);
  measured.push(`${name}: ${operations.length} (${operations.join(", ") || "none"})`);
  return operations;
}

/** A blob that is old enough for a fencing token to be given without a wait. */
async function lockedBefore(by = storage.mutex(container)): Promise<void> {
  await cycle(lockerOf(by));
}

describe("the request budget", () => {
  it("is 2 for lock + unlock with fencing: false on a blob that exists", async () => {
    await lockedBefore();
    const locker = lockerOf(storage.mutex(container), { fencing: false });
    expect(await requestsOf("lock + unlock, fencing: false", () => cycle(locker))).toEqual(["acquire", "release"]);
  });

  it("is 2 for lock + unlock when this process wrote the record last", async () => {
    const mutex = storage.mutex(container);
    await lockedBefore(mutex);
    expect(await requestsOf("lock + unlock, this process wrote the record last", () => cycle(lockerOf(mutex)))).toEqual(
      ["acquire", "release"],
    );
  });

  it("is 3 when this process's block of tokens is used up", async () => {
    const mutex = storage.mutex(container);
    const locker = lockerOf(mutex, { handOverMs: 60_000 });
    // Tasks that hand the lock to each other use it up without a request.
    const uses = Array.from({ length: 1_024 }, () => locker.run((lock) => lock.fencingToken as number));
    const tokens = await Promise.all(uses);
    expect((tokens.at(-1) as number) - (tokens[0] as number)).toBe(1_023);
    const operations = await requestsOf("lock + unlock, block of tokens used up", () => cycle(locker));
    expect(operations).toEqual(["acquire", "writeMetadata", "release"]);
  });

  it("is 4 when another process held it last", async () => {
    await lockedBefore();
    const locker = lockerOf(storage.mutex(container));
    expect(await requestsOf("lock + unlock, another process held it last", () => cycle(locker))).toEqual([
      "acquire",
      "read",
      "writeMetadata",
      "release",
    ]);
  });

  it("is 3 when another locker of this process left another purpose", async () => {
    const mutex = storage.mutex(container);
    await cycle(lockerOf(mutex, { purpose: "one" }));
    const operations = await requestsOf("lock + unlock, same process with another purpose", () =>
      cycle(lockerOf(mutex, { purpose: "two" })),
    );
    expect(operations).toEqual(["acquire", "writeMetadata", "release"]);
  });

  it("is 4 for the first lock + unlock ever, and 5 if the container is missing too", async () => {
    // Dated within one second, the creation carries the tokens; a second boundary in between costs a read and a write,
    // now and then.
    const existing = container;
    const first = async (name: string, containerName: () => string, expected: string[]) => {
      for (let tries = 0; tries < 20; tries += 1) {
        // On a busy machine it happens more often than now and then, unless one begins with the second.
        if (tries > 0) await new Promise((resolve) => setTimeout(resolve, 1_005 - (Date.now() % 1_000)));
        key = randomUUID();
        container = containerName();
        const locker = lockerOf(storage.mutex(container));
        const operations = await requestsOf(name, () => cycle(locker));
        if (operations.length === expected.length) return expect(operations).toEqual(expected);
        measured.pop();
      }
      expect.fail(`${name} took more requests twenty times in a row`);
    };
    await first("first lock + unlock ever, container exists", () => existing, [
      "acquire",
      "create",
      "acquire",
      "release",
    ]);
    await first("first lock + unlock ever, no container", () => `c${randomUUID()}`, [
      "acquire",
      "createContainer",
      "create",
      "acquire",
      "release",
    ]);
  });

  it("is 1 list more for a record beside entries of others, until this process wrote last", async () => {
    const client = storage.container(container).getBlockBlobClient(key);
    await client.upload("{}", 2, { metadata: { OwnerTeam: "Payments", flag: "" } });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const mutex = storage.mutex(container);
    const first = await requestsOf("first lock + unlock of a blob of others", () => cycle(lockerOf(mutex)));
    expect(first).toEqual(["acquire", "read", "list", "writeMetadata", "release"]);
    expect(await requestsOf("the next by this process", () => cycle(lockerOf(mutex)))).toEqual(["acquire", "release"]);
  });

  it("is 0 for a hand-over inside a process", async () => {
    const locker = lockerOf(storage.mutex(container), { handOverMs: 60_000 });
    const first = await locker.lock();
    const waiting = locker.lock();
    const operations = await requestsOf("hand-over inside a process", async () => {
      await first.release();
      await waiting;
    });
    expect(operations).toEqual([]);
    await locker.unlock();
  });

  it("is exactly one more with fair: true, if there is no waiter", async () => {
    const mutex = storage.mutex(container);
    await lockedBefore(mutex);
    const operations = await requestsOf("lock + unlock, fair", () => cycle(lockerOf(mutex, { fair: true })));
    expect(operations).toEqual(["acquire", "list", "release"]);
  });

  it("is 2 with fair: true and wake-ups, if there is no waiter and this process has looked a moment ago", async () => {
    const mutex = storage.mutex(container, { wakeUps: new MemoryWakeUps(), idlePollMs: 600_000 });
    const locker = lockerOf(mutex, { fair: true });
    // Its first release looks. The messages of its own that it hears by then show that it would hear a waiter.
    await locker.run(() => new Promise((resolve) => setTimeout(resolve, 100)));
    await cycle(locker);
    const operations = await requestsOf("lock + unlock, fair, with wake-ups", () => cycle(locker));
    expect(operations).toEqual(["acquire", "release"]);
  });

  it("is 2 to join a fair queue and 1 to leave it, besides its polls", async () => {
    const held = await lockerOf(storage.mutex(container), { fair: true }).lock();
    const waiting = lockerOf(storage.mutex(container), { fair: true });
    const operations = await requestsOf("a wait in a fair queue, with its holder's release", async () => {
      const lock = waiting.lock();
      // Its own look at the queue.
      await expect.poll(() => proxy.count("list")).toBe(1);
      await held.release();
      await lock;
    });
    const count = (operation: string): number => operations.filter((sent) => sent === operation).length;
    expect([count("create"), count("deleteBlob"), count("change")]).toEqual([1, 1, 1]);
    // Its own look at the queue, and the holder's.
    expect(count("list")).toBe(2);
    expect(new Set(operations)).toEqual(
      new Set(["acquire", "create", "list", "change", "deleteBlob", "read", "writeMetadata"]),
    );
    await waiting.unlock();
  });

  it("is 1 for tryLock on a held key", async () => {
    await storage.mutex(container).acquire(key, 60);
    const locker = lockerOf(storage.mutex(container));
    expect(await requestsOf("tryLock on a held key", () => locker.tryLock())).toEqual(["acquire"]);
  });

  it("is 1 for a poll of a waiter", async () => {
    await storage.mutex(container).acquire(key, 60);
    const locker = lockerOf(storage.mutex(container));
    const operations = await requestsOf("a waiter's polls in 2 s", () =>
      locker.lock({ timeoutMs: 2_000 }).catch(() => undefined),
    );
    expect(new Set(operations)).toEqual(new Set(["acquire"]));
    // 40 to 60 ms apart for 350 ms, then 350 to 850, and one last before the time-out.
    expect(operations.length).toBeLessThanOrEqual(1 + 350 / 40 + 1 + 1_650 / 350 + 1);
  });

  it("is 1 per third of a lease for renewal, after a first one that may come sooner by half", async () => {
    const began = performance.now();
    const lock = await storage.mutex(container).locker(key, { leaseSeconds: 15 }).lock();
    let tookMs = 0;
    const operations = await requestsOf("renewals of a 15 s lease in 7.5 to 10 s", async () => {
      await expect.poll(() => proxy.count("renew")).toBe(2);
      tookMs = performance.now() - began;
    });
    expect(operations).toEqual(["renew", "renew"]);
    expect(tookMs).toBeGreaterThanOrEqual(7_480);
    await lock.release();
  });

  it("is 1 read more at the first renewal after the holder wrote the blob itself", async () => {
    const lock = await lockerOf(storage.mutex(container), { renewEveryMs: 500 }).lock();
    const blob = storage.container(container).getBlockBlobClient(key);
    const operations = await requestsOf("three renewals, after the holder wrote the blob itself", async () => {
      await blob.upload("42", 2, { conditions: lock.conditions });
      const before = proxy.count("renew");
      await expect.poll(() => proxy.count("renew")).toBe(before + 3);
    });
    expect(operations.filter((operation) => operation !== "renew")).toEqual(["read"]);
    expect(lock.isHeld).toBe(true);
    await lock.release();
  });

  it("is 1 for a slot that is over, 2 for one that another runs, 3 more than a lock for its own", async () => {
    const mutex = storage.mutex(container);
    const here = new Once(mutex, key, UNHURRIED);
    const there = new Once(storage.mutex(container), key, UNHURRIED);
    await here.run(1, () => undefined);
    let beside: string[] = [];
    const operations = await requestsOf("a slot that runs, this process wrote the record last", async () => {
      await here.run(2, async () => {
        const before = proxy.requests.length;
        expect((await there.run(2, () => undefined)).outcome).toBe("running");
        beside = proxy.requests.slice(before).map(({ operation }) => operation);
      });
    });
    measured.push(`a slot that another runs: ${beside.length} (${beside.join(", ")})`);
    expect(beside).toEqual(["read", "acquire"]);
    const [read, acquire, started, , , ...rest] = operations;
    expect([read, acquire, started, ...rest]).toEqual(["read", "acquire", "writeMetadata", "writeMetadata", "release"]);
    expect(await requestsOf("a slot that is over", () => there.run(2, () => undefined))).toEqual(["read"]);
    expect(
      await requestsOf("a slot that runs, another process held the lock last", () => there.run(3, () => 0)),
    ).toEqual(["read", "acquire", "read", "writeMetadata", "writeMetadata", "writeMetadata", "release"]);
  });

  it("is 2 for the seed's acquire and release, 1 for each renew", async () => {
    await lockedBefore();
    const mutex = storage.mutex(container, { tryTimeoutMs: UNHURRIED.tryTimeoutMs });
    const operations = await requestsOf("acquire, renew, release", async () => {
      await mutex.acquire(key, 15);
      await mutex.renew(key);
      await mutex.release(key);
    });
    expect(operations).toEqual(["acquire", "renew", "release"]);
  });

  it("is 2 for inspect, 2 for a listing by prefix, 1 for one of the whole container, 2 for a break", async () => {
    const mutex = storage.mutex(container, { tryTimeoutMs: UNHURRIED.tryTimeoutMs });
    await mutex.acquire(key, 60);
    expect((await requestsOf("inspect", () => mutex.inspect(key))).sort()).toEqual(["list", "read"]);
    expect(
      await requestsOf("list by prefix", async () => {
        for await (const _ of mutex.list({ prefix: key }));
      }),
    ).toEqual(["list", "list"]);
    expect(
      await requestsOf("list of the whole container", async () => {
        for await (const _ of mutex.list());
      }),
    ).toEqual(["list"]);
    expect(await requestsOf("break", () => mutex.break(key))).toEqual(["read", "break"]);
  });
});

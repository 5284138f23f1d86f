import { describe, expect, it } from "vitest";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import type { Lockable } from "../../../src/locks/lockable.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { lockAll } from "../../../src/recipes/lock-all.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { sleep } from "../../../src/time/clock.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { chance } from "../../support/chaos.ts";
import { describeHolding } from "../../support/holding-contract/describe-holding.ts";
import { type Holdable, type HoldingSubject, uuid } from "../../support/holding-contract/scene.ts";
import { World } from "../../support/world.ts";

const locker = (own: LockerOptions = {}): HoldingSubject => ({
  open: (mutex, key, options) => {
    const lock = mutex.locker(key, { ...own, ...options });
    return {
      take: (wait) => lock.lock(wait),
      tryTake: (wait) => lock.tryLock(wait),
      run: (work, wait) => lock.run(work, wait),
    };
  },
});

const election = (data?: string): HoldingSubject => ({
  open: (mutex, key, options) => {
    const candidate = new LeaderElection(mutex, key, { ...options, ...(data === undefined ? {} : { data }) });
    return { take: (wait) => candidate.campaign(wait) };
  },
});

const semaphore = (own: LockerOptions = {}): HoldingSubject => ({
  open: (mutex, key, options) => {
    const one = new Semaphore(mutex, key, { ...own, ...options, permits: 1 });
    return {
      take: (wait) => one.acquire(wait),
      tryTake: (wait) => one.tryAcquire(wait),
      run: (work, wait) => one.run(work, wait),
    };
  },
});

const holdable = (of: Lockable<Holding>): Holdable => ({
  take: (wait) => of.lock(wait),
  tryTake: (wait) => of.tryLock(wait),
  run: (work, wait) => of.run(work, wait),
});

type Side = "read" | "write";

const readerWriter = (side: Side, blocker: Side, own: LockerOptions = {}): HoldingSubject => {
  const open = (mutex: AzureMutex, key: string, options?: LockerOptions): ReaderWriterLock =>
    new ReaderWriterLock(mutex, key, { ...own, ...options });
  return {
    open: (mutex, key, options) => holdable(open(mutex, key, options)[side]),
    block: (mutex, key) => open(mutex, key)[blocker].lock(),
    isShared: side === "read",
  };
};

/** Another process holds the last of its locks: it has the others while it waits. */
const several: HoldingSubject = {
  open: (mutex, key, options) => holdable(lockAll(mutex, [`${key}-2`, key], options)),
  block: (mutex, key) => mutex.locker(`${key}-2`).lock(),
  blocked: (key) => `${key}-2`,
  leases: 2,
};

const SUBJECTS: readonly (readonly [name: string, subject: HoldingSubject])[] = [
  ["a lock", locker()],
  ["a lock of a fair queue", locker({ fair: true })],
  ["leadership", election()],
  ["leadership with data", election("http://10.0.0.7:8080")],
  ["a permit", semaphore()],
  ["a permit of a fair semaphore", semaphore({ fair: true })],
  ["a write lock", readerWriter("write", "write")],
  ["a write lock behind a reader", readerWriter("write", "read")],
  ["a write lock of a fair reader-writer lock", readerWriter("write", "write", { fair: true })],
  ["a write lock of a fair reader-writer lock behind a reader", readerWriter("write", "read", { fair: true })],
  ["a read lock behind a writer", readerWriter("read", "write")],
  ["a read lock of a fair reader-writer lock behind a writer", readerWriter("read", "write", { fair: true })],
  ["several locks", several],
];

for (const [name, subject] of SUBJECTS) describeHolding(name, subject);

describe("what is written into the metadata of blobs", () => {
  it.each(SUBJECTS)("fits in, whatever key, holder and purpose are allowed: of %s", async (_name, subject) => {
    const world = new World();
    const beyondAscii = (length: number): string => "\u00e9".repeat(length);
    const options = { holder: beyondAscii(256), purpose: beyondAscii(1_024) };
    // A letter less, because several locks have one more in the keys.
    const [holder, waiter] = [1, 2].map(() => subject.open(world.process().mutex, beyondAscii(1_022), options));
    await world.until(holder?.take() ?? expect.fail("no holder"));
    waiter?.take({ timeoutMs: 10_000 }).catch(() => undefined);
    await world.clock.advance(5_000);
    let blobs = 0;
    for await (const { key, metadata } of world.memory.list("")) {
      blobs += 1;
      const bytes = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      // "Setting and retrieving properties and metadata for Blob resources" in the reference of the REST API.
      expect(bytes, `in ${key.slice(0, 40)}`).toBeLessThanOrEqual(8_192);
    }
    expect(blobs).toBeGreaterThan(0);
  });
});

describe("tasks of two processes whose ids are as random as real ones, in quick turns in one queue,", () => {
  it.each([
    ["locks", locker({ fair: true })],
    ["permits", semaphore({ fair: true })],
    ["write locks", readerWriter("write", "write", { fair: true })],
  ] as const)("get their %s at once, and never wait for a lease to run out", async (_name, subject) => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const world = new World();
      const random = chance(seed);
      const turns = async (): Promise<void> => {
        const { store, mutex } = world.process({ newId: () => uuid(random) });
        store.delay("all", 5);
        const holdable = subject.open(mutex, "job");
        for (let turn = 0; turn < 6; turn += 1) {
          const held = await holdable.take();
          await sleep(world.clock, 20);
          await held.release();
        }
      };
      await world.until(Promise.all([turns(), turns()]), 15_000);
    }
  });
});

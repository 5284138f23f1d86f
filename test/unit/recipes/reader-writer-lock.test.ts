import { describe, expect, it } from "vitest";
import { LockLostError, LockTimeoutError } from "../../../src/errors.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { holdingState } from "../../../src/locks/holding.ts";
import { ReaderWriterLock, type ReadLock } from "../../../src/recipes/reader-writer-lock.ts";
import type { FaultyLeaseStore } from "../../../src/testing/index.ts";
import { sleep } from "../../../src/time/clock.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { chance } from "../../support/chaos.ts";
import { withoutKind } from "../../support/earlier-version.ts";
import { World } from "../../support/world.ts";

const LEASE_MS = 30_000;
const GOOD_FOR_MS = 25_000;
const RENEW_EVERY_MS = 10_000;
/** Between two polls of a task that has waited for a while: at most. */
const POLL_MS = 850;
/** For how long the readers of a process let each other in without a look for writers. */
const HAND_OVER_MS = 3_000;

function setup(options: LockerOptions = {}) {
  const world = new World();
  const process = (random?: () => number) => {
    const { store, mutex } = world.process(random && { random });
    return { store, mutex, lock: new ReaderWriterLock(mutex, "config", options) };
  };
  const read = (party: { lock: ReaderWriterLock }) => world.until(party.lock.read.lock());
  const write = (party: { lock: ReaderWriterLock }) => world.until(party.lock.write.lock());
  const cycle = async (held: Promise<Holding>): Promise<void> => {
    await world.until((await world.until(held)).release());
    await world.clock.advance(3_000);
  };
  return { world, clock: world.clock, process, read, write, cycle, here: process(), there: process() };
}

const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);

/** The blobs of reading processes. */
async function readerBlobs(world: World): Promise<{ key: string; leaseState: string }[]> {
  const found: { key: string; leaseState: string }[] = [];
  for await (const { key, leaseState } of world.memory.list(".azmutex/")) {
    if (key.includes("/reader-writer-lock/")) found.push({ key, leaseState });
  }
  return found;
}

describe("a reader-writer lock", () => {
  it("is held by any number of readers of several processes at once, and by no writer meanwhile", async () => {
    const { world, process, here } = setup();
    const readers: ReadLock[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { lock } = process();
      readers.push(...(await world.until(Promise.all([lock.read.lock(), lock.read.lock(), lock.read.lock()]))));
    }
    expect(readers.every(({ isHeld }) => isHeld)).toBe(true);
    const last = readers.pop() as ReadLock;
    const writing = here.lock.write.lock();
    await world.clock.advance(5_000);
    await world.until(Promise.all(readers.map((reader) => reader.release())));
    await expect(world.until(Promise.race([writing, sleep(world.clock, 5_000)]))).resolves.toBeUndefined();
    await world.until(last.release());
    expect((await world.until(writing, POLL_MS)).isHeld).toBe(true);
  });

  it("keeps readers and writers out while a task writes, in whichever process", async () => {
    const { world, write, here, there } = setup();
    const written = await write(here);
    const waiting = [here.lock.read.lock(), there.lock.read.lock(), here.lock.write.lock(), there.lock.write.lock()];
    const timedOut = waiting.map((lock) => Promise.race([lock, sleep(world.clock, 20_000)]));
    expect(await world.until(Promise.all(timedOut))).toEqual([undefined, undefined, undefined, undefined]);
    await world.until(written.release());
    for (const lock of waiting) lock.then((held) => held.release()).catch(() => undefined);
    await world.until(Promise.all(waiting), 10_000);
  });

  it("never lets readers and a writer in together, in seeded crowds, and all get through", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const random = chance(seed);
      const { world, clock, process } = setup({ fair: seed % 2 === 0 });
      let readers = 0;
      let writers = 0;
      let mostReaders = 0;
      const check = (): void => {
        mostReaders = Math.max(mostReaders, readers);
        if (writers > 1 || (writers === 1 && readers > 0))
          throw new Error(`seed ${seed}: ${writers} write and ${readers} read`);
      };
      const task = async (lock: ReaderWriterLock): Promise<void> => {
        for (let turn = 0; turn < 4; turn += 1) {
          await sleep(clock, random() * 2_000);
          if (random() < 0.3) {
            await lock.write.run(async () => {
              writers += 1;
              check();
              await sleep(clock, random() * 500);
              writers -= 1;
            });
          } else {
            await lock.read.run(async () => {
              readers += 1;
              check();
              await sleep(clock, random() * 1_500);
              readers -= 1;
            });
          }
        }
      };
      const tasks = Array.from({ length: 4 }, () => {
        const { store, lock } = process(random);
        store.delay("all", 1 + random() * 20);
        return [task(lock), task(lock), task(lock)];
      });
      await world.until(Promise.all(tasks.flat()), 600_000);
      expect(mostReaders, `seed ${seed}`).toBeGreaterThan(1);
    }
  });

  it("keeps new readers out while a writer waits for those who read", async () => {
    const { world, clock, read, process, here, there } = setup();
    const reading = await read(here);
    const writing = there.lock.write.lock();
    await clock.advance(HAND_OVER_MS + 1);
    const late = [process().lock.read.lock(), here.lock.read.lock()];
    const waited = Promise.race([...late, sleep(clock, 20_000)]);
    expect(await world.until(waited)).toBeUndefined();
    await world.until(reading.release());
    const written = await world.until(writing, POLL_MS);
    await world.until(written.release());
    await world.until(Promise.all(late), POLL_MS);
  });

  it("lets a writer in within a lease and a poll while readers of five processes keep coming", async () => {
    let longestMs = 0;
    for (let seed = 1; seed <= 6; seed += 1) {
      const random = chance(seed);
      const { world, clock, process } = setup();
      const readers = Array.from({ length: 5 }, () => process(random));
      const writer = process(random);
      for (const { store } of [...readers, writer]) store.delay("all", 1 + random() * 10);
      let over = false;
      let reads = 0;
      const coming = readers.flatMap(({ lock }) =>
        Array.from({ length: 4 }, async () => {
          while (!over) {
            await lock.read.run(() => sleep(clock, 100 + random() * 900));
            reads += 1;
          }
        }),
      );
      for (let turn = 0; turn < 5; turn += 1) {
        await clock.advance(random() * 3_000);
        const began = clock.now();
        const before = reads;
        const written = await world.until(writer.lock.write.lock());
        longestMs = Math.max(longestMs, clock.now() - began);
        await clock.advance(500);
        await world.until(written.release());
        await clock.advance(2_000);
        expect(reads, "readers get through too").toBeGreaterThan(before);
      }
      over = true;
      await world.until(Promise.all(coming));
    }
    // Readers that know of each other go on for a while, then the last of them reads to its end.
    expect(longestMs).toBeLessThanOrEqual(HAND_OVER_MS + 1_000 + POLL_MS);
    expect(longestMs).toBeLessThanOrEqual(LEASE_MS + POLL_MS);
  });

  it.each([
    ["reader", "writer"],
    ["writer", "writer"],
    ["writer", "reader"],
  ] as const)("is free within a lease and a poll when a %s died, for a %s", async (dying, next) => {
    const side = { reader: "read", writer: "write" } as const;
    for (const fair of [false, true]) {
      const { world, clock, here, there } = setup({ fair });
      await world.until<Holding>(here.lock[side[dying]].lock());
      await clock.advance(RENEW_EVERY_MS + 1);
      const waiting: Promise<Holding> = there.lock[side[next]].lock();
      await clock.advance(2_000);
      here.store.hang("all");
      const died = clock.now();
      await world.until(waiting);
      expect(clock.now() - died).toBeLessThanOrEqual(LEASE_MS + POLL_MS);
    }
  });

  it("is one with a lock that leaves no record for writers and new readers, which does not wait for those who read", async () => {
    const { world, clock, read, here, there } = setup();
    const reading = await read(here);
    const lock = await world.until(there.mutex.locker("config", { fencing: false }).lock());
    reading.assertHeld();
    await clock.advance(HAND_OVER_MS + 1);
    expect(await world.until(here.lock.read.tryLock())).toBeUndefined();
    expect(await world.until(here.lock.write.tryLock())).toBeUndefined();
    await world.until(lock.release());
    expect(await world.until(here.lock.read.tryLock())).toBeDefined();
  });

  it("makes a task that asks for the other side while it holds one wait for itself, until its time-out", async () => {
    const { world, read, here } = setup();
    const reading = await read(here);
    await expect(world.until(here.lock.write.lock({ timeoutMs: 5_000 }))).rejects.toBeInstanceOf(LockTimeoutError);
    reading.assertHeld();
    await world.until(reading.release());
    const written = await world.until(here.lock.write.lock({ timeoutMs: 5_000 }));
    await expect(world.until(here.lock.read.lock({ timeoutMs: 5_000 }))).rejects.toBeInstanceOf(LockTimeoutError);
    written.assertHeld();
  });
});

describe("tokens of a reader-writer lock", () => {
  it("are higher for each writer than for all before, and for readers those of the last writer", async () => {
    const { world, clock, process, read, write, cycle, here, there } = setup();
    const third = process();
    const early = await read(here);
    expect(early.fencingToken).toBeUndefined();
    await world.until(early.release());
    let last = 0;
    for (const writer of [here, there, there, here, third]) {
      const written = await write(writer);
      expect(written.fencingToken).toBeGreaterThan(last);
      last = written.fencingToken as number;
      await world.until(written.release());
      for (const party of [third, there, here]) {
        const reading = await read(party);
        const along = await read(party);
        expect([reading.fencingToken, along.fencingToken]).toEqual([last, last]);
        await world.until(Promise.all([reading.release(), along.release()]));
        await cycle(party.lock.read.lock());
      }
      await clock.advance(100);
    }
  });

  it("stay the same for a reader who goes on reading, and for all readers as long as there is no writer", async () => {
    const { world, clock, read, write, here, there } = setup();
    const written = await write(there);
    await world.until(written.release());
    const first = await read(here);
    await clock.advance(100_000);
    const second = await read(there);
    const third = await read(here);
    expect([first.fencingToken, second.fencingToken, third.fencingToken]).toEqual(Array(3).fill(written.fencingToken));
  });

  it("tell readers of a write lock that was given up while it waited for readers", async () => {
    const { world, clock, read, write, here, there } = setup();
    const before = await write(there);
    await world.until(before.release());
    const reading = await read(here);
    await clock.advance(3_000);
    await expect(world.until(there.lock.write.lock({ timeoutMs: 2_000 }))).rejects.toBeInstanceOf(LockTimeoutError);
    await world.until(reading.release());
    const later = await read(here);
    expect(later.fencingToken).toBeGreaterThan(before.fencingToken as number);
    await world.until(later.release());
    const after = await write(there);
    expect(after.fencingToken).toBeGreaterThan(later.fencingToken as number);
  });

  it("are no lower for readers than that of a lock of an earlier version, and lower than the next writer's", async () => {
    const { world, clock, read, write, here, there } = setup();
    const lock = await world.until(there.mutex.locker("config").lock());
    await world.until(lock.release());
    await withoutKind(world, "config");
    const reading = await read(here);
    expect(reading.fencingToken).toBeGreaterThanOrEqual(lock.fencingToken as number);
    await world.until(reading.release());
    await clock.advance(3_000);
    expect((await write(here)).fencingToken).toBeGreaterThan(reading.fencingToken as number);
  });

  it("are told to each reader as its own lock asks for them, whichever of a process came first", async () => {
    const { world, write, there } = setup();
    const written = await write(there);
    await world.until(written.release());
    for (const isFencedFirst of [false, true]) {
      const { mutex } = world.process();
      const tokenOf = async (fencing: boolean): Promise<number | undefined> =>
        (await world.until(new ReaderWriterLock(mutex, there.lock.key, { fencing }).read.lock())).fencingToken;
      const first = await tokenOf(isFencedFirst);
      const second = await tokenOf(!isFencedFirst);
      const [fenced, plain] = isFencedFirst ? [first, second] : [second, first];
      expect([fenced, plain]).toEqual([written.fencingToken, undefined]);
    }
  });

  it("are undefined with fencing: false", async () => {
    const { world, write, read, here, there } = setup({ fencing: false });
    const written = await write(there);
    expect(written.fencingToken).toBeUndefined();
    await world.until(written.release());
    expect((await read(here)).fencingToken).toBeUndefined();
  });
});

describe("readers of one process", () => {
  it("have one blob and one lease, a hundred of them, and take no more requests than one", async () => {
    const { world, clock, cycle, here, there } = setup();
    await cycle(there.lock.write.lock());
    const other = new ReaderWriterLock(here.mutex, "config");
    const readers = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? here.lock : other).read.lock());
    const reading = await world.until(Promise.all(readers));
    expect(operations(here.store)).toEqual(["acquire", "create", "acquire", "read"]);
    expect(await readerBlobs(world)).toHaveLength(1);

    here.store.forgetCalls();
    await clock.advance(60_000);
    expect(new Set(operations(here.store))).toEqual(new Set(["renew"]));
    expect(here.store.count()).toBeLessThanOrEqual(6);
    here.store.forgetCalls();
    await world.until(Promise.all(reading.map((lock) => lock.release())));
    expect(operations(here.store)).toEqual(["release"]);
  });

  it("take two requests to read when there was no writer, and one to let go", async () => {
    const { world, cycle, read, here } = setup();
    await cycle(here.lock.read.lock());
    here.store.forgetCalls();
    const reading = await read(here);
    expect(operations(here.store)).toEqual(["acquire", "read"]);
    here.store.forgetCalls();
    await world.until(reading.release());
    expect(operations(here.store)).toEqual(["release"]);
  });

  it("keep their lease until the last of them has let go", async () => {
    const { world, clock, here } = setup();
    const reading = await world.until(
      Promise.all([here.lock.read.lock(), here.lock.read.lock(), here.lock.read.lock()]),
    );
    for (const lock of reading.slice(1)) {
      await world.until(lock.release());
      await world.until(lock.release());
      expect(lock.isHeld).toBe(false);
      await clock.advance(1_000);
      reading[0]?.assertHeld();
      expect((await readerBlobs(world)).map(({ leaseState }) => leaseState)).toEqual(["leased"]);
    }
    await world.until((reading[0] as ReadLock).release());
    expect((await readerBlobs(world)).map(({ leaseState }) => leaseState)).toEqual(["available"]);
  });

  it("all lose their locks when the lease is lost, and the next one takes another", async () => {
    const { world, clock, here } = setup();
    const reading = await world.until(Promise.all(Array.from({ length: 5 }, () => here.lock.read.lock())));
    const gone = reading.pop() as ReadLock;
    await world.until(gone.release());
    const silence = here.store.hang("renew");
    await clock.advance(GOOD_FOR_MS);
    for (const lock of reading) {
      expect(lock.isHeld).toBe(false);
      expect(lock.signal.reason).toBeInstanceOf(LockLostError);
      expect(() => lock.assertHeld()).toThrow(LockLostError);
    }
    expect(gone.signal.aborted).toBe(false);
    silence.heal();
    const next = await world.until(here.lock.read.lock(), LEASE_MS - GOOD_FOR_MS + POLL_MS);
    await world.until(Promise.all(reading.map((lock) => lock.release())));
    await clock.advance(60_000);
    next.assertHeld();
  });

  it("never learn of a loss from lock() itself: a task that asks while the lease is being lost gets the next one", async () => {
    const { world, clock, read, here } = setup();
    const first = await read(here);
    await clock.advance(1_000);
    const silence = here.store.hang("renew");
    await clock.advance(first.remainingMs - 2_000);
    const waiting = here.lock.read.lock();
    await clock.advance(2_000);
    expect(first.signal.aborted).toBe(true);
    silence.heal();
    const second = await world.until(waiting, LEASE_MS);
    second.assertHeld();
  });

  it("get from tryLock what is free or nothing, and no error, while the lease is being lost", async () => {
    const { world, clock, read, here } = setup();
    const first = await read(here);
    await clock.advance(1_000);
    here.store.hang("renew");
    await clock.advance(first.remainingMs - 2_000);
    const tried = here.lock.read.tryLock();
    await clock.advance(2_000);
    expect(await world.until(tried)).toBeUndefined();
  });

  it("who have done while it is uncertain whether their lease was lost are told what its renewal said", async () => {
    for (const isLost of [false, true]) {
      const { world, clock, read, here } = setup();
      const [first, second] = [await read(here), await read(here)];
      await clock.advance(RENEW_EVERY_MS / 2 - 500);
      const [{ key = "" } = {}] = await readerBlobs(world);
      if (isLost) await world.memory.break(key, { periodSeconds: 0 });
      clock.suspend(2_000);
      const work = here.lock.read.run(() => "done");
      await clock.settle();
      const ended = holdingState(first).end();
      await clock.advance(1_100);
      expect((await ended)?.why).toBe(isLost ? "broken" : undefined);
      expect(second.isHeld).toBe(!isLost);
      expect(await world.until(work)).toBe("done");
    }
  });

  it("get no lock that is about to run out, also if they join others", async () => {
    const { world, clock, read, here } = setup();
    await read(here);
    here.store.hang("renew");
    // A look shows no writer, just before a third of the lease is left; a reader that joins soon after takes none.
    await clock.advance(GOOD_FOR_MS - LEASE_MS / 3 - 100);
    await read(here);
    await clock.advance(HAND_OVER_MS - 100);
    const goodFor = here.lock.read.lock().then(({ remainingMs }) => remainingMs);
    await clock.advance(1_000);
    here.store.heal();
    expect(await world.until(goodFor, 5_000)).toBeGreaterThanOrEqual(LEASE_MS / 3);
  });

  it("who wait for a writer take one read a poll, and do not lease their blob meanwhile", async () => {
    const { world, clock, write, here, there } = setup();
    const written = await write(there);
    const readers = Array.from({ length: 20 }, () => here.lock.read.lock());
    await clock.advance(5_000);
    here.store.forgetCalls();
    await clock.advance(20_000);
    expect(new Set(operations(here.store))).toEqual(new Set(["read"]));
    expect(here.store.count()).toBeLessThanOrEqual(20_000 / 350);
    expect((await readerBlobs(world)).map(({ leaseState }) => leaseState)).toEqual(["available"]);
    here.store.forgetCalls();
    await world.until(written.release());
    await world.until(Promise.all(readers), POLL_MS);
    expect(operations(here.store)).toEqual(["read", "acquire", "read"]);
  });

  it("leave a blob behind that a later writer sweeps away when it was not used for ten minutes, and make it again if need be", async () => {
    const { world, clock, cycle, read, here, there } = setup();
    await cycle(here.lock.read.lock());
    await cycle(there.lock.write.lock());
    expect(await readerBlobs(world)).toHaveLength(1);
    await clock.advance(600_000);
    const reading = await read(there);
    await cycle(reading.release().then(() => here.lock.write.lock()));
    expect(await readerBlobs(world)).toHaveLength(1);
    await cycle(here.lock.read.lock());
    expect(await readerBlobs(world)).toHaveLength(2);
  });

  it("who read for longer than ten minutes are not swept away", async () => {
    const { world, clock, read, here, there } = setup();
    const reading = await read(here);
    await clock.advance(700_000);
    await expect(world.until(there.lock.write.lock({ timeoutMs: 5_000 }))).rejects.toBeInstanceOf(LockTimeoutError);
    await clock.advance(60_000);
    reading.assertHeld();
  });
});

describe("tryLock", () => {
  it("of a reader gives a lock beside other readers, and nothing while a task writes or waits to", async () => {
    const { world, clock, read, write, here, there } = setup();
    const written = await write(there);
    expect(await world.until(here.lock.read.tryLock())).toBeUndefined();
    await clock.advance(1_000);
    here.store.forgetCalls();
    expect(await world.until(here.lock.read.tryLock())).toBeUndefined();
    expect(operations(here.store)).toEqual(["read"]);
    await world.until(written.release());

    const reading = await read(there);
    const along = await world.until(here.lock.read.tryLock());
    expect(along?.isHeld).toBe(true);
    await world.until((along as ReadLock).release());
    const writing = there.lock.write.lock();
    await clock.advance(1_000);
    expect(await world.until(here.lock.read.tryLock())).toBeUndefined();
    await world.until(reading.release());
    expect((await world.until(writing)).isHeld).toBe(true);
  });

  it("of a writer gives nothing while another task reads or writes, leaves nothing behind, and keeps none out", async () => {
    const { world, read, write, here, there } = setup();
    const written = await write(there);
    here.store.forgetCalls();
    expect(await world.until(here.lock.write.tryLock())).toBeUndefined();
    expect(operations(here.store)).toEqual(["acquire"]);
    await world.until(written.release());

    const reading = await read(there);
    expect(await world.until(here.lock.write.tryLock())).toBeUndefined();
    expect(await world.leaseState("config")).toBe("available");
    await world.until(reading.release());
    expect((await world.until(here.lock.write.tryLock()))?.isHeld).toBe(true);
  });

  it("of two readers at once succeeds for both, in one process and in two", async () => {
    for (const processes of [1, 2]) {
      const { world, process } = setup();
      const all = Array.from({ length: processes }, () => process());
      for (const { store } of all) store.delay("all", 10);
      const tries = Array.from({ length: 6 }, (_, n) => all[n % processes]?.lock.read.tryLock());
      for (const lock of await world.until(Promise.all(tries))) expect(lock?.isHeld).toBe(true);
    }
  });

  it("of a reader succeeds while the last reader of the process is letting go, or has just let go", async () => {
    for (const apartMs of [0, 10, 30, 60]) {
      const { world, clock, read, here } = setup();
      here.store.delay("all", 20);
      const reading = await read(here);
      await clock.advance(HAND_OVER_MS);
      const released = reading.release();
      await clock.advance(apartMs);
      const tried = await world.until(here.lock.read.tryLock());
      expect(tried?.isHeld, `${apartMs} ms after the release`).toBe(true);
      await released;
    }
  });

  it("of a reader does not wait behind a reader of its process who waits for a writer", async () => {
    const { world, clock, write, here, there } = setup();
    await write(there);
    const waiting = here.lock.read.lock();
    const tried = here.lock.read.tryLock();
    expect(await world.until(tried, 100)).toBeUndefined();
    await clock.advance(5_000);
    expect(await world.until(here.lock.read.tryLock(), 0)).toBeUndefined();
    await expect(world.until(Promise.race([waiting, sleep(clock, 1_000)]))).resolves.toBeUndefined();
  });
});

describe("writers", () => {
  it("take four requests to write and let go if their process wrote last, and five if another did", async () => {
    const { cycle, here, there } = setup();
    await cycle(here.lock.write.lock());
    for (const [party, expected] of [
      [here, ["acquire", "writeMetadata", "list", "release"]],
      [there, ["acquire", "read", "writeMetadata", "list", "release"]],
    ] as const) {
      party.store.forgetCalls();
      await cycle(party.lock.write.lock());
      expect(operations(party.store)).toEqual(expected);
    }
  });

  it("of one process hand the lock on, and each looks for readers itself", async () => {
    const { world, write, here } = setup();
    const first = await write(here);
    const waiting = here.lock.write.lock();
    here.store.forgetCalls();
    await first.release();
    const second = await world.until(waiting, 0);
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken as number);
    expect(operations(here.store)).toEqual(["writeMetadata", "list"]);
  });

  it("get a lock that is good for a while, also if none of its renewals was answered while they waited for readers", async () => {
    const { world, clock, read, here, there } = setup();
    const reading = await read(there);
    const writing = here.lock.write.lock();
    await clock.advance(2_000);
    here.store.failBefore("renew");
    await clock.advance(20_000);
    await world.until(reading.release());
    here.store.forgetCalls();
    // The look that shows that the last reader has gone.
    while (here.store.count("list") === 0) await clock.advance(1);
    here.store.heal();
    const written = await world.until(writing, 2_000);
    expect(written.remainingMs).toBeGreaterThan(LEASE_MS / 3);
  });

  it("who try are given no lock that is uncertain, as the machine slept while they looked for readers", async () => {
    const { world, clock, here } = setup();
    here.store.delayAnswer("list", 100);
    const trying = here.lock.write.tryLock();
    while (here.store.count("list") === 0) await clock.advance(1);
    clock.suspend(2_000);
    (await world.until(trying, 2_000))?.assertHeld();
    expect(here.store.count("renew")).toBe(1);
  });

  it("keep their own lease while they wait for readers, and begin anew if it is lost", async () => {
    const { world, clock, read, here, there } = setup();
    const reading = await read(here);
    const writing = there.lock.write.lock();
    await clock.advance(65_000);
    expect(await world.leaseState("config")).toBe("leased");
    expect(there.store.count("renew")).toBe(6);
    await world.memory.break("config", { periodSeconds: 0 });
    await clock.advance(RENEW_EVERY_MS + 2_000);
    await world.until(reading.release());
    const written = await world.until(writing, 2 * POLL_MS);
    await clock.advance(60_000);
    written.assertHeld();
  });
});

describe("with fair: true", () => {
  it("readers and writers of all processes go in in the order they came", async () => {
    const { world, clock, process } = setup({ fair: true });
    const processes = [process(), process(), process()];
    for (const { store } of processes) store.delay("all", 5);
    const first = await world.until((processes[0] as (typeof processes)[0]).lock.write.lock());
    const order: string[] = [];
    const tasks: Promise<void>[] = [];
    const plan = ["w1", "r1", "r2", "r3", "w2", "w3", "r4", "r5", "w4", "r6"];
    for (const [n, name] of plan.entries()) {
      const { lock } = processes[n % 3] as (typeof processes)[0];
      const side = name.startsWith("w") ? lock.write : lock.read;
      tasks.push(
        side.run(async () => {
          order.push(name);
          await sleep(clock, 2_000);
        }),
      );
      await clock.advance(1_500);
    }
    await world.until(first.release());
    await world.until(Promise.all(tasks), 300_000);
    // Those who read together may do so in any order.
    const together = (names: readonly string[]): string =>
      names
        .join(" ")
        .replace(/(?:r\d ?)+/g, (readers) => `${readers.trim().split(" ").sort().join("+")} `)
        .trim();
    expect(together(order)).toBe(together(plan));
  });

  it("readers read together, also if they came from several processes", async () => {
    const { world, clock, write, process, here } = setup({ fair: true });
    const written = await write(here);
    let reading = 0;
    let most = 0;
    const readers = Array.from({ length: 5 }, () =>
      process().lock.read.run(async () => {
        reading += 1;
        most = Math.max(most, reading);
        await sleep(clock, 20_000);
        reading -= 1;
      }),
    );
    await clock.advance(3_000);
    await world.until(written.release());
    await world.until(Promise.all(readers));
    expect(most).toBe(5);
  });

  it("a reader who came after a writer goes in after it, also if its process reads already", async () => {
    const { world, clock, read, here, there } = setup({ fair: true });
    const reading = await read(here);
    await clock.advance(500);
    const order: string[] = [];
    const writing = there.lock.write.run(() => void order.push("writer"));
    await clock.advance(1_500);
    const late = here.lock.read.run(() => void order.push("late reader"));
    await clock.advance(3_000);
    await world.until(reading.release());
    await world.until(Promise.all([writing, late]), 60_000);
    expect(order).toEqual(["writer", "late reader"]);
  });

  it("the first writer after readers need not wait for its first token, though readers made the blob", async () => {
    const { world, clock, cycle, here, there } = setup({ fair: true });
    await clock.advance(500);
    const reading = await world.until(here.lock.read.lock());
    await world.until(reading.release());
    const began = clock.now();
    await cycle(there.lock.write.lock());
    expect(clock.now() - 3_000 - began).toBeLessThanOrEqual(POLL_MS);
  });

  it("a writer who gives up while it waits for readers lets the next in line go in", async () => {
    const { world, clock, read, process, here, there } = setup({ fair: true });
    const reading = await read(here);
    const given = expect(there.lock.write.lock({ timeoutMs: 8_000 })).rejects.toBeInstanceOf(LockTimeoutError);
    await clock.advance(4_000);
    const late = process().lock.read.lock();
    await clock.advance(3_999);
    await clock.advance(1);
    await given;
    expect((await world.until(late, 15_000)).isHeld).toBe(true);
    reading.assertHeld();
  });
});

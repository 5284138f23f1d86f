import { describe, expect, it } from "vitest";
import { LockTimeoutError } from "../../../../src/errors.ts";
import type { Holding } from "../../../../src/locks/holding.ts";
import type { ReaderWriterLock, ReadLock } from "../../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { chance } from "../../../support/chaos.ts";
import { HAND_OVER_MS, LEASE_MS, operations, POLL_MS, RENEW_EVERY_MS, setup } from "./setup.ts";

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

  it("is one with a lock that leaves no record for writers and new readers, and waits for no readers", async () => {
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

  it("of a writer gives nothing while another task reads or writes, leaves nothing, and keeps none out", async () => {
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

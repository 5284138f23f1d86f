import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { LockLostError } from "../../../src/errors.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { setup } from "./setup.ts";

describe("break of a permit", () => {
  it("lets the rest of its lease run out, tells its holder why, and leaves the others and the lock alone", async () => {
    const { world, clock, mutex, permit, operations } = setup();
    const lock = await world.until(world.process().mutex.locker("jobs", { fencing: false }).lock());
    const permits = [
      await permit("jobs", { holder: "a" }),
      await permit("jobs", { holder: "b" }),
      await permit("jobs", { holder: "c" }),
    ];
    const [a, b, c] = permits;
    await clock.advance(5_000);
    const broken = await mutex.break("jobs", { permit: b?.slot as number });
    expect(broken).toMatchObject({ outcome: "broken", holder: { name: "b" } });
    const { freeInSeconds } = broken as { freeInSeconds: number };
    expect(freeInSeconds).toBeGreaterThan(15);
    expect(freeInSeconds).toBeLessThanOrEqual(25);
    expect(operations()).toEqual(["read", "break"]);
    const waiting = new Semaphore(world.process().mutex, "jobs", { permits: 3 }).acquire();
    await clock.advance(10_000);
    expect(b?.signal.reason).toBeInstanceOf(LockLostError);
    expect(b?.signal.reason).toMatchObject({ why: "broken", key: "jobs" });
    expect((await world.until(waiting)).slot).toBe(b?.slot);
    expect([a?.isHeld, b?.isHeld, c?.isHeld, lock.isHeld]).toEqual([true, false, true, true]);
  });

  it("frees it at once with a period of 0", async () => {
    const { mutex, permit } = setup();
    const { slot } = await permit("jobs", { permits: 1 });
    expect(await mutex.break("jobs", { permit: slot, periodSeconds: 0 })).toMatchObject({
      outcome: "broken",
      freeInSeconds: 0,
    });
    expect((await permit("jobs", { permits: 1 })).slot).toBe(slot);
  });

  it("leaves alone a holder that was not meant", async () => {
    const { mutex, permit } = setup();
    const { slot, signal } = await permit("jobs", { holder: "a" });
    const other = await mutex.break("jobs", { permit: slot, ifHolder: "b" });
    expect(other).toMatchObject({ outcome: "heldByAnother", holder: { name: "a" } });
    expect((await mutex.inspect("jobs")).semaphore?.held).toMatchObject([{ state: "leased" }]);
    expect(signal.aborted).toBe(false);
    expect(await mutex.break("jobs", { permit: slot, ifHolder: "a" })).toMatchObject({ outcome: "broken" });
    const anonymous = await permit("others", { fencing: false });
    expect(await mutex.break("others", { permit: anonymous.slot, ifHolder: "a" })).toEqual({
      outcome: "heldByAnother",
    });
  });

  it("says that it is not held if it is free, was never used, or there is no such semaphore", async () => {
    const { world, mutex, permit } = setup();
    const held = await permit("jobs");
    await world.until(held.release());
    await world.until(world.process().mutex.locker("none").lock());
    for (const [key, slot] of [
      ["jobs", held.slot],
      ["jobs", 999],
      ["none", 0],
    ] as const) {
      expect(await mutex.break(key, { permit: slot })).toEqual({ outcome: "notHeld" });
    }
    expect((await mutex.inspect("none")).isHeld).toBe(true);
  });

  it.each([-1, 1_000, 1.5, Number.NaN, "0", null])("refuses the slot %j and sends nothing", async (slot) => {
    const { onlooker, mutex } = setup();
    await expect(mutex.break("jobs", { permit: slot as number })).rejects.toThrow(
      /^permit must be a whole number from 0 to 999, not/,
    );
    await expect(mutex.break("jobs", { permit: slot as number })).rejects.toBeInstanceOf(RangeError);
    expect(onlooker.store.count()).toBe(0);
  });
});

describe("break of a reader", () => {
  it("breaks all readers of that name, says when the last is gone, and leaves the others alone", async () => {
    const { world, clock, mutex, read, operations } = setup();
    const one = world.process().mutex;
    const theirs = [await read("index", { holder: "a" }, one), await read("index", { holder: "a" }, one)];
    await clock.advance(5_000);
    theirs.push(await read("index", { holder: "a" }));
    const other = await read("index", { holder: "b" });
    const broken = await mutex.break("index", { reader: "a" });
    expect(operations()).toEqual(["list", "break", "break"]);
    expect(broken).toEqual({
      outcome: "broken",
      freeInSeconds: 30,
      holder: { name: "a", host: hostname(), pid: process.pid },
    });
    expect(
      (await mutex.inspect("index")).readers?.map(({ state, holder }) => `${holder.name} ${state}`).sort(),
    ).toEqual(["a breaking", "a breaking", "b leased"]);
    await clock.advance(10_000);
    for (const { signal } of theirs)
      expect(signal.reason).toMatchObject({ code: "LOCK_LOST", why: "broken", key: "index" });
    await clock.advance(20_000);
    expect(other.isHeld).toBe(true);
    expect((await mutex.inspect("index")).readers).toMatchObject([{ holder: { name: "b" } }]);
  });

  it("lets the writer in who waits for it, and leaves the write side alone", async () => {
    const { world, clock, mutex, read } = setup();
    const reading = await read("index", { holder: "a" });
    const writing = new ReaderWriterLock(world.process().mutex, "index").write.lock();
    await clock.advance(1_000);
    expect(await mutex.break("index", { reader: "a", periodSeconds: 5 })).toMatchObject({
      outcome: "broken",
      freeInSeconds: 5,
    });
    const written = await world.until(writing, 6_000);
    expect(written.isHeld).toBe(true);
    await clock.advance(10_000);
    expect(reading.signal.reason).toMatchObject({ why: "broken" });
    expect(written.isHeld).toBe(true);
  });

  it("says that there is no reader of that name, or not any more", async () => {
    const { world, mutex, read } = setup();
    const reading = await read("index", { holder: "a" });
    expect(await mutex.break("index", { reader: "b" })).toEqual({ outcome: "notHeld" });
    expect(await mutex.break("other", { reader: "a" })).toEqual({ outcome: "notHeld" });
    await world.until(reading.release());
    expect(await mutex.break("index", { reader: "a" })).toEqual({ outcome: "notHeld" });
  });

  it("says so, too, of one that has done between the look and the break", async () => {
    const { world, clock, onlooker, mutex, read } = setup();
    const reading = await read("index", { holder: "a" });
    onlooker.store.delay("break", 1_000);
    const breaking = mutex.break("index", { reader: "a" });
    await clock.advance(100);
    await world.until(reading.release());
    expect(await world.until(breaking)).toEqual({ outcome: "notHeld" });
  });

  it.each([7, null, {}, true])("refuses the name %j and sends nothing", async (reader) => {
    const { onlooker, mutex } = setup();
    await expect(mutex.break("index", { reader: reader as string })).rejects.toThrow(
      /^reader must be a holder's name, not/,
    );
    await expect(mutex.break("index", { reader: reader as string })).rejects.toBeInstanceOf(TypeError);
    expect(onlooker.store.count()).toBe(0);
  });

  it("refuses to be asked for a permit or another holder besides", async () => {
    const { onlooker, mutex } = setup();
    const both = mutex.break("index", { reader: "a", permit: 0 });
    await expect(both).rejects.toBeInstanceOf(TypeError);
    await expect(both).rejects.toThrow(/permit and reader/);
    const twice = mutex.break("index", { reader: "a", ifHolder: "a" });
    await expect(twice).rejects.toBeInstanceOf(TypeError);
    await expect(twice).rejects.toThrow(/ifHolder and reader/);
    expect(onlooker.store.count()).toBe(0);
  });
});

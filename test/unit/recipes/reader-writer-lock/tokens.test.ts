import { describe, expect, it } from "vitest";
import { LockTimeoutError } from "../../../../src/errors.ts";
import { ReaderWriterLock } from "../../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { withoutKind } from "../../../support/earlier-version.ts";
import { setup } from "./setup.ts";

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

  it("are no lower for readers than that of an earlier version's lock, and lower than the next writer's", async () => {
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

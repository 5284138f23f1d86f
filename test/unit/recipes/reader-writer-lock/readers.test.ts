import { describe, expect, it } from "vitest";
import { LockLostError, LockTimeoutError } from "../../../../src/errors.ts";
import { holdingState } from "../../../../src/locks/holding.ts";
import { ReaderWriterLock, type ReadLock } from "../../../../src/recipes/reader-writer/reader-writer-lock.ts";
import type { World } from "../../../support/world.ts";
import { HAND_OVER_MS, LEASE_MS, operations, POLL_MS, RENEW_EVERY_MS, setup } from "./setup.ts";

const GOOD_FOR_MS = 25_000;

/** The blobs of reading processes. */
async function readerBlobs(world: World): Promise<{ key: string; leaseState: string }[]> {
  const found: { key: string; leaseState: string }[] = [];
  for await (const { key, leaseState } of world.memory.list(".azmutex/")) {
    if (key.includes("/reader-writer-lock/")) found.push({ key, leaseState });
  }
  return found;
}

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

  it("lose by maxHoldMs their own part alone, which is not given back under the others", async () => {
    const { world, clock, here, there } = setup();
    const bounded = new ReaderWriterLock(here.mutex, "config", { maxHoldMs: 60_000 });
    const [short, long] = await world.until(Promise.all([bounded.read.lock(), here.lock.read.lock()]));
    await clock.advance(70_000);
    expect(short.signal.reason).toMatchObject({ why: "maxHold" });
    expect(() => short.assertHeld()).toThrow(LockLostError);
    long.assertHeld();
    await world.until(short.release());
    await clock.advance(70_000);
    long.assertHeld();
    expect(await world.until(there.lock.write.tryLock())).toBeUndefined();
    await world.until(long.release());
    await world.until((await world.until(there.lock.write.lock())).release());
  });

  it("are not kept by one that has lost its part, and share its lease until it lapses", async () => {
    const { world, clock, here, there } = setup();
    const bounded = new ReaderWriterLock(here.mutex, "config", { maxHoldMs: 60_000 });
    const overdue = await world.until(bounded.read.lock());
    const other = await world.until(here.lock.read.lock());
    await clock.advance(65_000);
    // The work of the first goes on: the lease is not released under it, and not renewed for it.
    await world.until(other.release());
    expect((await readerBlobs(world)).map(({ leaseState }) => leaseState)).toEqual(["leased"]);
    here.store.forgetCalls();
    const third = await world.until(here.lock.read.lock(), 1_000);
    expect(operations(here.store)).not.toContain("acquire");
    await clock.advance(60_000);
    third.assertHeld();
    await world.until(third.release());
    here.store.forgetCalls();
    const writing = await world.until(there.lock.write.lock(), LEASE_MS + 2_000);
    expect(operations(here.store)).not.toContain("renew");
    await world.until(overdue.release());
    writing.assertHeld();
    await world.until(writing.release());
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

  it("never learn of a loss from lock(): a task that asks while the lease is lost gets the next", async () => {
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

  it("leave a blob that a later writer sweeps away after ten minutes, and make it again", async () => {
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

import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { helpersOf } from "../../../src/blobs/helper-folder.ts";
import { slotMetadata, slotName } from "../../../src/blobs/permit-slot.ts";
import { AccessDeniedError } from "../../../src/errors.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { names, setup } from "./setup.ts";

describe("inspect of a semaphore", () => {
  it("says which permits are held, by which holder, since when and for what, in two requests of reading", async () => {
    const { world, mutex, permit, operations } = setup();
    const first = await permit("jobs", { holder: "a", purpose: "reports", leaseSeconds: 15 });
    const second = await permit("jobs", { holder: "b" });
    const { semaphore, ...lock } = await mutex.inspect("jobs");
    expect(lock).toEqual({
      key: "jobs",
      isHeld: false,
      state: "available",
      infinite: false,
      kind: "semaphore",
      waiting: [],
    });
    const bySlot = [
      {
        slot: first.slot,
        holder: { name: "a", host: hostname(), pid: process.pid },
        purpose: "reports",
        leaseSeconds: 15,
      },
      { slot: second.slot, holder: { name: "b", host: hostname(), pid: process.pid }, leaseSeconds: 30 },
    ].sort((a, b) => a.slot - b.slot);
    expect(semaphore).toMatchObject({ permits: 3, held: bySlot });
    for (const { state, recordedAt, highestToken } of semaphore?.held ?? []) {
      expect(state).toBe("leased");
      expect(recordedAt?.getTime()).toBeGreaterThan(1_767_225_590_000);
      expect(highestToken).toBeGreaterThanOrEqual(first.fencingToken as number);
    }
    expect(semaphore).not.toHaveProperty("waiting");
    expect(operations().sort()).toEqual(["list", "read"]);
    await world.until(first.release());
    expect((await mutex.inspect("jobs")).semaphore?.held.map(({ slot }) => slot)).toEqual([second.slot]);
    await world.until(second.release());
    expect((await mutex.inspect("jobs")).semaphore).toEqual({ permits: 3, held: [] });
  });

  it("shows a permit whose holder leaves no record, and one that is being broken", async () => {
    const { mutex, permit } = setup();
    const { slot } = await permit("jobs", { fencing: false });
    expect((await mutex.inspect("jobs")).semaphore?.held).toEqual([{ slot, state: "leased" }]);
    await mutex.break("jobs", { permit: slot });
    expect((await mutex.inspect("jobs")).semaphore?.held).toEqual([{ slot, state: "breaking" }]);
  });

  it("shows with fair: true who waits for the gate, and that one is at it", async () => {
    const { world, clock, mutex, permit, list } = setup();
    const held = await permit("jobs", { permits: 1, fair: true, holder: "a" });
    await clock.advance(1_000);
    expect((await mutex.inspect("jobs")).semaphore).toMatchObject({ waiting: [], isGateTaken: false });
    const permits: Promise<unknown>[] = [];
    for (const holder of ["b", "c", "d"]) {
      const semaphore = new Semaphore(world.process().mutex, "jobs", { permits: 1, fair: true, holder });
      permits.push(semaphore.run(() => undefined));
      await clock.advance(2_000);
    }
    for (const { waiting, semaphore } of [await mutex.inspect("jobs"), ...(await list())]) {
      // The first of them is at the gate and has no ticket any more.
      expect(names(semaphore?.waiting)).toEqual(["c", "d"]);
      expect(semaphore).toMatchObject({ permits: 1, isGateTaken: true, held: [{ slot: 0, holder: { name: "a" } }] });
      const [c, d] = semaphore?.waiting ?? [];
      expect((d?.since.getTime() ?? 0) - (c?.since.getTime() ?? 0)).toBe(2_000);
      // No task waits for the lock of that name.
      expect(waiting).toEqual([]);
    }
    await world.until(held.release());
    await world.until(Promise.all(permits));
  });

  it("says how many permits there are as slot 0 does, whatever another slot says", async () => {
    const { mutex, permit, lease } = setup();
    await permit("jobs");
    await lease(slotName(helpersOf("jobs"), 7), slotMetadata("jobs", 9));
    expect((await mutex.inspect("jobs")).semaphore).toMatchObject({ permits: 3, held: [{ slot: 0 }, { slot: 7 }] });
  });
});

describe("inspect of a reader-writer lock", () => {
  it("says who reads, one for each process, and who holds the write side apart from it", async () => {
    const { world, mutex, read, operations } = setup();
    const one = world.process().mutex;
    const readers: Holding[] = [await read("index", { holder: "a" }, one), await read("index", { holder: "a" }, one)];
    readers.push(await read("index", { holder: "b" }));
    const status = await mutex.inspect("index");
    expect(names(status.readers)?.sort()).toEqual(["a", "b"]);
    expect(status).toMatchObject({ isHeld: false, state: "available", kind: "reader-writer-lock" });
    expect(status.readers).toContainEqual({
      state: "leased",
      holder: { name: "a", host: hostname(), pid: process.pid },
    });
    expect(operations().sort()).toEqual(["list", "read"]);

    const writing = new ReaderWriterLock(world.process().mutex, "index", { holder: "w" }).write.lock();
    await world.clock.advance(1_000);
    const waited = await mutex.inspect("index");
    expect(waited).toMatchObject({ isHeld: true, holder: { name: "w" } });
    expect(waited.readers).toHaveLength(2);
    await world.until(Promise.all(readers.map((reader) => reader.release())));
    await world.until(writing);
    expect(await mutex.inspect("index")).not.toHaveProperty("readers");
  });

  it("leaves out what the credentials do not allow to list, and nothing else", async () => {
    const { world, onlooker, mutex, permit, read, forget } = setup();
    await permit("job");
    await forget("job");
    await read("job");
    await forget("job");
    await world.until(world.process().mutex.locker("job", { holder: "a" }).lock());
    onlooker.store.failBefore("list", { error: new AccessDeniedError("no list") });
    const status = await mutex.inspect("job");
    expect(status).toMatchObject({ isHeld: true, holder: { name: "a" } });
    for (const name of ["waiting", "semaphore", "readers"]) expect(status).not.toHaveProperty(name);
  });
});

describe("helper blobs that another program wrote", () => {
  const NOTHING = ["", "{", "null", "[]", "7", '"x"', "{}"];
  const SLOTS = [
    ...NOTHING,
    '{"key":7,"permits":"3"}',
    '{"key":"jobs","permits":0}',
    '{"key":"jobs","permits":1001}',
    '{"key":"jobs","permits":2.5}',
    '{"permits":{}}',
  ];
  const HOLDERS = [
    '"x"',
    "{}",
    "null",
    "[]",
    '{"name":7,"host":"h","pid":1}',
    '{"name":"n","host":"h","pid":"1"}',
    '{"name":"n"}',
  ];

  it.each(SLOTS)("are no semaphore if no slot says how many there are: %j", async (azmutex_semaphore) => {
    const { mutex, list, lease } = setup();
    await lease(slotName(helpersOf("jobs"), 0), { azmutex_semaphore });
    expect(await mutex.inspect("jobs")).toEqual({
      key: "jobs",
      isHeld: false,
      state: "missing",
      infinite: false,
      waiting: [],
    });
    expect(await list()).toEqual([]);
  });

  it.each(SLOTS)("are held permits all the same where another slot says it: %j", async (azmutex_semaphore) => {
    const { mutex, permit, lease } = setup();
    await permit("jobs", { holder: "a" });
    await lease(slotName(helpersOf("jobs"), 1), { azmutex_semaphore });
    const { semaphore } = await mutex.inspect("jobs");
    expect(semaphore).toMatchObject({ permits: 3, held: [{ holder: { name: "a" } }, { slot: 1 }] });
    expect(Object.keys(semaphore?.held[1] ?? {}).sort()).toEqual(["slot", "state"]);
  });

  it.each([
    ...NOTHING,
    ...HOLDERS.map((holder) => `{"key":"job","holder":${holder}}`),
    '{"key":7,"holder":{"name":"n","host":"h","pid":1}}',
  ])("are no readers and no waiters if they do not say whose they are: %j", async (said) => {
    const { mutex, list, lease } = setup();
    const folder = helpersOf("job");
    await lease(`${folder}reader-writer-lock/x`, { azmutex_reader: said });
    await lease(`${folder}queue/000001767225600-x`, { azmutex_ticket: said.replace("{", '{"leaseId":"x",') });
    expect(await mutex.inspect("job")).toEqual({
      key: "job",
      isHeld: false,
      state: "missing",
      infinite: false,
      waiting: [],
    });
    expect(await list()).toEqual([]);
  });

  it.each(HOLDERS)("name no holder of a permit that is none: %j", async (holder) => {
    const { mutex, lease } = setup();
    const azmutex = `{"holder":${holder},"leaseSeconds":30,"top":1,"nonce":"n","writtenAt":0}`;
    await lease(slotName(helpersOf("jobs"), 0), { ...slotMetadata("jobs", 1), azmutex });
    expect((await mutex.inspect("jobs")).semaphore?.held).toEqual([{ slot: 0, state: "leased" }]);
  });

  it("give no date that is none", async () => {
    const { mutex, lease } = setup();
    const azmutex =
      '{"holder":{"name":"n","host":"h","pid":1},"leaseSeconds":30,"top":1,"nonce":"n","writtenAt":1e300}';
    await lease(slotName(helpersOf("jobs"), 0), { ...slotMetadata("jobs", 1), azmutex });
    await lease("job", { azmutex });
    const { semaphore } = await mutex.inspect("jobs");
    for (const status of [semaphore?.held[0], await mutex.inspect("job")]) {
      expect(status).toMatchObject({ holder: { name: "n" }, highestToken: 1 });
      expect(status).not.toHaveProperty("recordedAt");
    }
  });

  it.each(["7", "0007", "1000", "gate", "abc", "00x", "003/x", ""])("with the name %j are no slots", async (name) => {
    const { mutex, permit, lease } = setup();
    await permit("jobs");
    await lease(`${helpersOf("jobs")}semaphore/${name}`, slotMetadata("jobs", 3));
    expect((await mutex.inspect("jobs")).semaphore?.held).toHaveLength(1);
  });
});

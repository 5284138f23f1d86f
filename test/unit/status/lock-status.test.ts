import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { helpersOf } from "../../../src/blobs/helper-folder.ts";
import { slotMetadata, slotName } from "../../../src/blobs/permit-slot.ts";
import { AccessDeniedError, LockLostError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer-lock.ts";
import { Semaphore, type SemaphoreOptions } from "../../../src/recipes/semaphore.ts";
import { listedStatuses } from "../../../src/status/lock-listing.ts";
import type { LockStatus } from "../../../src/status/lock-status.ts";
import type { LeaseStore, Metadata } from "../../../src/store/lease-store.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { World } from "../../support/world.ts";

function setup() {
  const world = new World();
  const onlooker = world.process();
  const permit = (key: string, options: Partial<SemaphoreOptions> = {}, mutex: AzureMutex = world.process().mutex) =>
    world.until(new Semaphore(mutex, key, { permits: 3, ...options }).acquire());
  const read = (key: string, options: LockerOptions = {}, mutex: AzureMutex = world.process().mutex) =>
    world.until(new ReaderWriterLock(mutex, key, options).read.lock());
  const list = async (prefix?: string): Promise<LockStatus[]> => {
    const found: LockStatus[] = [];
    for await (const status of onlooker.mutex.list(prefix === undefined ? {} : { prefix })) found.push(status);
    return found;
  };
  const lease = async (name: string, metadata: Metadata) => {
    await world.memory.create(name, metadata);
    await world.memory.acquire(name, world.newId(), 60);
  };
  /** A key is used as one thing, until its blob is deleted. */
  const forget = (key: string) => world.memory.remove(key);
  const operations = () => onlooker.store.calls.map(({ operation }) => operation);
  return { world, clock: world.clock, onlooker, mutex: onlooker.mutex, permit, read, list, lease, forget, operations };
}

const names = (all: readonly { holder?: { name: string } }[] | undefined) => all?.map(({ holder }) => holder?.name);

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

describe("list", () => {
  it("shows semaphores and readers whose keys have no blob, in key order with the others, in one request", async () => {
    const { world, permit, read, list, forget, operations } = setup();
    await world.until((await world.until(world.process().mutex.locker("b", { fencing: false }).lock())).release());
    await world.until(world.process().mutex.locker("e").lock());
    await permit("c", { holder: "p" });
    await read("a", { holder: "r" });
    await permit("f");
    await read("b", { holder: "q" });
    await read("z");
    for (const key of ["a", "c", "f", "z"]) await forget(key);
    const all = await list();
    expect(operations()).toEqual(["list"]);
    expect(all.map(({ key, state }) => `${key} ${state}`)).toEqual([
      "a missing",
      "b available",
      "c missing",
      "e leased",
      "f missing",
      "z missing",
    ]);
    const [a, b, c, e] = all;
    expect([names(a?.readers), names(b?.readers), names(c?.semaphore?.held)]).toEqual([["r"], ["q"], ["p"]]);
    expect(a).toMatchObject({ isHeld: false, infinite: false, waiting: [] });
    expect(e).not.toHaveProperty("semaphore");
    expect(e).not.toHaveProperty("readers");
  });

  /** Those that sort before the helper blobs, `.azmutex/…`, and behind them. */
  const AROUND = ["!", "$/a", "-", "-b", ".a", ".azmutey", ".b", "0", "z", "\u00e9", "\u{1F600}", "\uff21"];

  it.each([
    ["", 1],
    [".", 1],
    [".azmutex/", 1],
    [".b", 2],
    ["z", 2],
  ])("answers of %j as two listings would, in %i", async (prefix, requests) => {
    const { world, permit, list, lease, forget, operations } = setup();
    for (const [index, key] of AROUND.entries()) {
      if (index % 3 !== 1) await permit(key, { holder: `p${index}` });
      if (index % 3 !== 1) await forget(key);
      if (index % 3 !== 0)
        await world.until(
          world
            .process()
            .mutex.locker(key, { holder: `l${index}` })
            .lock(),
        );
    }
    await lease(slotName(helpersOf("not stated"), 0), { azmutex_semaphore: '{"permits":4}' });
    const { memory } = world;
    const apart = { helpers: memory.list(".azmutex/"), locks: memory.list(prefix), prefix };
    const expected: LockStatus[] = [];
    for await (const status of listedStatuses(apart)) expected.push(status);
    expect(await list(prefix)).toEqual(expected);
    expect(operations()).toHaveLength(requests);
    if (prefix === "") expect(expected.map(({ key }) => key)).toEqual(expect.arrayContaining(AROUND));
  });

  it("has done with the service when the caller has seen enough, or never looked", async () => {
    const { world } = setup();
    for (const key of ["-", "a", "b"]) await world.until(world.process().mutex.locker(key).lock());
    const asked: AbortSignal[] = [];
    const store: Pick<LeaseStore, "list"> = {
      list(prefix, { signal } = {}) {
        if (signal) asked.push(signal);
        return world.memory.list(prefix, { signal });
      },
    };
    const mutex = new AzureMutex({ store: store as LeaseStore, clock: world.clock });
    mutex.list();
    for (const enough of ["-", "a", "b"]) {
      for await (const { key } of mutex.list()) if (key === enough) break;
    }
    expect(asked.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  it("keeps to the prefix", async () => {
    const { world, permit, read, list } = setup();
    await world.until(world.process().mutex.locker("a/lock").lock());
    for (const key of ["a/semaphore", "b/semaphore"]) await permit(key);
    for (const key of ["a/index", "b/index"]) await read(key);
    expect((await list("a/")).map(({ key }) => key)).toEqual(["a/index", "a/lock", "a/semaphore"]);
    await world.until(world.process().mutex.locker("b/lock").lock());
    expect((await list("b/")).map(({ key }) => key)).toEqual(["b/index", "b/lock", "b/semaphore"]);
    expect((await list("a/s")).map(({ key }) => key)).toEqual(["a/semaphore"]);
    expect(await list("c")).toEqual([]);
  });

  it("shows a semaphore without a holder, and no reader that has done", async () => {
    const { world, permit, read, list } = setup();
    await world.until((await permit("jobs")).release());
    await world.until((await read("index")).release());
    expect(await list()).toEqual([
      {
        ...{ key: "jobs", isHeld: false, state: "available", infinite: false, kind: "semaphore", waiting: [] },
        semaphore: { permits: 3, held: [] },
      },
    ]);
  });

  it("shows a blob that is no lock by itself where a permit of its name is held", async () => {
    const { world, permit, list } = setup();
    await world.memory.putBlob("jobs", { content: "not a lock" });
    await world.memory.putBlob("other", { content: "not a lock" });
    await permit("jobs");
    expect(await list()).toMatchObject([
      { key: "jobs", state: "available", isHeld: false, semaphore: { held: [{ slot: 0 }] } },
    ]);
  });

  it("knows the longest keys there can be by heart", async () => {
    const { permit, read, list, forget } = setup();
    const longest = ["x", "\u00e9", "\u6f22", "\u{1F680}"].map((letter) => letter.repeat(1_024 / letter.length));
    for (const key of longest) {
      await permit(key, { holder: "\u6f22".repeat(256), purpose: "\u6f22".repeat(1_024) });
      await forget(key);
      await read(key, { holder: "\u6f22".repeat(256) });
    }
    const all = await list();
    expect(new Set(all.map(({ key }) => key))).toEqual(new Set(longest));
    for (const { semaphore, readers } of all)
      expect([names(semaphore?.held), names(readers)]).toEqual(Array(2).fill(["\u6f22".repeat(256)]));
  });

  it("believes no key that does not make the folder's name, and hides no holder for that", async () => {
    const { permit, list, lease } = setup();
    await permit("real", { holder: "a" });
    const folder = helpersOf("victim");
    await lease(slotName(folder, 0), slotMetadata("real", 2));
    const posing = helpersOf("a/../b");
    await lease(slotName(posing, 0), slotMetadata("a/../b", 2));
    const reserved = `.azmutex/${"0".repeat(64)}`;
    await lease(slotName(`${reserved}/`, 0), slotMetadata(`${reserved}/x`, 2));
    const all = await list();
    expect(all[0]).toMatchObject({ key: "real", semaphore: { permits: 3, held: [{ holder: { name: "a" } }] } });
    expect(all.slice(1).map(({ key }) => key)).toEqual([folder, posing, `${reserved}/`].sort());
    for (const { semaphore } of all.slice(1))
      expect(semaphore).toEqual({ permits: 2, held: [{ slot: 0, state: "leased" }] });
    expect((await list("r")).map(({ key }) => key)).toEqual(["real"]);
  });

  it("takes what does not say its key for the lock's that has the folder's name", async () => {
    const { world, list, lease } = setup();
    await world.until(world.process().mutex.locker("job").lock());
    await lease(slotName(helpersOf("job"), 1), { azmutex_semaphore: '{"permits":4}' });
    const all = await list("j");
    expect(all).toMatchObject([{ key: "job", isHeld: true, semaphore: { permits: 4, held: [{ slot: 1 }] } }]);
  });

  it("lists no key as missing whose blob is yet to come, sorted by UTF-16 or by code points", async () => {
    const astral = "\u{1F600}";
    const wide = "\uff21";
    const { world, permit, onlooker } = setup();
    for (const key of [astral, wide]) {
      await permit(key);
      await world.until(onlooker.mutex.locker(key, { fencing: false }).lock());
    }
    const { memory } = world;
    for (const order of [
      [astral, wide],
      [wide, astral],
    ]) {
      const locks = async function* () {
        for (const key of order) yield* memory.list(key);
      };
      const found: string[] = [];
      for await (const { key, state } of listedStatuses({
        helpers: memory.list(".azmutex/"),
        locks: locks(),
        prefix: "",
      }))
        found.push(`${key} ${state}`);
      expect(found).toEqual(order.map((key) => `${key} leased`));
    }
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

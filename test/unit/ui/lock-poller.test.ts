import { describe, expect, it } from "vitest";
import { AccessDeniedError, type LockStatus, StoreUnavailableError } from "../../../src/index.ts";
import { LockPoller } from "../../../src/ui/lock-poller.ts";
import type { Snapshot } from "../../../src/ui/snapshot.ts";
import { World } from "../../support/world.ts";

const BEGAN = 1_767_225_600_000;

function setup() {
  const world = new World();
  const { mutex, store } = world.process();
  const defects: unknown[] = [];
  const poller = new LockPoller({
    look: (signal) => mutex.list({ signal }),
    wallMs: () => BEGAN + world.clock.now(),
    elapsedMs: () => world.clock.now(),
    container: "locks",
    mayBreak: false,
    breaker: "alice@laptop",
    onDefect: (error) => defects.push(error),
  });
  const look = (after?: Snapshot) => world.until(poller.snapshot(after?.run, after?.version));
  const lists = () => store.count("list");
  return { world, clock: world.clock, store, poller, look, lists, defects };
}

describe("the poller of the status page", () => {
  it("tells all at first, and then only what is new", async () => {
    const { world, clock, look } = setup();
    const other = world.process().mutex;
    await world.until(other.locker("a", { holder: "web-1" }).lock());
    const b = await world.until(other.locker("b", { holder: "web-2", purpose: "schema 42" }).lock());
    const first = await look();
    expect(first).toMatchObject({ isWhole: true, container: "locks", mayBreak: false, gone: [], losses: [] });
    expect(first.locks).toMatchObject([
      { key: "a", state: "held", holder: { name: "web-1" }, since: { isFromBefore: true } },
      { key: "b", state: "held", lease: "leased", holder: { name: "web-2" }, purpose: "schema 42", leaseSeconds: 30 },
    ]);
    expect(first.holds.map(({ key, to }) => [key, to])).toEqual([
      ["a", undefined],
      ["b", undefined],
    ]);
    await world.until(b.release());
    await clock.advance(2_500);
    const second = await look(first);
    expect(second).toMatchObject({ isWhole: false, run: first.run });
    expect(second.locks).toMatchObject([{ key: "b", state: "free", lastHolder: { name: "web-2" } }]);
    expect(second.locks[0]).not.toHaveProperty("holder");
    expect(second.holds).toMatchObject([{ key: "b", end: "released" }]);
    await clock.advance(2_500);
    const third = await look(second);
    expect([third.locks, third.holds, third.gone]).toEqual([[], [], []]);
  });

  it("tells all to a page of another run, and what is gone to one of this", async () => {
    const { world, clock, look } = setup();
    await world.until(world.process().mutex.acquire("a", 15));
    const first = await look();
    // It was not released, and no record says that it was ever there.
    await clock.advance(16_000);
    const second = await look(first);
    expect(second.gone).toEqual(["a"]);
    expect(await look({ ...second, run: "another" })).toMatchObject({ isWhole: true, gone: [], locks: [] });
    expect(await look({ ...second, version: 99 })).toMatchObject({ isWhole: true });
  });

  it("shows who waits in order, permits, readers and tokens", async () => {
    const { world, clock, look } = setup();
    const lock = await world.until(world.process().mutex.locker("k", { fair: true, holder: "first" }).lock());
    for (const holder of ["second", "third"]) {
      void world.process().mutex.locker("k", { fair: true, holder }).lock();
      await clock.advance(2_000);
    }
    const { locks } = await look();
    expect(locks[0]?.waiting.map(({ holder }) => holder?.name)).toEqual(["second", "third"]);
    expect(locks[0]?.highestToken).toBeGreaterThanOrEqual(lock.fencingToken as number);
  });

  it("asks the service once however many pages ask, and not before it is time again", async () => {
    const { world, clock, poller, look, lists } = setup();
    const [one, two] = await world.until(Promise.all([poller.snapshot(), poller.snapshot()]));
    expect(lists()).toBe(1);
    expect(one.version).toBe(two.version);
    await clock.advance(2_000);
    const { askAgainInMs } = await look();
    expect(lists()).toBe(1);
    expect(askAgainInMs).toBe(520);
    await clock.advance(askAgainInMs);
    await look();
    expect(lists()).toBe(2);
  });

  it("asks at once after a lock was broken, also where a look was under way", async () => {
    const { world, store, poller, look, lists } = setup();
    await look();
    poller.invalidate();
    const slow = store.hang("list");
    const under = poller.snapshot();
    await world.clock.settle();
    poller.invalidate();
    slow.heal();
    await world.until(under);
    await look();
    expect(lists()).toBe(3);
    await look();
    expect(lists()).toBe(3);
  });

  it("asks less and less often while the service fails, with its message, and goes on when it answers", async () => {
    const { clock, store, look, lists } = setup();
    await look();
    const fault = store.failBefore("list", { error: new AccessDeniedError("no list for you") });
    const waits: number[] = [];
    for (let tries = 0; tries < 7; tries += 1) {
      await clock.advance(waits.at(-1) ?? 2_500);
      const { problem, askAgainInMs } = await look();
      expect(problem).toMatchObject({
        kind: "denied",
        message: expect.stringContaining("no list for you"),
        since: BEGAN + 2_500,
      });
      waits.push(askAgainInMs - 20);
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
    expect(lists()).toBe(8);
    fault.heal();
    await clock.advance(60_000);
    expect(await look()).not.toHaveProperty("problem");
  });

  it("tells silence from refusal, and shows nothing of what was not foreseen", async () => {
    const { clock, store, look, defects } = setup();
    const failures = [
      [new StoreUnavailableError("no answer", ""), "unreachable", /no answer/],
      [new RangeError("sig=secret"), "defect", /the terminal/],
    ] as const;
    for (const [error, kind, message] of failures) {
      const fault = store.failBefore("list", { error });
      const { problem } = await look();
      expect(problem).toMatchObject({ kind, message: expect.stringMatching(message) });
      expect(JSON.stringify(problem)).not.toContain("secret");
      fault.heal();
      await clock.advance(60_000);
    }
    expect(defects).toEqual([failures[1][0]]);
  });

  it("says when there was no look", async () => {
    const { clock, look } = setup();
    await look();
    await clock.advance(30_000);
    expect((await look()).gaps).toEqual([]);
    await clock.advance(600_000);
    expect((await look()).gaps).toEqual([[BEGAN + 30_000, BEGAN + 630_000]]);
  });

  it("ends a look that is under way when it is closed", async () => {
    const { world, store, poller, defects } = setup();
    store.hang("list");
    const looking = poller.snapshot();
    await world.clock.settle();
    poller.end();
    await world.until(looking);
    expect(defects).toEqual([]);
  });

  it.each([
    ["three pages that are seen", [0, 0, 0], 1_300, 1_440],
    ["a page that is not visible", [30_000], 100, 120],
    ["one that is seen beside two that are not", [0, 30_000, 30_000], 1_300, 1_440],
  ])("asks the service in an hour at 100 locks, for %s: far less than once a second", async (_, pages, least, most) => {
    const { world, clock, poller, lists } = setup();
    for (let index = 0; index < 100; index += 1) {
      await world.memory.create(`k${index}`, {});
      await world.memory.acquire(`k${index}`, world.newId(), "infinite");
    }
    const from = clock.now();
    // As the page does: when it is told to, or not before half a minute has passed if it is not visible.
    const open = pages.map((everyMs, index) => ({
      everyMs,
      dueAt: from + index * 700,
      last: undefined as Snapshot | undefined,
    }));
    for (;;) {
      const [next] = open.sort((a, b) => a.dueAt - b.dueAt);
      if (!next || next.dueAt >= from + 3_600_000) break;
      await clock.advance(Math.max(0, next.dueAt - clock.now()));
      next.last = await world.until(poller.snapshot(next.last?.run, next.last?.version));
      expect(next.last.problem).toBeUndefined();
      next.dueAt = clock.now() + Math.max(next.everyMs, next.last.askAgainInMs);
    }
    expect(open[0]?.last?.isWhole).toBe(false);
    expect(lists()).toBeGreaterThan(least);
    expect(lists()).toBeLessThanOrEqual(most);
  });
});

describe("keys that are gone", () => {
  /** Looks that show so many keys each, the one after the other. */
  async function looksAt(...counts: readonly number[]) {
    let now = 0;
    let count = 0;
    const poller = new LockPoller({
      async *look(): AsyncGenerator<LockStatus> {
        for (let index = 0; index < count; index += 1)
          yield { key: `k${index}`, isHeld: false, state: "available", infinite: false };
      },
      wallMs: () => BEGAN + now,
      elapsedMs: () => now,
      container: "c",
      mayBreak: false,
    });
    const told: Snapshot[] = [];
    for (count of counts) {
      now += 2_500;
      told.push(await poller.snapshot());
    }
    return { told, newsFor: ({ run, version }: Snapshot) => poller.snapshot(run, version) };
  }

  it("are all told to a page that missed them, as long as they are remembered", async () => {
    const { told, newsFor } = await looksAt(10_000, 0);
    const news = await newsFor(told[0] as Snapshot);
    expect([news.isWhole, news.gone.length]).toEqual([false, 10_000]);
  });

  it("are forgotten from 10,001 on: a page that missed some is told everything, and another one is not", async () => {
    const { told, newsFor } = await looksAt(10_003, 2, 1);
    const [before, since, last] = told as [Snapshot, Snapshot, Snapshot];
    expect(await newsFor(before)).toMatchObject({ isWhole: true, gone: [], locks: [{ key: "k0" }] });
    expect(await newsFor(since)).toMatchObject({ isWhole: false, gone: ["k1"], locks: [] });
    expect(await newsFor(last)).toMatchObject({ isWhole: false, gone: [], locks: [] });
  });
});

describe("a look that throws before it begins", () => {
  it("is not the last", async () => {
    let now = 0;
    let looks = 0;
    const poller = new LockPoller({
      look: () => {
        looks += 1;
        throw new Error("at once");
      },
      wallMs: () => BEGAN + now,
      elapsedMs: () => now,
      container: "c",
      mayBreak: false,
    });
    for (let tries = 0; tries < 3; tries += 1) {
      expect((await poller.snapshot()).problem).toMatchObject({ kind: "defect" });
      now += 60_000;
    }
    expect(looks).toBe(3);
  });
});

describe("locks that go all at once", () => {
  const look = (statuses: readonly (readonly LockStatus[])[]) => {
    let now = 0;
    const poller = new LockPoller({
      async *look() {
        yield* statuses[now / 2_500 - 1] ?? [];
      },
      wallMs: () => BEGAN + now,
      elapsedMs: () => now,
      container: "c",
      mayBreak: false,
    });
    return async (): Promise<Snapshot> => {
      now += 2_500;
      return await poller.snapshot();
    };
  };
  const record = {
    holder: { name: "web-1", host: "web-1", pid: 1 },
    recordedAt: new Date(BEGAN - 60_000),
    highestToken: 7,
  };
  const held: LockStatus = { key: "k", isHeld: true, state: "leased", infinite: false, ...record };
  const free: LockStatus = { key: "f", isHeld: false, state: "available", infinite: false, ...record };
  const permits: LockStatus = {
    key: "api",
    isHeld: false,
    state: "missing",
    infinite: false,
    semaphore: { permits: 2, held: [{ slot: 0, state: "leased" }] },
  };

  it("under held ones are an alarm, each is a loss, and the alarm stands until there is a lock again", async () => {
    const next = look([[held, free, permits], [], [], [free]]);
    expect(await next()).not.toHaveProperty("vanished");
    const vanished = { at: BEGAN + 5_000, lastSeen: BEGAN + 2_500, held: 2 };
    const alarmed = await next();
    expect(alarmed.vanished).toEqual(vanished);
    expect(alarmed.losses).toMatchObject([
      { key: "k", why: "deleted", after: BEGAN + 2_500, at: BEGAN + 5_000 },
      { key: "api", why: "deleted" },
    ]);
    expect((await next()).vanished).toEqual(vanished);
    expect(await next()).not.toHaveProperty("vanished");
  });

  it("are none where nothing was held, or nothing that would still be listed once it is free", async () => {
    const withoutRecord: LockStatus = { key: "go", isHeld: true, state: "leased", infinite: false };
    for (const before of [[free], [withoutRecord], []]) {
      const next = look([before, []]);
      await next();
      const after = await next();
      expect(after).not.toHaveProperty("vanished");
      expect(after.losses).toEqual([]);
    }
  });
});

describe("a lock that was taken, and whose holder has not written its record yet", () => {
  it("has no holder on the page, and no hold of the holder before", async () => {
    const { world, clock, look } = setup();
    const first = await world.until(world.process().mutex.locker("nightly", { holder: "web-3" }).lock());
    await look();
    await world.until(first.release());
    await clock.advance(2_500);
    await look();
    const next = world.process();
    const slow = next.store.hang("writeMetadata");
    const second = next.mutex.locker("nightly", { holder: "web-4" }).lock();
    await clock.advance(2_500);
    const taken = await look();
    expect(taken.locks).toMatchObject([{ key: "nightly", state: "held" }]);
    expect(taken.locks[0]).not.toHaveProperty("holder");
    slow.heal();
    await world.until(second);
    await clock.advance(2_500);
    const known = await look();
    expect(known.locks).toMatchObject([{ key: "nightly", state: "held", holder: { name: "web-4" } }]);
    const holds = known.holds.map(({ holder, to }) => [holder?.name, to !== undefined]);
    expect(holds).toEqual([
      ["web-3", true],
      ["web-4", false],
    ]);
  });
});

describe("a lock that the page broke", () => {
  it("says who broke it and when it is free, and that other breaks end with the lease at the latest", async () => {
    const { world, clock, poller, look } = setup();
    const { mutex } = world.process();
    await world.until(mutex.locker("own", { holder: "web-1" }).lock());
    await world.until(mutex.locker("foreign", { holder: "web-2" }).lock());
    await look();
    for (const key of ["own", "foreign"]) await world.until(mutex.break(key, { periodSeconds: 10 }));
    poller.recordBreak({ key: "own", typed: "own", part: { kind: "lock" }, atOnce: false, holder: "web-1" }, 10);
    const at = BEGAN + clock.now();
    await clock.advance(2_500);
    const { locks, losses } = await look();
    expect(locks.map(({ key, breaking }) => [key, breaking])).toEqual([
      ["foreign", { freeBy: expect.any(Number) }],
      ["own", { freeBy: at + 10_000, by: "alice@laptop" }],
    ]);
    expect(losses.map(({ key, brokenBy }) => [key, brokenBy]).sort()).toEqual([
      ["foreign", undefined],
      ["own", "alice@laptop"],
    ]);
  });
});

describe("what is listed", () => {
  it("is shown by the state that says most", async () => {
    const statuses: LockStatus[] = [
      { key: "a", isHeld: true, state: "breaking", infinite: false },
      { key: "b", isHeld: false, state: "expired", infinite: false },
      { key: "c", isHeld: false, state: "broken", infinite: false },
      {
        key: "d",
        isHeld: false,
        state: "expired",
        infinite: false,
        semaphore: { permits: 2, held: [{ slot: 1, state: "leased" }] },
      },
      { key: "e", isHeld: false, state: "missing", infinite: false, semaphore: { permits: 2, held: [] } },
      { key: "f", isHeld: true, state: "leased", infinite: true },
    ];
    const poller = new LockPoller({
      async *look() {
        yield* statuses;
      },
      wallMs: () => BEGAN,
      elapsedMs: () => 0,
      container: "c",
      mayBreak: true,
    });
    const { locks, mayBreak } = await poller.snapshot();
    expect(locks.map(({ key, state }) => `${key} ${state}`)).toEqual([
      "a breaking",
      "b expired",
      "c broken",
      "d inUse",
      "e free",
      "f held",
    ]);
    expect(mayBreak).toBe(true);
  });
});

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Lock } from "../../../../src/locks/lock.ts";
import type { Locker } from "../../../../src/locks/locker.ts";
import type { FaultyLeaseStore } from "../../../../src/testing/index.ts";
import { IDLE_MS, takeTurns, WokenWorld } from "../../../support/woken.ts";

const MINUTE = 60_000;
const FAIR = { fair: true } as const;

type Stores = [FaultyLeaseStore, FaultyLeaseStore, FaultyLeaseStore, ...FaultyLeaseStore[]];

/** Processes that queue for one key, on one channel. */
function queueOf(count: number) {
  const world = new WokenWorld();
  const members = Array.from({ length: count }, () => world.member());
  const lockers = members.map(({ mutex }, at) => mutex.locker("job", { ...FAIR, holder: `process ${at}` }));
  const stores = members.map(({ store }) => store);
  return { world, members, lockers: lockers as [Locker, Locker, Locker], stores: stores as Stores };
}

/** The first holds the lock, the others wait for it in order, for a while. */
async function waitingBehindOne(count: number) {
  const queue = queueOf(count);
  const { world, lockers } = queue;
  const held = await world.until(lockers[0].lock());
  const waiting: Promise<Lock>[] = [];
  for (const locker of lockers.slice(1)) {
    waiting.push(locker.lock());
    await world.pass(1_500);
  }
  await world.pass(20_000);
  return { ...queue, held, waiting: waiting as [Promise<Lock>, Promise<Lock>, ...Promise<Lock>[]] };
}

/** How long it takes from now on until the promise is settled. */
async function timeOf(world: WokenWorld, promise: Promise<unknown>, withinMs = 5 * MINUTE): Promise<number> {
  const from = world.clock.now();
  await world.until(promise, withinMs, 1);
  return world.clock.now() - from;
}

const publicId = (leaseId: string): string => createHash("sha256").update(leaseId).digest("hex").slice(0, 32);

/** What was said so far, without topics. */
const saidIn = ({ said }: WokenWorld): string[] => said.map((line) => line.slice(65));

describe("a fair lock whose processes are on the channel", () => {
  it("goes to the next in line within a list, a record, a message and an acquire", async () => {
    const { world, held, waiting } = await waitingBehindOne(2);
    void held.release();
    // The change is under way while the message is.
    expect(await timeOf(world, waiting[0])).toBeLessThanOrEqual(5 + 5 + 5 + 5 + 1);
  });

  it("is asked for again at once by a waiter whose acquire was quicker than the change", async () => {
    const { world, held, waiting, stores } = await waitingBehindOne(2);
    stores[0].delay("change", 40);
    stores[1].forgetCalls();
    void held.release();
    // Once too early, and once after twice the time that the change's answer took.
    expect(await timeOf(world, waiting[0])).toBeLessThanOrEqual(5 + 5 + 3 * 45 + 5 + 5 + 1);
    expect(stores[1].count("acquire")).toBe(2);
  });

  it("is named by the hash of the next holder's lease id, and by those behind it", async () => {
    const { world, held, waiting } = await waitingBehindOne(4);
    world.said.length = 0;
    void held.release();
    const next = await world.until(waiting[0]);
    const [released = "", taken] = saidIn(world).filter((message) => !/^(?:waiting|held) /.test(message));
    expect(released).toMatch(/^released(?: [0-9a-f]{32}){3} =[\w.-]{1,40}$/);
    expect(released.split(" ")[1]).toBe(publicId(next.leaseId));
    expect(taken).toBe(`taken ${publicId(next.leaseId)}`);
    expect(world.said.join("\n")).not.toContain(next.leaseId);
  });

  it("is said to be handed over until the next holder says that it has it, and six times at most", async () => {
    const { world, held, waiting } = await waitingBehindOne(3);
    const timesSaid = (): number => saidIn(world).filter((message) => message.startsWith("released ")).length;
    world.said.length = 0;
    world.wakeUps.lost = 1;
    await world.until(held.release(), 1_000, 1);
    world.wakeUps.lost = 0;
    expect(await timeOf(world, waiting[0])).toBeLessThanOrEqual(100 + 5 + 5 + 5 + 1);
    expect(timesSaid()).toBe(2);
    await world.pass(5_000);
    expect(timesSaid()).toBe(2);
    world.said.length = 0;
    world.wakeUps.lost = 1;
    await world.until((await waiting[0]).release());
    await world.until(waiting[1]);
    await world.pass(MINUTE);
    expect(timesSaid()).toBe(6);
  });

  it("is asked for by no other waiter than the next", async () => {
    const { world, held, waiting, stores } = await waitingBehindOne(6);
    for (const store of stores) store.forgetCalls();
    void held.release();
    await world.until(waiting[0], 1_000);
    expect(stores.map((store) => store.count("acquire"))).toEqual([0, 1, 0, 0, 0, 0]);
    // The holder's look alone.
    expect(stores.reduce((sum, store) => sum + store.count("list"), 0)).toBe(1);
  });

  it("goes round in order, with at most 12 requests each and short gaps", async () => {
    const { world, members, stores } = queueOf(10);
    const mutexes = members.map(({ mutex }) => mutex);
    const turns = await takeTurns(world, mutexes, { turns: 6, holdMs: 400, options: FAIR });
    const overtaken = turns.filter(({ askedAt }, index) =>
      turns.slice(0, index).some((before) => before.askedAt > askedAt + 1_000),
    );
    expect(overtaken).toEqual([]);
    expect(stores.reduce((sum, store) => sum + store.count(), 0) / turns.length).toBeLessThanOrEqual(12);
    const gaps = turns.slice(1).map(({ from }, index) => from - (turns[index]?.to ?? 0));
    gaps.sort((a, b) => a - b);
    expect(gaps[gaps.length >> 1]).toBeLessThan(35);
    expect(gaps[Math.floor(gaps.length * 0.95)]).toBeLessThan(60);
  });

  it("costs one that waits for a leader at most a request in four seconds", async () => {
    const { world, stores } = await waitingBehindOne(2);
    stores[1].forgetCalls();
    await world.pass(10 * MINUTE);
    expect((stores[1].count() ?? 0) / 600).toBeLessThanOrEqual(0.25);
  });

  it("is passed on by a waiter that gives up just as it is handed it, and the next is told", async () => {
    const { world, members, held, lockers } = await waitingBehindOne(1);
    const stop = new AbortController();
    const first = world.member();
    const given = expect(first.mutex.locker("job", FAIR).lock({ signal: stop.signal })).rejects.toBe("enough");
    await world.pass(2_000);
    const second = world.member();
    const waiting = second.mutex.locker("job", FAIR).lock();
    await world.pass(20_000);
    first.store.delay("acquire", 400);
    await world.until(held.release());
    await world.pass(50);
    stop.abort("enough");
    await given;
    expect(await timeOf(world, waiting)).toBeLessThan(1_000);
    expect([members.length, lockers.length]).toEqual([1, 1]);
  });

  it("goes to the first to arrive, a task of this process or of another", async () => {
    const { world, lockers } = queueOf(2);
    const [here, there] = lockers;
    const first = await world.until(here.lock());
    const order: string[] = [];
    const tasks: Promise<void>[] = [];
    for (const [name, locker] of [
      ["here 1", here],
      ["there 1", there],
      ["here 2", here],
      ["there 2", there],
    ] as const) {
      tasks.push(locker.run(() => void order.push(name)));
      await world.pass(2_000);
    }
    await world.until(first.release());
    await world.until(Promise.all(tasks));
    expect(order).toEqual(["here 1", "there 1", "here 2", "there 2"]);
  });

  it("leaves nothing behind", async () => {
    const { world, members, waiting } = await waitingBehindOne(3);
    for (const one of waiting) one.catch(() => undefined);
    await world.until(Promise.all(members.map(({ mutex }) => mutex.close())));
    await world.pass(2 * MINUTE);
    expect([world.wakeUps.listeners, world.clock.pendingTimers()]).toEqual([0, 0]);
  });
});

describe("the release of a fair lock that no process waits for", () => {
  const cycles = async (world: WokenWorld, locker: Locker, forMs: number): Promise<void> => {
    const until = world.clock.now() + forMs;
    while (world.clock.now() < until) {
      const lock = await world.until(locker.lock());
      await world.pass(200);
      await world.until(lock.release());
    }
  };

  it("needs no look at the queue, but for one in each idle poll", async () => {
    const { world, lockers, stores } = queueOf(1);
    await cycles(world, lockers[0], 1_000);
    stores[0].forgetCalls();
    await cycles(world, lockers[0], 4 * IDLE_MS);
    const [acquires, lists] = [stores[0].count("acquire") ?? 0, stores[0].count("list") ?? 0];
    expect(acquires).toBeGreaterThan(60);
    expect(lists).toBeGreaterThanOrEqual(3);
    expect(lists).toBeLessThanOrEqual(5);
    expect(stores[0].count()).toBe(2 * acquires + lists);
  });

  it("goes to the next task of the process without one", async () => {
    const { world, lockers, stores } = queueOf(1);
    await cycles(world, lockers[0], 1_000);
    const held = await world.until(lockers[0].lock());
    await world.pass(100);
    const next = lockers[0].lock();
    await world.pass(100);
    stores[0].forgetCalls();
    await world.until(held.release());
    await world.until(next);
    expect(stores[0].calls).toEqual([]);
  });

  it.each<[string, (world: WokenWorld) => void]>([
    ["loses all", ({ wakeUps }) => Object.assign(wakeUps, { lost: 1 })],
    ["is late", ({ wakeUps }) => Object.assign(wakeUps, { delayMs: 10_000 })],
  ])("looks each time on a channel that %s", async (_, spoil) => {
    const { world, lockers, stores } = queueOf(1);
    spoil(world);
    await cycles(world, lockers[0], 2_000);
    stores[0].forgetCalls();
    await cycles(world, lockers[0], 3_000);
    expect(stores[0].count("list")).toBe(stores[0].count("release"));
  });

  it("looks again once it has heard of a waiter", async () => {
    const { world, lockers, stores } = queueOf(2);
    await cycles(world, lockers[0], 1_000);
    const held = await world.until(lockers[0].lock());
    const waiting = lockers[1].lock();
    await world.pass(500);
    stores[0].forgetCalls();
    await world.until(held.release());
    expect(stores[0].calls.map(({ operation }) => operation)).toEqual(["list", "writeMetadata", "change"]);
    expect((await world.until(waiting)).isHeld).toBe(true);
  });

  it("looks again once it has heard of a waiter, whatever says that it has left", async () => {
    const { world, lockers, stores } = queueOf(2);
    await cycles(world, lockers[0], 1_000);
    const held = await world.until(lockers[0].lock());
    const waiting = lockers[1].lock();
    await world.pass(500);
    const id = saidIn(world)
      .findLast((message) => message.startsWith("waiting "))
      ?.slice(8, 40);
    world.channel.publish(world.topic, `left ${id}`);
    await world.pass(100);
    stores[0].forgetCalls();
    await world.until(held.release());
    expect(stores[0].count("list")).toBe(1);
    expect((await world.until(waiting)).isHeld).toBe(true);
  });

  it("finds a waiter whose message was lost within an idle poll, though newcomers come all the time", async () => {
    const { world, lockers } = queueOf(1);
    await cycles(world, lockers[0], 1_000);
    const held = await world.until(lockers[0].lock());
    // It hears, and is not heard.
    const deaf = world.member({ wakeUps: { ...world.channel, publish: () => undefined } });
    const waiting = deaf.mutex.locker("job", FAIR).lock();
    await world.pass(200);
    // By itself it would find the lock free at its next poll.
    const fault = deaf.store.hang("acquire");
    const from = world.clock.now();
    await world.until(held.release());
    let isHandedOver = false;
    while (!isHandedOver && world.clock.now() < from + 2 * IDLE_MS) {
      const lock = await world.until(lockers[0].lock({ timeoutMs: 50 }).catch(() => undefined));
      isHandedOver = lock === undefined;
      await world.pass(100);
      await world.until(lock?.release() ?? Promise.resolve());
    }
    expect(isHandedOver).toBe(true);
    expect(world.clock.now() - from).toBeLessThanOrEqual(IDLE_MS + 500);
    fault.heal();
    await world.until(waiting);
  });
});

describe("a waiter of a fair lock", () => {
  it("has the lock within an idle poll though a message was lost, and polls as ever for half a minute", async () => {
    const { world, held, waiting, lockers, stores } = await waitingBehindOne(2);
    world.wakeUps.lost = 1;
    await world.until(held.release());
    expect(await timeOf(world, waiting[0])).toBeLessThanOrEqual(IDLE_MS + 100);
    world.wakeUps.lost = 0;
    await world.until((await waiting[0]).release());
    await world.until(lockers[0].lock());
    stores[1].forgetCalls();
    void lockers[1].lock().catch(() => undefined);
    await world.pass(15_000);
    expect(stores[1].count()).toBeGreaterThan(50);
    await world.pass(20_000);
    stores[1].forgetCalls();
    await world.pass(MINUTE);
    expect(stores[1].count()).toBeLessThan(20);
  });

  it("that stands further back is found as well when all messages are lost from then on", async () => {
    const { world, held, waiting } = await waitingBehindOne(4);
    world.wakeUps.lost = 1;
    let lock = held;
    for (const next of waiting) {
      await world.until(lock.release());
      expect(await timeOf(world, next)).toBeLessThanOrEqual(2 * IDLE_MS);
      lock = await next;
    }
  });

  it("polls as ever under a holder that does not answer", async () => {
    const world = new WokenWorld();
    await world.until(world.member({ wakeUps: undefined }).mutex.locker("job", FAIR).lock());
    const { store, mutex } = world.member();
    void mutex
      .locker("job", FAIR)
      .lock()
      .catch(() => undefined);
    await world.pass(10_000);
    store.forgetCalls();
    await world.pass(10_000);
    expect(store.count("acquire")).toBeGreaterThan(30);
    await world.until(mutex.close());
  });

  it("polls as ever within an idle poll and a second once its holder is silent", async () => {
    const { world, stores } = await waitingBehindOne(2);
    world.wakeUps.lost = 1;
    await world.pass(IDLE_MS + 1_100);
    stores[1].forgetCalls();
    await world.pass(2_000);
    expect(stores[1].count("acquire")).toBeGreaterThan(6);
  });

  it("has the lock when a dead holder's lease has run out, an idle poll later at the most", async () => {
    const { world, stores, waiting } = await waitingBehindOne(2);
    stores[0].hang("all");
    expect(await timeOf(world, waiting[0])).toBeLessThanOrEqual(30_000 + 250);
  });

  it("that was handed the lock while it stood still takes it when it runs again, or the lock runs out", async () => {
    const { world, stores, held, waiting } = await waitingBehindOne(3);
    const fault = stores[1].hang("all");
    await world.until(held.release());
    await world.pass(10_000);
    fault?.heal();
    const lock = await world.until(Promise.race(waiting), MINUTE);
    expect(lock.isHeld).toBe(true);
    await world.until(lock.release());
    await world.until(Promise.all(waiting.map(async (next) => (await next).release())), 3 * MINUTE);
  });

  it("has its place again when its ticket had run out meanwhile", async () => {
    const { world, stores, held, waiting } = await waitingBehindOne(3);
    const fault = stores[1].hang("renew");
    await world.pass(95_000);
    fault?.heal();
    void held.release();
    for (const next of waiting) await world.until((await world.until(next, MINUTE)).release());
  });
});

describe("forged messages about a fair lock", () => {
  /** What a waiter sends in half a minute of them, and whether it gets the lock in order after that. */
  const flooded = async (message: (ids: { first: string; second: string }) => string) => {
    const { world, stores, held, waiting } = await waitingBehindOne(3);
    const ids = saidIn(world).flatMap((text) => /^waiting ([^.]*)/.exec(text)?.[1] ?? []);
    const [first = "", second = ""] = [...new Set(ids)];
    const until = world.clock.now() + 30_000;
    const forge = (): void => {
      world.wakeUps.publish(world.topic, message({ first, second }));
      if (world.clock.now() < until) world.clock.setTimer(20, forge);
    };
    for (const store of stores) store.forgetCalls();
    forge();
    await world.pass(30_000);
    const requests = stores.slice(1).map((store) => store.count());
    await world.until(held.release());
    const gapMs = await timeOf(world, waiting[0]);
    await world.until((await waiting[0]).release());
    await world.until(waiting[1], MINUTE);
    return { requests, gapMs };
  };

  it.each<[string, (ids: { first: string; second: string }) => string]>([
    ["released, the first", ({ first }) => `released ${first}`],
    ["released, the second", ({ second }) => `released ${second}`],
    ["released, another", () => "released 0-0-0-0"],
    ["released, the first and the second", ({ first, second }) => `released ${first} ${second}`],
    ["released", () => "released"],
    ["taken, the first", ({ first }) => `taken ${first}`],
    ["taken, another", () => "taken 0-0-0-0"],
    ["left, the first", ({ first }) => `left ${first}`],
    ["held", ({ first, second }) => `held ${first}.1 ${first}.2 ${second}.1 ${second}.2`],
  ])("cost a few polls a second at the most, and no order: %s", async (_, message) => {
    const { requests, gapMs } = await flooded(message);
    // Two polls a second for messages, and twelve at the usual pace of the first in line.
    for (const count of requests) expect(count).toBeLessThan(30 * 14);
    expect(gapMs).toBeLessThanOrEqual(IDLE_MS + 100);
  });
});

describe("a fair crowd with a channel that is", () => {
  it.each<[string, (world: WokenWorld) => void, ((world: WokenWorld) => void)?]>([
    ["lossy, 1 %", ({ wakeUps }) => Object.assign(wakeUps, { lost: 0.01 })],
    ["lossy, 10 %", ({ wakeUps }) => Object.assign(wakeUps, { lost: 0.1 })],
    ["lossy, 50 %", ({ wakeUps }) => Object.assign(wakeUps, { lost: 0.5 })],
    ["dead from the start", ({ wakeUps }) => Object.assign(wakeUps, { lost: 1 })],
    ["dying midway", () => undefined, ({ wakeUps }) => Object.assign(wakeUps, { lost: 1 })],
    ["late by 30 s", ({ wakeUps }) => Object.assign(wakeUps, { delayMs: 30_000 })],
    ["late by 30 s from midway on", () => undefined, ({ wakeUps }) => Object.assign(wakeUps, { delayMs: 30_000 })],
    ["late by any time", ({ wakeUps }) => Object.assign(wakeUps, { delayMs: [0, 30_000] })],
    ["doubling", ({ wakeUps }) => Object.assign(wakeUps, { doubled: 1 })],
    ["out of order", ({ wakeUps }) => Object.assign(wakeUps, { delayMs: [0, 400] })],
  ])("%s, all have the lock, one at a time, in order, and it is never idle for long", async (_, spoil, midway) => {
    const { world, members } = queueOf(4);
    spoil(world);
    if (midway) world.clock.setTimer(10_000, () => midway(world));
    const mutexes = members.map(({ mutex }) => mutex);
    const turns = await takeTurns(world, mutexes, { turns: 8, holdMs: 700, options: FAIR });
    expect(turns).toHaveLength(32);
    let freeSince = 0;
    for (const { askedAt, from, to } of turns) {
      expect(from).toBeGreaterThanOrEqual(freeSince);
      expect(from - Math.max(freeSince, askedAt)).toBeLessThanOrEqual(IDLE_MS + 700);
      freeSince = to;
    }
    const overtaken = turns.filter(({ askedAt }, index) =>
      turns.slice(0, index).some((before) => before.askedAt > askedAt + 1_000),
    );
    expect(overtaken).toEqual([]);
    await world.pass(3 * MINUTE);
    expect([world.wakeUps.listeners, world.clock.pendingTimers()]).toEqual([0, 0]);
  });
});

describe("the tokens of the next holder of a fair lock", () => {
  const operations = ({ calls }: FaultyLeaseStore): string[] => calls.map(({ operation }) => operation);

  const tokenOf = ({ fencingToken = Number.NaN }: Lock): number => fencingToken;
  /** What a process asked of the lock's own blob. */
  const ofTheLock = (store: FaultyLeaseStore): string[] =>
    store.calls.filter(({ key }) => key === "job").map(({ operation }) => operation);

  it("are reserved by the holder before, and the record names the next one before that holds", async () => {
    const { world, held, waiting, stores } = await waitingBehindOne(3);
    for (const store of stores) store.forgetCalls();
    void held.release();
    const next = await world.until(waiting[0], 1_000, 1);
    expect(ofTheLock(stores[1])).not.toContain("writeMetadata");
    expect(next.fencingToken).toBeGreaterThan(tokenOf(held));
    const told = await world.until(world.member().mutex.inspect("job"));
    expect(told).toMatchObject({ holder: { name: "process 1" } });
    // And so on: it has read its own record meanwhile, for the one after it.
    await world.pass(1_000);
    stores[2].forgetCalls();
    void next.release();
    const last = await world.until(waiting[1], 1_000, 1);
    expect(ofTheLock(stores[2])).not.toContain("writeMetadata");
    expect(last.fencingToken).toBeGreaterThan(tokenOf(next));
  });

  it.each<[string, (store: FaultyLeaseStore) => unknown]>([
    ["is never answered", (store) => store.hang("writeMetadata")],
    ["is carried out, and never answered", (store) => store.hangAfter("writeMetadata")],
    ["is carried out late", (store) => store.applyLate("writeMetadata", 2_000)],
    ["fails", (store) => store.failBefore("writeMetadata")],
  ])("are reserved by that holder itself where the write %s", async (_, spoil) => {
    const { world, held, waiting, stores } = await waitingBehindOne(2);
    spoil(stores[0]);
    stores[1].forgetCalls();
    void held.release();
    const tookMs = await timeOf(world, waiting[0]);
    const next = await waiting[0];
    expect(tookMs).toBeLessThan(600);
    expect(ofTheLock(stores[1])).toContain("writeMetadata");
    expect(next.fencingToken).toBeGreaterThan(tokenOf(held));
    await world.pass(10_000);
    expect(next.isHeld).toBe(true);
  });

  it("are reserved however many waiters came before", async () => {
    const { world, held, waiting, stores } = await waitingBehindOne(2);
    const id = createHash("sha256").update("others").digest("hex");
    for (let n = 100; n < 2_100; n += 1) world.channel.publish(world.topic, `waiting ${id.slice(0, 29)}${n}.1`);
    await world.pass(100);
    const late = world.member();
    const last = late.mutex.locker("job", FAIR).lock();
    await world.pass(20_000);
    await world.until(held.release());
    await world.until((await world.until(waiting[0])).release(), 1_000, 1);
    expect((await world.until(last, 1_000, 1)).isHeld).toBe(true);
    expect(
      [...ofTheLock(stores[1]), ...ofTheLock(late.store)].filter((asked) => asked === "writeMetadata"),
    ).toHaveLength(1);
  });

  it("are not reserved for a waiter that is not on the channel", async () => {
    const { world, lockers, stores } = queueOf(2);
    const held = await world.until(lockers[0].lock());
    world.wakeUps.lost = 1;
    const waiting = lockers[1].lock();
    await world.pass(20_000);
    stores[0].forgetCalls();
    void held.release();
    await world.until(waiting);
    expect(operations(stores[0])).toEqual(["list", "change"]);
  });

  it("are not taken from a forged message", async () => {
    const { world, held, waiting, stores } = await waitingBehindOne(2);
    const named = saidIn(world)
      .findLast((message) => message.startsWith("waiting "))
      ?.slice(8, 40);
    stores[0].failBefore("writeMetadata");
    stores[1].forgetCalls();
    void held.release();
    await world.pass(10);
    world.channel.publish(world.topic, `released ${named} =hefg8s46io.sf.${"A".repeat(22)}`);
    const next = await world.until(waiting[0], 1_000, 1);
    expect(ofTheLock(stores[1])).toContain("writeMetadata");
    expect(next.fencingToken).toBeGreaterThan(tokenOf(held));
  });
});

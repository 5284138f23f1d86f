import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { MemoryLeaseStore } from "../../../../src/testing/index.ts";
import type { WakeUps } from "../../../../src/waiting/wake-ups/wake-ups.ts";
import { IDLE_MS, takeTurns, WokenWorld } from "../../../support/woken.ts";

const MINUTE = 60_000;
/** A minute of the usual pace, at the least. */
const USUAL_A_MINUTE = 60;

describe("a waiter whose holder is on the channel", () => {
  it("polls less than once in four seconds, however long it waits", async () => {
    const world = new WokenWorld();
    await world.until(world.member().mutex.locker("job").lock());
    const { store, mutex } = world.member();
    const waiting = mutex.locker("job").lock();
    await world.pass(10_000);
    store.forgetCalls();
    await world.pass(10 * MINUTE);
    expect(store.count("acquire") / 600).toBeLessThan(0.25);
    expect(store.count("acquire") / 600).toBeGreaterThan(0.15);
    void waiting.catch(() => undefined);
    await world.until(mutex.close());
  });

  it("has the lock within two messages and two requests of its release", async () => {
    const world = new WokenWorld();
    const held = await world.until(world.member().mutex.locker("job").lock());
    const waiting = world.member().mutex.locker("job", { fencing: false }).lock();
    await world.pass(21_234);
    const releasedAt = world.clock.now();
    void held.release();
    await world.until(waiting, 1_000, 1);
    expect(world.clock.now() - releasedAt).toBeLessThanOrEqual(2 * 5 + 5 + 1);
  });

  it("asks once more before its timeout, though no message came", async () => {
    const world = new WokenWorld();
    const held = await world.until(world.member().mutex.locker("job").lock());
    const waiting = world.member().mutex.locker("job").lock({ timeoutMs: 4_000 });
    await world.pass(1_000);
    world.wakeUps.lost = 1;
    await world.until(held.release());
    const lock = await world.until(waiting);
    expect(lock.isHeld).toBe(true);
  });

  it("returns to its usual pace within one idle poll and a second when the holder dies", async () => {
    const world = new WokenWorld();
    let isAlive = true;
    const { store, mutex } = world.member({
      wakeUps: {
        publish: (topic, message) => (isAlive ? world.wakeUps.publish(topic, message) : undefined),
        subscribe: (topic, listener) =>
          world.wakeUps.subscribe(topic, (message) => (isAlive ? listener(message) : undefined)),
      },
    });
    await world.until(mutex.locker("job", { leaseSeconds: 60 }).lock());
    const waiter = world.member();
    const waiting = waiter.mutex.locker("job").lock();
    await world.pass(20_000);
    // Just after it has answered.
    const polls = waiter.store.count();
    while (waiter.store.count() === polls) await world.pass(100);
    await world.pass(100);
    isAlive = false;
    store.hang("all");
    await world.pass(IDLE_MS + 1_000);
    waiter.store.forgetCalls();
    await world.pass(MINUTE / 15);
    expect(waiter.store.count("acquire")).toBeGreaterThanOrEqual(USUAL_A_MINUTE / 15);
    await world.until(waiting);
  });
});

describe("a crowd of waiters", () => {
  it("is woken one by one, first come, first served", async () => {
    const world = new WokenWorld();
    const held = await world.until(world.member().mutex.locker("job").lock());
    const order: number[] = [];
    const members = Array.from({ length: 20 }, () => world.member());
    const waiting: Promise<void>[] = [];
    for (const [index, { mutex }] of members.entries()) {
      waiting.push(
        mutex.locker("job").run(async () => {
          order.push(index);
          await new Promise<void>((resolve) => void world.clock.setTimer(300, resolve));
        }),
      );
      await world.pass(100);
    }
    await world.pass(2 * IDLE_MS);
    for (const { store } of members) store.forgetCalls();
    await world.until(held.release());
    await world.until(Promise.all(waiting), MINUTE);
    expect(order).toEqual(members.map((_, index) => index));
    const polls = members.reduce((sum, { store }) => sum + store.count("acquire"), 0);
    // One each that is granted, and idle ones of those who wait for seven seconds.
    expect(polls).toBeLessThan(3 * members.length);
  });

  it("needs fewer requests and leaves shorter gaps than one that polls", async () => {
    const run = async (isOnChannel: boolean) => {
      const world = new WokenWorld();
      const members = Array.from({ length: 8 }, () => world.member(isOnChannel ? {} : { wakeUps: undefined }));
      const turns = await takeTurns(
        world,
        members.map(({ mutex }) => mutex),
        { turns: 10, holdMs: 500 },
      );
      const requests = members.reduce((sum, { store }) => sum + store.count(), 0);
      const gaps = turns.slice(1).map(({ from }, index) => from - (turns[index]?.to ?? 0));
      return { requests: requests / turns.length, gap: gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0 };
    };
    const woken = await run(true);
    const polling = await run(false);
    expect(woken.requests).toBeLessThan(polling.requests / 2);
    expect(woken.gap).toBeLessThan(30);
    expect(woken.gap).toBeLessThan(polling.gap);
  });
});

describe("the messages", () => {
  it("name no key and no lease id", async () => {
    const world = new WokenWorld();
    const ids: string[] = [];
    const spy = { newId: () => world.newId() };
    const members = [world.member(spy), world.member(spy), world.member(spy)];
    const locks = members.map(async ({ mutex }) => {
      const lock = await mutex.locker("job").lock();
      ids.push(lock.leaseId);
      await lock.release();
    });
    await world.until(Promise.all(locks));
    expect(world.said.length).toBeGreaterThan(6);
    expect(ids).toHaveLength(3);
    const text = world.said.join("\n");
    for (const secret of [...ids, "job"]) expect(text).not.toContain(secret);
    for (const line of world.said) expect(line).toMatch(/^[0-9a-f]{64} [ -~]{1,200}$/);
  });

  it("are heard by waiters of the same account, container and key alone", async () => {
    const world = new WokenWorld();
    await world.until(
      world
        .member()
        .mutex.locker("job")
        .run(() => undefined),
    );
    await world.until(
      world
        .member()
        .mutex.locker("other")
        .run(() => undefined),
    );
    expect(new Set(world.said.map((line) => line.split(" ")[0])).size).toBe(2);
  });

  it("are not listened to any more half a minute after the last use", async () => {
    const world = new WokenWorld();
    await world.until(
      world
        .member()
        .mutex.locker("job")
        .run(() => undefined),
    );
    expect(world.wakeUps.listeners).toBe(1);
    await world.pass(MINUTE);
    expect(world.wakeUps.listeners).toBe(0);
    expect(world.clock.pendingTimers()).toBe(0);
  });

  it("end with the mutex, whose channel is closed", async () => {
    const world = new WokenWorld();
    let closed = 0;
    const { mutex } = world.member({ wakeUps: { ...world.channel, close: () => (closed += 1) } });
    await world.until(mutex.locker("job").lock());
    await world.until(mutex.close());
    await world.until(mutex.close());
    expect([closed, world.wakeUps.listeners, world.clock.pendingTimers()]).toEqual([1, 0, 0]);
    expect(world.said.at(-1)).toMatch(/ released$/);
  });
});

describe("the options", () => {
  const store = new MemoryLeaseStore();

  it.each([
    [{ wakeUps: {} }, "wakeUps must have the methods publish and subscribe, not be an object"],
    [{ wakeUps: "redis://localhost" }, "wakeUps must have the methods publish and subscribe"],
    [{ idlePollMs: 999 }, "idlePollMs must be a number of milliseconds of at least 1000, not 999"],
  ])("are refused: %j", (options, message) => {
    expect(() => new AzureMutex({ store, ...(options as { wakeUps: WakeUps }) })).toThrow(message);
  });
});

import { describe, expect, it } from "vitest";
import type { Locker } from "../../../src/locks/locker.ts";
import type { LockEvents } from "../../../src/telemetry/lock-events.ts";
import { FIRST_RENEWAL_LAST, World } from "../../support/world.ts";

const NAMES = ["acquired", "renewed", "renewFailed", "overdue", "handedOver", "lost", "released"] as const;

type Told = { [Name in keyof LockEvents]: [Name, LockEvents[Name]] }[keyof LockEvents];

/** All that a locker tells. */
function toldBy(locker: Locker): Told[] {
  const told: Told[] = [];
  for (const name of NAMES) locker.on(name, (event) => told.push([name, event] as Told));
  return told;
}

const names = (told: readonly Told[]): string[] => told.map(([name]) => name);

describe("the events of a locker", () => {
  it.each(["lock", "tryLock", "run"] as const)("tell beginning and end of what %s got", async (way) => {
    const { world, clock, locker } = setup();
    const told = toldBy(locker);
    let token: number | undefined;
    if (way === "run") {
      await locker.run(async (lock) => {
        token = lock.fencingToken;
        await clock.advance(500);
      });
    } else {
      const lock = await locker[way]();
      token = lock?.fencingToken;
      await clock.advance(500);
      await locker.unlock();
    }
    await world.clock.settle();
    const which = { key: "job", fencingToken: token };
    expect(token).toBeGreaterThan(0);
    expect(told).toEqual([
      ["acquired", { ...which, waitedMs: 0, attempts: 1 }],
      ["released", { ...which, heldMs: 500 }],
    ]);
  });

  it("tell how long it took, and how many requests", async () => {
    const { world, locker } = setup();
    const other = await world.process().mutex.locker("job").lock();
    const told = toldBy(locker);
    const waiting = locker.lock();
    await world.clock.advance(1_000);
    await other.release();
    await (await world.until(waiting)).release();
    expect(told[0]).toEqual([
      "acquired",
      expect.objectContaining({ waitedMs: expect.any(Number), attempts: expect.any(Number) }),
    ]);
    const [, { waitedMs, attempts }] = told[0] as ["acquired", LockEvents["acquired"]];
    expect(waitedMs).toBeGreaterThanOrEqual(1_000);
    expect(attempts).toBeGreaterThan(3);
  });

  it("tell each renewal, and each that failed, with what is left, and the loss at last", async () => {
    const { world, store, locker } = setup();
    const told = toldBy(locker);
    const lock = await locker.lock();
    await world.clock.advance(10_000);
    store.failBefore("renew", { times: 2, answered: true });
    await world.clock.advance(10_500);
    store.hang("renew");
    await world.clock.advance(60_000);
    expect(names(told).slice(0, 5)).toEqual(["acquired", "renewed", "renewFailed", "renewFailed", "renewed"]);
    expect(told[1]?.[1]).toMatchObject({ key: "job", fencingToken: lock.fencingToken, tookMs: 0, msLeft: 15_000 });
    expect(told[2]?.[1]).toMatchObject({ attempt: 1, msLeft: 15_000, error: { code: "STORE_UNAVAILABLE" } });
    expect(told[3]?.[1]).toMatchObject({ attempt: 2, msLeft: expect.any(Number) });
    expect(told.at(-1)).toEqual([
      "lost",
      expect.objectContaining({ error: lock.signal.reason, heldMs: expect.any(Number) }),
    ]);
    // What is done after the loss is no second end.
    await world.until(lock.release());
    await world.clock.settle();
    expect(told.at(-1)?.[0]).toBe("lost");
  });

  it("tell of a loss that its holder only learns from its release", async () => {
    const { world, locker } = setup();
    const told = toldBy(locker);
    const lock = await locker.lock();
    await world.memory.break("job", { periodSeconds: 0 });
    expect(await world.stranger("job")).toBe("acquired");
    await world.until(lock.release());
    await world.clock.settle();
    expect(names(told)).toEqual(["acquired", "lost"]);
    expect(told[1]?.[1]).toMatchObject({ error: { why: "taken" } });
  });

  it("tell to which task or process a lock is handed; who has it then gets the renewals", async () => {
    const { world, mutex, locker } = setup();
    const told = toldBy(locker);
    const next = mutex.locker("job");
    const toldNext = toldBy(next);
    const first = await locker.lock();
    const second = next.lock();
    await first.release();
    const lock = await second;
    await world.clock.advance(10_000);
    await lock.release();
    await world.clock.settle();
    expect(told).toEqual([
      ["acquired", expect.objectContaining({ attempts: 1 })],
      ["handedOver", { key: "job", fencingToken: first.fencingToken, heldMs: 0, to: "task" }],
    ]);
    expect(names(toldNext)).toEqual(["acquired", "renewed", "released"]);
    expect(toldNext[0]?.[1]).toMatchObject({ attempts: 0, fencingToken: lock.fencingToken });
  });

  it("tell that a fair lock was handed to another process", async () => {
    const { world, mutex } = setup();
    const locker = mutex.locker("queue", { fair: true });
    const told = toldBy(locker);
    const lock = await world.until(locker.lock());
    const other = world.process().mutex.locker("queue", { fair: true }).lock();
    await world.clock.advance(5_000);
    await world.until(lock.release());
    await (await world.until(other)).release();
    expect(told.at(-1)).toEqual(["handedOver", expect.objectContaining({ to: "process" })]);
  });

  it("tell of a release that the service did not hear of", async () => {
    const { world, store, locker } = setup();
    const told = toldBy(locker);
    const lock = await locker.lock();
    store.hang("release");
    await expect(world.until(lock.release())).rejects.toThrow("no answer");
    expect(told.at(-1)).toEqual([
      "released",
      expect.objectContaining({ error: expect.objectContaining({ code: "STORE_UNAVAILABLE" }) }),
    ]);
  });

  it("are not harmed by a listener that throws: a line in the log, and the lock is as good as ever", async () => {
    const { world, locker } = setup();
    locker.on("acquired", () => {
      throw new Error("mine");
    });
    locker.on("acquired", () => Promise.reject(new Error("late")));
    let calls = 0;
    locker.on("acquired", () => {
      calls += 1;
    });
    expect(await locker.run((lock) => lock.isHeld)).toBe(true);
    await world.clock.settle();
    expect(calls).toBe(1);
    expect(world.log).toEqual([
      'a listener for "acquired" failed: Error: mine',
      'a listener for "acquired" failed: Error: late',
    ]);
  });

  it("let a listener do with the lock what it likes", async () => {
    const { world, locker } = setup();
    const again: Promise<unknown>[] = [];
    locker.on("released", () => {
      if (again.length === 0) again.push(locker.run(() => undefined));
    });
    const told = toldBy(locker);
    await locker.run(() => undefined);
    await world.until(Promise.all(again));
    await world.clock.settle();
    expect(names(told)).toEqual(["acquired", "released", "acquired", "released"]);
  });

  it("tell of a lock that is overdue once, while it is held, and of its loss after maxHoldMs", async () => {
    const { clock, mutex } = setup();
    const locker = mutex.locker("job", { overdueAfterMs: 2_000, maxHoldMs: 5_000 });
    const told = toldBy(locker);
    const lock = await locker.lock();
    const which = { key: "job", fencingToken: lock.fencingToken };
    await clock.advance(4_000);
    expect(told.slice(1)).toEqual([["overdue", { ...which, heldMs: 2_000 }]]);
    await clock.advance(1_000);
    expect(told.slice(2)).toEqual([["lost", { ...which, heldMs: 5_000, error: lock.signal.reason }]]);
    await lock.release();
    await clock.advance(10_000);
    expect(told).toHaveLength(3);
  });

  it("are told to each listener, once each, from the next lock on, until it is removed", async () => {
    const { world, locker } = setup();
    const early = await locker.lock();
    const seen: string[] = [];
    const listener = ({ key }: { key: string }): void => void seen.push(key);
    expect(locker.on("released", listener).on("released", listener)).toBe(locker);
    await early.release();
    await world.clock.settle();
    expect(seen).toEqual([]);
    await locker.run(() => undefined);
    await world.clock.settle();
    expect(seen).toEqual(["job"]);
    expect(locker.off("released", listener).off("released", listener)).toBe(locker);
    await locker.run(() => undefined);
    await world.clock.settle();
    expect(seen).toEqual(["job"]);
  });

  it("are refused by a wrong name, or without a function", () => {
    const { locker } = setup();
    const all = "acquired, renewed, renewFailed, overdue, handedOver, lost, released";
    expect(() => locker.on("gone" as never, () => undefined)).toThrow(
      new TypeError(`event must be one of ${all}, not "gone"`),
    );
    expect(() => locker.off("toString" as never, () => undefined)).toThrow(
      new TypeError(`event must be one of ${all}, not "toString"`),
    );
    expect(() => locker.on("lost", "handler" as never)).toThrow(
      new TypeError('listener must be a function, not "handler"'),
    );
    expect(() => locker.off("lost", undefined as never)).toThrow(
      new TypeError("listener must be a function, not undefined"),
    );
  });
});

function setup() {
  const world = new World();
  const { store, mutex } = world.process(FIRST_RENEWAL_LAST);
  return { world, clock: world.clock, store, mutex, locker: mutex.locker("job") };
}

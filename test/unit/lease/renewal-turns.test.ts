import { describe, expect, it, vi } from "vitest";
import { RenewalTurns } from "../../../src/lease/renewal-turns.ts";
import type { FaultyLeaseStore } from "../../../src/testing/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { FIRST_RENEWAL_LAST, World } from "../../support/world.ts";

const AT_ONCE = 64;

/** A service that does one renewal after the other, those that are not waited for any more included. */
class BusyService {
  /** How many renewals there were at once, at most. */
  most = 0;
  #underWay = 0;
  #idleAt = 0;

  constructor(world: World, store: FaultyLeaseStore, eachMs: number) {
    const renew = store.renew.bind(store);
    store.renew = async (key, leaseId, call) => {
      this.#underWay += 1;
      this.most = Math.max(this.most, this.#underWay);
      const now = world.clock.now();
      this.#idleAt = Math.max(this.#idleAt, now) + eachMs;
      const done = this.#idleAt - now;
      try {
        await new Promise<void>((resolve, reject) => {
          world.clock.setTimer(done, resolve);
          call?.signal?.addEventListener("abort", () => reject(call.signal?.reason));
        });
        return await renew(key, leaseId, call);
      } finally {
        this.#underWay -= 1;
      }
    };
  }
}

/** Asks for so many turns. What it gives has a function for each that has begun, which ends it. */
async function ask(turns: RenewalTurns, count: number): Promise<readonly (() => void)[]> {
  const ends: (() => void)[] = [];
  for (let n = 0; n < count; n += 1) void turns.run(fresh(1_000), () => new Promise<void>((end) => ends.push(end)));
  await Promise.resolve();
  return ends;
}

const fresh = (ms: number) => ({ hasFailed: false, leftMs: () => ms, isWanted: () => true });
const failed = (ms: number) => ({ ...fresh(ms), hasFailed: true });

describe("renewals of many locks", () => {
  it("are no more at once than a slow service can answer in time, so that none fails and none is lost", async () => {
    const world = new World();
    // All at the same time: the worst that can be.
    const { store, mutex } = world.process({ ...FIRST_RENEWAL_LAST, tryTimeoutMs: 1_000 });
    const locks = await Promise.all(
      Array.from({ length: 600 }, (_, n) => mutex.locker(`job-${n}`, { leaseSeconds: 15 }).lock()),
    );
    const service = new BusyService(world, store, 5);
    await world.clock.advance(60_000);
    expect(locks.filter(({ isHeld }) => !isHeld)).toEqual([]);
    expect(world.log).toEqual([]);
    expect(service.most).toBe(AT_ONCE);
  });

  it("that wait for their turn are not sent for a lock that was released meanwhile", async () => {
    const world = new World();
    const { store, mutex } = world.process(FIRST_RENEWAL_LAST);
    const locks = await Promise.all(
      Array.from({ length: 200 }, (_, n) => mutex.locker(`job-${n}`, { leaseSeconds: 15 }).lock()),
    );
    const renewals = store.hang("renew");
    await world.clock.advance(5_010);
    expect(store.count("renew")).toBe(AT_ONCE);
    await world.until(Promise.all(locks.map((lock) => lock.release())));
    renewals.heal();
    await world.clock.advance(60_000);
    expect(store.count("renew")).toBe(AT_ONCE);
  });

  it("that are stuck do not cost the others their locks", async () => {
    const world = new World();
    const { store, mutex } = world.process(FIRST_RENEWAL_LAST);
    const keys = Array.from({ length: 800 }, (_, n) => `job-${n}`);
    const locks = await Promise.all(keys.map((key) => mutex.locker(key, { leaseSeconds: 15 }).lock()));
    for (const key of keys.slice(0, 400)) store.hang("renew", { key });
    await world.clock.advance(60_000);
    expect(locks.map(({ isHeld }) => isHeld)).toEqual(keys.map((_, n) => n >= 400));
  });

  it("are as many at once as come due within a quarter of a second, if those are more", async () => {
    const turns = new RenewalTurns(new FakeClock());
    for (let leases = 0; leases < 6_400; leases += 1) turns.add(16_000);
    expect(await ask(turns, 1_000)).toHaveLength(100);
    for (let leases = 0; leases < 3_200; leases += 1) turns.add(8_000);
    expect(await ask(turns, 1_000)).toHaveLength(100);
  });

  it("are counted for as long as their lease is kept, however it ends", async () => {
    const counted = {
      add: vi.spyOn(RenewalTurns.prototype, "add"),
      remove: vi.spyOn(RenewalTurns.prototype, "remove"),
    };
    const world = new World();
    const locker = world.process().mutex.locker("job", { fair: true });
    const lost = await world.until(locker.lock());
    await world.memory.break("job", { periodSeconds: 0 });
    await world.clock.advance(20_000);
    expect(lost.isHeld).toBe(false);
    await world.until(lost.release());
    const passedOn = await world.until(locker.lock());
    const next = world.process().mutex.locker("job", { fair: true }).lock();
    await world.clock.advance(2_000);
    await world.until(passedOn.release());
    await world.until((await world.until(next)).release());
    expect(counted.add).toHaveBeenCalledTimes(3);
    expect(counted.remove.mock.calls).toEqual(counted.add.mock.calls);
    vi.restoreAllMocks();
  });

  it("come in the order of their deadlines, in turns with those that have failed before", async () => {
    const clock = new FakeClock();
    const turns = new RenewalTurns(clock);
    const ends = await ask(turns, AT_ONCE);
    const order: string[] = [];
    const waits = (name: string, turn: ReturnType<typeof fresh>) =>
      turns.run(turn, async () => {
        order.push(name);
      });
    const all = [
      waits("failed, late", failed(20)),
      waits("late", fresh(900)),
      waits("failed", failed(10)),
      waits("first", fresh(100)),
    ];
    await clock.advance(50);
    all.push(waits("between", fresh(500)));
    expect(order).toEqual([]);
    ends[0]?.();
    await Promise.all(all);
    expect(order).toEqual(["first", "failed", "between", "failed, late", "late"]);
  });

  it("that go unanswered for half a second make room for others, and only once", async () => {
    const clock = new FakeClock();
    const turns = new RenewalTurns(clock);
    const ends = await ask(turns, AT_ONCE);
    const more = await ask(turns, 2 * AT_ONCE);
    await clock.advance(499);
    expect(more).toHaveLength(0);
    await clock.advance(1);
    expect(more).toHaveLength(AT_ONCE);
    for (const end of ends) end();
    await clock.advance(1);
    expect(more).toHaveLength(AT_ONCE);
  });

  it("that are not wanted any more when it is their turn leave it to the next", async () => {
    const turns = new RenewalTurns(new FakeClock());
    const ends = await ask(turns, AT_ONCE);
    const unwanted = Array.from({ length: AT_ONCE }, () =>
      turns.run({ ...fresh(500), isWanted: () => false }, () => expect.fail()),
    );
    const wanted = await ask(turns, 2 * AT_ONCE);
    for (const end of ends) end();
    await Promise.all(unwanted);
    expect(wanted).toHaveLength(AT_ONCE);
    for (const end of [...wanted]) end();
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(wanted).toHaveLength(2 * AT_ONCE);
  });
});

import { describe, expect, it } from "vitest";
import { holdingState } from "../../../src/locks/holding.ts";
import type { Lock } from "../../../src/locks/lock.ts";
import type { MutexOptions } from "../../../src/locks/lock-space.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { FIRST_RENEWAL_LAST, World } from "../../support/world.ts";

function setup(options: LockerOptions = {}, processOptions?: Partial<MutexOptions>) {
  const world = new World();
  const here = world.process(processOptions);
  return {
    world,
    clock: world.clock,
    ...here,
    locker: here.mutex.locker("job", options),
    there: world.process().mutex.locker("job"),
  };
}

/** Requests for a lease whose blob is made first, and for another one after it. */
const ASKED_ONCE = 2;
const ASKED_AGAIN = 3;

const idOf = (read: string | { readonly leaseId: string }): string => (typeof read === "string" ? read : read.leaseId);

describe("a lock that is released while tasks of the same process wait", () => {
  it("is handed on without a request, with the same lease and a higher token", async () => {
    const { world, store, locker } = setup();
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    store.forgetCalls();
    await first.release();
    const second = await world.until(waiting, 0);
    expect(store.count()).toBe(0);
    expect(second.fencingToken).toBe((first.fencingToken as number) + 1);
    expect([first.isHeld, second.isHeld]).toEqual([false, true]);
  });

  it("goes round a hundred tasks in the order they came, at less than 0.05 requests a turn", async () => {
    const { world, store, locker } = setup();
    const order: number[] = [];
    const tokens: number[] = [];
    const task = async (n: number) => {
      for (let turn = 0; turn < 50; turn += 1) {
        await locker.run((lock) => {
          order.push(n);
          tokens.push(lock.fencingToken as number);
        });
      }
    };
    await world.until(Promise.all(Array.from({ length: 100 }, (_, n) => task(n))));
    expect(order).toEqual(Array.from({ length: 5_000 }, (_, k) => k % 100));
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    expect(store.count() / 5_000).toBeLessThan(0.05);
  });

  it("ends the task's part in it: a loss afterwards is not signalled to who had it before", async () => {
    const { world, clock, store, locker } = setup();
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    await first.release();
    const second = await world.until(waiting);
    const third = locker.lock();
    store.hang("renew");
    await clock.advance(25_000);
    expect(first.signal.aborted).toBe(false);
    expect(second.signal.reason).toMatchObject({ code: "LOCK_LOST" });
    store.heal();
    await second.release();
    expect((await world.until(third, 10_000)).isHeld).toBe(true);
    expect(store.count("acquire")).toBeGreaterThan(ASKED_ONCE);
  });

  it("is released to the service when no task of the process waits any more", async () => {
    const { world, locker } = setup();
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    await first.release();
    await (await world.until(waiting)).release();
    expect(await world.leaseState("job")).toBe("available");
    expect(world.clock.pendingTimers()).toBe(0);
  });

  it("passes over a task that has given up", async () => {
    const { world, locker } = setup();
    const first = await world.until(locker.lock());
    const stop = new AbortController();
    const given = expect(locker.lock({ signal: stop.signal })).rejects.toBe("enough");
    const waiting = locker.lock();
    stop.abort("enough");
    await given;
    await first.release();
    expect((await world.until(waiting, 0)).isHeld).toBe(true);
  });

  it("goes on to the next if its new holder gives up while its token is being reserved", async () => {
    const { world, store, mutex, locker } = setup({ purpose: "one" });
    const other = mutex.locker("job", { purpose: "two" });
    const first = await world.until(locker.lock());
    const stop = new AbortController();
    const given = expect(other.lock({ signal: stop.signal })).rejects.toBe("enough");
    const waiting = locker.lock();
    const stuck = store.hang("writeMetadata");
    await first.release();
    await world.clock.advance(100);
    stop.abort("enough");
    await given;
    stuck.heal();
    const next = await world.until(waiting, 2_000);
    expect(store.count("acquire")).toBe(ASKED_ONCE);
    expect(next.fencingToken).toBeGreaterThan(first.fencingToken as number);
  });

  it("is renewed first if little of its lease is left, and taken anew if it is lost by then", async () => {
    const { world, clock, store, locker } = setup({ handOverMs: 60_000 }, FIRST_RENEWAL_LAST);
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    const hanging = store.hang("renew");
    await clock.advance(20_000);
    await first.release();
    await clock.advance(1_000);
    hanging.heal();
    const second = await world.until(waiting, 5_000);
    expect(store.count("acquire")).toBe(ASKED_ONCE);
    expect(second.remainingMs).toBeGreaterThan(10_000);

    const third = locker.lock();
    store.hang("renew");
    await clock.advance(15_000);
    await second.release();
    await clock.advance(15_000);
    store.heal();
    expect((await world.until(third, 20_000)).isHeld).toBe(true);
    expect(store.count("acquire")).toBeGreaterThan(ASKED_ONCE);
  });

  it("is not handed on once its deadline has passed, by the clock", async () => {
    const { world, clock, store, locker } = setup({ handOverMs: 60_000 });
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    clock.block(26_000);
    await first.release();
    await world.until(waiting);
    expect(store.count("acquire")).toBe(ASKED_AGAIN);
  });

  it("is not handed on while it is uncertain: the answer to its release tells whether it stood", async () => {
    for (const isLost of [false, true]) {
      const { world, clock, store, locker } = setup();
      const first = await world.until(locker.lock());
      const waiting = locker.lock();
      await clock.advance(5_000);
      if (isLost) {
        await world.memory.break("job", { periodSeconds: 0 });
        await world.stranger("job");
      }
      clock.suspend(2_000);
      store.forgetCalls();
      const ended = await world.until(holdingState(first).end());
      expect(ended?.why).toBe(isLost ? "taken" : undefined);
      expect(store.count("release")).toBe(1);
      (await world.until(waiting, 20_000)).assertHeld();
    }
  });

  it("is not taken for given back if its deadline passed under the work: the service is asked", async () => {
    const { world, clock, locker } = setup({ handOverMs: 60_000 });
    const overdue = locker.run(async () => {
      clock.block(40_000);
      await world.stranger("job");
    });
    const caught = expect(overdue).rejects.toMatchObject({
      code: "LOCK_LOST",
      why: "expired",
      cause: { why: "taken" },
    });
    const waiting = locker.lock();
    await world.until(caught);
    expect((await world.until(waiting)).isHeld).toBe(true);
  });

  it("stays with the first in line if it turns out to be lost on the way: others are not let past", async () => {
    const { world, clock, store, mutex, locker } = setup({ purpose: "one" });
    const first = await world.until(locker.lock());
    const order: string[] = [];
    const second = mutex.locker("job", { purpose: "two" }).run(() => {
      order.push("second");
    });
    const third = locker.run(() => {
      order.push("third");
    });
    const writing = store.delay("writeMetadata", 500, { times: 1 });
    await first.release();
    await clock.advance(100);
    expect(writing.hits).toBe(1);
    await world.memory.break("job", { periodSeconds: 0 });
    await world.memory.remove("job");
    await world.until(Promise.all([second, third]));
    expect(order).toEqual(["second", "third"]);
    expect(store.calls.filter(({ operation }) => operation === "acquire").length).toBeLessThanOrEqual(4);
  });

  it.each(["conditions", "leaseId"] as const)(
    "is not handed on under an id that may be on its way in a write: %s was read",
    async (read) => {
      for (const fair of [false, true]) {
        const { world, store, locker } = setup({ fair });
        const first = await world.until(locker.lock());
        const waiting = locker.lock();
        const id = idOf(first[read]);
        await world.until(first.release());
        const second = await world.until(waiting);
        expect(store.count("acquire")).toBe(ASKED_AGAIN);
        expect([first.leaseId, first.conditions]).toEqual([id, { leaseId: id }]);
        expect(second.leaseId).not.toBe(id);
        expect(await world.memory.putBlob("job", { content: "late", leaseId: id })).toMatchObject({ kind: "refused" });
      }
    },
  );

  it.each(["conditions", "leaseId"] as const)(
    "never shows its next holder's id to the one before: %s read too late",
    async (read) => {
      for (const when of ["at its release", "later"]) {
        const { world, store, locker } = setup({ fencing: false });
        const first = await world.until(locker.lock());
        const waiting = locker.lock();
        const releasing = first.release();
        const early = when === "later" ? undefined : idOf(first[read]);
        await releasing;
        const second = await world.until(waiting);
        const id = early ?? idOf(first[read]);
        expect(store.count("acquire")).toBe(ASKED_ONCE);
        expect([first.leaseId, first.conditions]).toEqual([id, { leaseId: id }]);
        expect(await world.memory.putBlob("job", { content: "late", leaseId: id })).toMatchObject({ kind: "refused" });
        expect(await world.memory.putBlob("job", { content: "new", leaseId: second.leaseId })).not.toMatchObject({
          kind: "refused",
        });
      }
    },
  );

  it.each([{ leaseSeconds: 60 }, { marginMs: 12_000 }, { renewEveryMs: 6_000 }, { tryTimeoutMs: 1_000 }])(
    "is not handed to a locker that keeps its leases on other terms: %o",
    async (terms) => {
      const { world, mutex, store, locker } = setup();
      const first = await world.until(locker.lock());
      const waiting = mutex.locker("job", terms).lock();
      await first.release();
      const second = await world.until(waiting);
      expect(store.count("acquire")).toBe(ASKED_AGAIN);
      const { leaseSeconds = 30, marginMs = leaseSeconds * (1_000 / 6) } = terms;
      expect(second.remainingMs).toBeGreaterThan(leaseSeconds * 1_000 - marginMs - 100);
      expect(second.remainingMs).toBeLessThanOrEqual(leaseSeconds * 1_000 - marginMs);
    },
  );

  it("has its whole budget again when another process had it in between", async () => {
    const { world, clock, store, locker, there } = setup();
    const first = await world.until(locker.lock());
    const [waiting, next] = [locker.lock(), locker.lock()];
    await clock.advance(2_500);
    // Its id was read, so that it is released and not handed on; and another process is quicker.
    expect(first.conditions.leaseId).toBe(first.leaseId);
    const slow = store.delay("acquire", 300);
    await first.release();
    const theirs = await there.tryLock();
    await clock.advance(2_000);
    slow.heal();
    await theirs?.release();
    const second = await world.until(waiting);
    store.forgetCalls();
    await second.release();
    expect((await world.until(next, 0)).isHeld).toBe(true);
    expect(store.count()).toBe(0);
  });

  it("has its record written anew for a locker of another purpose, for one request", async () => {
    const { world, store, mutex, locker } = setup({ purpose: "one" });
    const first = await world.until(locker.lock());
    const waiting = mutex.locker("job", { purpose: "two" }).lock();
    store.forgetCalls();
    await first.release();
    await world.until(waiting);
    expect(store.calls.map(({ operation }) => operation)).toEqual(["writeMetadata"]);
    expect(await world.until(mutex.inspect("job"))).toMatchObject({ purpose: "two" });
  });
});

describe("the budget of hand-overs", () => {
  it.each<[string, LockerOptions]>([
    ["time", { handOverMs: 1_000 }],
    ["count", { handOverCount: 9 }],
  ])("once used up, by %s, lets another process in before this one asks again", async (_, options) => {
    const { world, clock, locker, there } = setup(options);
    const hold = async (lock: Lock) => {
      await clock.advance(100);
      await lock.release();
    };
    let lock = await world.until(locker.lock());
    const theirs = there.lock();
    for (let turn = 0; turn < 9; turn += 1) {
      const next = locker.lock();
      await hold(lock);
      lock = await world.until(next, 0);
    }
    await clock.advance(100);
    const ours = locker.lock();
    const last = locker.lock();
    await lock.release();
    const won = await world.until(Promise.race([ours.then(() => "ours"), theirs.then(() => "theirs")]));
    expect(won).toBe("theirs");
    await (await theirs).release();
    await (await world.until(ours)).release();
    await world.until(last, 0);
  });

  it("is not paid for by a process that is alone: with no waiter it may lock again at once", async () => {
    const { world, clock, locker } = setup({ handOverMs: 0 });
    for (let round = 0; round < 3; round += 1) {
      await (await world.until(locker.lock(), 100)).release();
      await clock.settle();
    }
    expect(clock.now()).toBeLessThan(100);
  });

  it("of 0 sends every release to the service", async () => {
    const { world, store, locker } = setup({ handOverMs: 0 });
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    await world.until(first.release());
    expect(store.count("release")).toBe(1);
    expect((await world.until(waiting, 2_000)).isHeld).toBe(true);
  });

  it("does not make a wait outlast its time-out", async () => {
    const { world, clock, locker, there } = setup({ handOverMs: 0 });
    const first = await world.until(locker.lock());
    const waiting = expect(locker.lock({ timeoutMs: 300 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
    const theirs = there.lock();
    await first.release();
    await world.until(theirs);
    const before = clock.now();
    await world.until(waiting, 400);
    expect(clock.now() - before).toBeLessThanOrEqual(300);
  });
});

import { describe, expect, it } from "vitest";
import { FaultyLeaseStore, type StoreOperation } from "../../../src/testing/index.ts";
import { World } from "../../support/world.ts";

/** How long after the service's last word an abandoned lease may still stand. */
const FREE_WITHIN_MS = 2_000;

function setup() {
  const world = new World();
  const here = world.process();
  return {
    world,
    clock: world.clock,
    ...here,
    locker: here.mutex.locker("job"),
    there: world.process().mutex.locker("job"),
  };
}

describe("an answer that is lost", () => {
  const operations: StoreOperation[] = ["acquire", "renew", "release", "create", "read", "writeMetadata"];
  for (const operation of operations) {
    for (const times of [1, 2]) {
      it(`to ${operation}, ${times} time(s), neither loses nor blocks the lock, and tokens grow`, async () => {
        const { world, clock, store, locker, there } = setup();
        const tokens: unknown[] = [];
        for (let round = 0; round < 4; round += 1) {
          store.failAfter(operation, { times });
          const ours = await world.until(locker.lock(), 10_000);
          tokens.push(ours.fencingToken);
          await clock.advance(35_000);
          expect(ours.isHeld).toBe(true);
          await world.until(locker.unlock());
          expect(await world.leaseState("job")).toBe("available");

          const theirs = await world.until(there.lock(), 10_000);
          tokens.push(theirs.fencingToken);
          await there.unlock();
          if (round === 1) await world.memory.remove("job");
          await clock.advance(1_500);
        }
        expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => Number(a) - Number(b)));
      });
    }
  }

  it("to createContainer does not matter", async () => {
    const { world, store, locker } = setup();
    await world.memory.deleteContainer();
    store.failAfter("createContainer", { times: 1 });
    expect((await world.until(locker.lock())).isHeld).toBe(true);
  });

  it("to the acquire of tryLock is asked for again under the same id", async () => {
    const { world, store, locker } = setup();
    store.failAfter("acquire", { times: 2 });
    expect((await world.until(locker.tryLock()))?.isHeld).toBe(true);
  });

  it("to an acquire that is followed by one that is granted gives the lease an id that no try has", async () => {
    const world = new World();
    const ids: string[] = [];
    const newId = (): string => {
      ids.push(world.newId());
      return ids.at(-1) as string;
    };
    const { store, mutex } = world.process({ newId });
    await world.memory.create("job", {});
    store.failAfter("acquire", { times: 1 });
    store.failAfter("change", { times: 1 });
    const lock = await world.until(mutex.locker("job").lock());
    expect(store.calls.map(({ operation }) => operation)).toEqual([
      "acquire",
      "acquire",
      "change",
      "change",
      "read",
      "writeMetadata",
    ]);
    const [tried, own] = ids;
    expect(await world.memory.renew("job", tried as string)).toMatchObject({ kind: "refused" });
    expect(lock.conditions.leaseId).toBe(own);
    expect(lock.isHeld).toBe(true);
  });

  it("to an acquire that arrives after a break and another's hold does not hide the loss", async () => {
    for (const take of ["lock", "acquire"] as const) {
      const { world, clock, store, mutex, locker, there } = setup();
      await world.memory.create("job", {});
      store.applyLate("acquire", 18_000, { times: 1 });
      const ours = await world.until<{ readonly isHeld: boolean }>(
        take === "lock" ? locker.lock() : mutex.acquire("job", "infinite"),
      );
      await clock.advance(11_000);
      await world.memory.break("job", { periodSeconds: 0 });
      await world.until(there.lock());
      await there.unlock();
      await clock.advance(4_000);
      expect(await world.leaseState("job"), "the late try takes the lease").toBe("leased");
      await clock.advance(10_000);
      expect(ours.isHeld, take).toBe(false);
    }
  });

  it("to an acquire is no reason to believe in a lease that was broken before it had an id of its own", async () => {
    const { world, clock, store, locker, there } = setup();
    await world.memory.create("job", {});
    store.failAfter("acquire", { times: 1 });
    store.delay("change", 1_000, { times: 1 });
    const waiting = locker.lock();
    await clock.advance(800);
    await world.memory.break("job", { periodSeconds: 0 });
    const theirs = await world.until(there.lock());
    await clock.advance(5_000);
    await there.unlock();
    const ours = await world.until(waiting);
    expect(ours.isHeld).toBe(true);
    expect(ours.fencingToken).toBeGreaterThan(theirs.fencingToken as number);
  });

  it("to an acquire that is granted long after the lock was given back, has only its own id released", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.applyLate("acquire", 18_000, { times: 1 });
    const ours = await world.until(locker.lock());
    const { leaseId } = ours.conditions;
    const released: string[] = [];
    const release = store.release.bind(store);
    store.release = (key, id, options) => {
      released.push(id);
      return release(key, id, options);
    };
    await world.until(ours.release());
    await clock.advance(60_000);
    expect(released.filter((id) => id === leaseId)).toHaveLength(1);
    expect(released.length).toBeGreaterThan(1);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("to a release is not taken for a loss", async () => {
    const { world, store, locker } = setup();
    store.failAfter("release", { times: 2 });
    expect(await world.until(locker.run(() => "done"))).toBe("done");
    expect(await world.leaseState("job")).toBe("available");
  });

  it("to a record write is found to have been done, by the record itself", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.lock());
    await there.unlock();
    store.failAfter("writeMetadata", { times: 1 });
    await world.until(locker.lock());
    expect(store.calls.map(({ operation }) => operation)).toEqual(["acquire", "read", "writeMetadata", "read"]);
  });

  it("to a record write does not cost a token twice when the write arrives after all", async () => {
    const { world, clock, store, locker, there } = setup();
    const theirs = await world.until(there.lock());
    await there.unlock();
    store.applyLate("writeMetadata", 3_500, { times: 1 });
    const ours = await world.until(locker.lock());
    await clock.advance(10_000);
    await locker.unlock();
    const again = await world.until(there.lock());
    expect(ours.fencingToken).toBeGreaterThan(theirs.fencingToken as number);
    expect(again.fencingToken).toBeGreaterThan(ours.fencingToken as number);
  });
});

describe("a wait that is given up with the acquire under way", () => {
  for (const answersAfterMs of [50, 1_000, 2_900, 5_000, 12_000, 29_000]) {
    it(`leaves the lease free within 2 s of an answer that comes after ${answersAfterMs} ms`, async () => {
      for (const how of ["signal", "timeout"] as const) {
        const { world, clock, store, locker } = setup();
        await world.memory.create("job", {});
        store.applyLate("acquire", answersAfterMs, { times: 1 });
        const stop = new AbortController();
        const giveUpMs = Math.min(answersAfterMs, 1_000) / 2;
        const waiting = how === "signal" ? locker.lock({ signal: stop.signal }) : locker.lock({ timeoutMs: giveUpMs });
        const rejected = expect(waiting).rejects.toBeDefined();
        await clock.advance(giveUpMs);
        stop.abort("enough");
        await rejected;
        await clock.advance(answersAfterMs - giveUpMs + FREE_WITHIN_MS);
        expect(await world.leaseState("job")).toBe("available");
      }
    });
  }

  it("leaves the lease free when it was just given an id of its own", async () => {
    for (const fault of ["hang", "hangAfter"] as const) {
      const { world, clock, store, locker } = setup();
      await world.memory.create("job", {});
      store.failAfter("acquire", { times: 1 });
      store[fault]("change");
      const rejected = expect(locker.lock({ timeoutMs: 2_000 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
      await clock.advance(2_000);
      await rejected;
      await clock.advance(5_000);
      expect(await world.leaseState("job"), fault).toBe("available");
    }
  });

  it("leaves the lease free when the acquire was applied and its answer never comes", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.hangAfter("acquire", { times: 1 });
    const rejected = expect(locker.lock({ timeoutMs: 500 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
    await clock.advance(500);
    await rejected;
    await clock.advance(3_000);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("releases nothing between two polls of one acquisition", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.lock());
    store.failAfter("acquire", { after: 1, times: 3 });
    const waiting = locker.lock();
    await world.clock.advance(5_000);
    await there.unlock();
    await world.until(waiting);
    expect(store.count("release")).toBe(0);
  });

  it("gives back a lock whose record is still being written", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    await clock.advance(3_000);
    store.hang("writeMetadata");
    const stop = new AbortController();
    const rejected = expect(locker.lock({ signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(100);
    expect(await world.leaseState("job")).toBe("leased");
    stop.abort("enough");
    await rejected;
    await clock.settle();
    expect(await world.leaseState("job")).toBe("available");
    expect(clock.pendingTimers()).toBe(0);
  });

  it("leaves no timer once its cleaning is through", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.hangAfter("acquire", { times: 1 });
    const rejected = expect(locker.lock({ timeoutMs: 500 })).rejects.toBeDefined();
    await clock.advance(500);
    await rejected;
    await clock.advance(31_000);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("a lock with a try for it still under way", () => {
  it("is released once more after a time-out, in case that try arrives after the release", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.applyLate("acquire", 6_000, { times: 1 });
    const lock = await world.until(locker.lock(), 5_000);
    await clock.advance(1_000);
    await lock.release();
    expect(await world.leaseState("job")).toBe("available");
    await clock.advance(6_000);
    expect(await world.leaseState("job")).toBe("available");
  });
});

describe("a try that takes the lease again after it was released", () => {
  it.each([5_000, 29_000])("is released as soon as its answer tells, %i ms after it was sent", async (ms) => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.applyLate("acquire", ms, { times: 1 });
    await (await world.until(locker.lock())).release();
    await clock.advance(ms - clock.now() + 100);
    expect(await world.leaseState("job")).toBe("available");
  });
});

describe("a service that cannot be reached at all", () => {
  it("is left with nothing under way soon after the wait was given up", async () => {
    const { world, clock, store, locker } = setup();
    store.hang("all");
    await expect(world.until(locker.lock())).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", answered: false });
    await clock.advance(10_000);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("the release of a lease that was granted to a wait that is over", () => {
  it("is repeated after a time-out if it got no answer", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.delayAnswer("acquire", 1_000);
    store.failBefore("release", { times: 1 });
    const stop = new AbortController();
    const given = expect(locker.lock({ signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(500);
    stop.abort("enough");
    await given;
    await clock.advance(1_000);
    expect([store.count("release"), await world.leaseState("job")]).toEqual([1, "leased"]);
    await clock.advance(3_000);
    expect([store.count("release"), await world.leaseState("job")]).toEqual([2, "available"]);
  });
});

describe("a service that answers nothing", () => {
  /** A store that never answers acquires, and how many of them are open. */
  function silent() {
    const world = new World();
    const open = { now: 0, most: 0, total: 0 };
    const store = new FaultyLeaseStore(world.memory, { clock: world.clock });
    const acquire: FaultyLeaseStore["acquire"] = (key, leaseId, length, call) => {
      open.total += 1;
      open.now += 1;
      open.most = Math.max(open.most, open.now);
      return store.acquire(key, leaseId, length, call).finally(() => {
        open.now -= 1;
      });
    };
    const counted = new Proxy(store, {
      get: (target, name) => {
        if (name === "acquire") return acquire;
        const found = Reflect.get(target, name) as unknown;
        return typeof found === "function" ? found.bind(target) : found;
      },
    });
    store.hang("acquire");
    return { world, store, open, mutex: world.process({ store: counted }).mutex };
  }

  it.each([false, true])("keeps two requests of a waiter open at most (fair: %s)", async (fair) => {
    const { world, open, mutex } = silent();
    const waiting = mutex.locker("job", { fair, unreachableAfterMs: 60_000 }).lock({ timeoutMs: 50_000 });
    await expect(world.until(waiting, 60_000)).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
    expect(open.total).toBeGreaterThan(10);
    expect(open.most).toBe(2);
    await world.clock.advance(60_000);
    expect(open.now).toBe(0);
  });

  it("and takes the lease with a try that was cut, leaves it free soon after", async () => {
    const { world, store, mutex } = silent();
    await world.memory.create("job", {});
    store.heal();
    store.hangAfter("acquire");
    await expect(world.until(mutex.locker("job").lock({ timeoutMs: 16_000 }))).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
    });
    await world.clock.advance(8_000);
    expect(await world.leaseState("job")).toBe("available");
  });
});

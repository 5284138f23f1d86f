import { describe, expect, it } from "vitest";
import {
  InvalidKeyError,
  LeaseAlreadyPresentError,
  LockLostError,
  NotHeldError,
  StoreUnavailableError,
} from "../../../src/errors.ts";
import { spaceOf } from "../../../src/locks/lock-space.ts";
import { World } from "../../support/world.ts";

function setup() {
  const world = new World();
  const here = world.process();
  const there = world.process();
  return { world, clock: world.clock, ...here, there: there.mutex };
}

describe("acquire", () => {
  it("takes a lease that lapses by itself", async () => {
    const { world, clock, mutex } = setup();
    const lease = await mutex.acquire("job", 15);
    expect(lease).toMatchObject({ key: "job", isHeld: true });
    expect(lease.remainingMs).toBe(12_500);
    await clock.advance(12_500);
    expect(lease.isHeld).toBe(false);
    expect(await world.leaseState("job")).toBe("leased");
    await clock.advance(2_500);
    expect(await world.leaseState("job")).toBe("expired");
  });

  it("throws LeaseAlreadyPresentError if anybody holds it, this object included, after one request", async () => {
    const { mutex, there, store } = setup();
    await mutex.acquire("job", 60);
    store.forgetCalls();
    await expect(mutex.acquire("job", 60)).rejects.toBeInstanceOf(LeaseAlreadyPresentError);
    expect(store.count()).toBe(1);
    await expect(there.acquire("job", 60)).rejects.toMatchObject({ code: "LEASE_ALREADY_PRESENT", key: "job" });
  });

  it("lets exactly one of many concurrent calls win, and the winner's lease be released", async () => {
    const { world, mutex } = setup();
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => mutex.acquire("job", 15)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await mutex.release("job");
    expect(await world.leaseState("job")).toBe("available");
  });

  it("holds many keys at once", async () => {
    const { mutex, world } = setup();
    const keys = Array.from({ length: 50 }, (_, n) => `job/${n}`);
    await Promise.all(keys.map((key) => mutex.acquire(key, 60)));
    await Promise.all(keys.map((key) => mutex.renew(key)));
    await Promise.all(keys.map((key) => mutex.release(key)));
    for (const key of keys) expect(await world.leaseState(key)).toBe("available");
  });

  it("gives back what it got when its signal aborts in mid-request", async () => {
    const { world, clock, mutex, store } = setup();
    await world.memory.create("job", {});
    store.applyLate("acquire", 1_000, { times: 1 });
    const stop = new AbortController();
    const rejected = expect(mutex.acquire("job", 60, { signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(500);
    stop.abort("enough");
    await rejected;
    await clock.advance(1_000);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("does not resolve with a lease whose time is over when its grant is heard of, and gives it back", async () => {
    const { world, clock, store, mutex } = setup();
    await world.memory.create("job", {});
    store.delayAnswer("acquire", 1_000, { times: 1 });
    const acquiring = mutex.acquire("job", 15);
    await clock.settle();
    clock.suspend(20_000);
    await expect(world.until(acquiring)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      answered: true,
      message: '"job" was granted, and lost before it could be used',
    });
    await expect(mutex.release("job")).rejects.toBeInstanceOf(NotHeldError);
    await clock.advance(100);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("renews what it is granted if the machine slept while the answer was on its way, and gives it only if it stands", async () => {
    for (const isLost of [false, true]) {
      const { world, clock, store, mutex } = setup();
      await world.memory.create("job", {});
      store.delayAnswer("acquire", 1_000, { times: 1 });
      const acquiring = mutex.acquire("job", 30);
      await clock.settle();
      clock.suspend(2_000);
      if (isLost) await world.memory.break("job", { periodSeconds: 0 });
      if (isLost)
        await expect(world.until(acquiring)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", answered: true });
      else expect((await world.until(acquiring)).isHeld).toBe(true);
      expect(store.count("renew")).toBe(1);
    }
  });

  it("gives a lease that is uncertain after a short sleep, until it is renewed or has run out", async () => {
    const { world, clock, mutex } = setup();
    const lease = await world.until(mutex.acquire("job", 30));
    clock.suspend(2_000);
    expect([lease.isHeld, lease.isUncertain, lease.remainingMs]).toEqual([false, true, 0]);
    expect(spaceOf(mutex).isIdle).toBe(false);
    await world.until(lease.renew());
    expect([lease.isHeld, lease.isUncertain]).toEqual([true, false]);
    clock.suspend(25_000);
    expect([lease.isHeld, lease.isUncertain]).toEqual([false, false]);
    expect(spaceOf(mutex).isIdle).toBe(true);
  });

  it("rejects with StoreUnavailableError after three tries without an answer", async () => {
    const { world, mutex, store } = setup();
    store.hang("acquire");
    await expect(world.until(mutex.acquire("job", 15))).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(store.count("acquire")).toBe(3);
  });

  it.each([14, 61, 15.5, Number.NaN, 0, -1, "15", undefined])(
    "refuses a lease of %j seconds and sends nothing",
    async (seconds) => {
      const { mutex, store } = setup();
      await expect(mutex.acquire("job", seconds as number)).rejects.toThrow(
        /^leaseSeconds must be a whole number from 15 to 60, not/,
      );
      expect(store.count()).toBe(0);
    },
  );

  it.each(["", "a/../b", "a\\b", ".azmutex/x"])("refuses the key %j and sends nothing", async (key) => {
    const { mutex, store } = setup();
    for (const call of [
      mutex.acquire(key, 15),
      mutex.renew(key),
      mutex.release(key),
      mutex.inspect(key),
      mutex.break(key),
    ]) {
      await expect(call).rejects.toBeInstanceOf(InvalidKeyError);
    }
    expect(store.count()).toBe(0);
  });
});

describe("an infinite lease", () => {
  it("lasts, is checked every 20 s, and keeps no process alive", async () => {
    const { world, clock, mutex, store } = setup();
    const lease = await mutex.acquire("job", "infinite");
    store.forgetCalls();
    await clock.advance(3_600_000);
    expect(lease.isHeld).toBe(true);
    expect(lease.remainingMs).toBe(Number.POSITIVE_INFINITY);
    expect(store.count("renew")).toBe(180);
    expect(clock.pendingTimers({ keepAlive: true })).toBe(0);
    await mutex.release("job");
    expect(await world.leaseState("job")).toBe("available");
    expect(clock.pendingTimers()).toBe(0);
  });

  it("is noticed to be broken within 20 s", async () => {
    const { clock, mutex, there } = setup();
    const lease = await mutex.acquire("job", "infinite");
    expect(await there.break("job")).toMatchObject({ outcome: "broken", freeInSeconds: 0 });
    await clock.advance(20_000);
    expect(lease.isHeld).toBe(false);
    await expect(mutex.renew("job")).rejects.toMatchObject({ code: "LOCK_LOST", why: "broken" });
    await expect(mutex.renew("job")).rejects.toBeInstanceOf(NotHeldError);
    expect(clock.pendingTimers()).toBe(0);
  });

  it("that was abandoned under way is released again until a minute after, whenever the try arrives", async () => {
    for (const arrivesAfterMs of [1_000, 10_000, 40_000, 58_000]) {
      const { world, clock, mutex, store } = setup();
      await world.memory.create("job", {});
      store.applyLate("acquire", arrivesAfterMs, { times: 1 });
      const stop = new AbortController();
      const rejected = expect(mutex.acquire("job", "infinite", { signal: stop.signal })).rejects.toBe("enough");
      await clock.advance(10);
      stop.abort("enough");
      await rejected;
      await clock.advance(70_000);
      expect(await world.leaseState("job")).toBe("available");
      await clock.advance(60_000);
      expect(clock.pendingTimers()).toBe(0);
    }
  });
});

describe("renew", () => {
  it("starts the lease anew", async () => {
    const { clock, mutex } = setup();
    const lease = await mutex.acquire("job", 15);
    await clock.advance(10_000);
    await mutex.renew("job");
    expect(lease.remainingMs).toBe(12_500);
  });

  it("throws NotHeldError for a key that this object does not hold", async () => {
    const { mutex, there } = setup();
    await there.acquire("job", 15);
    await expect(mutex.renew("job")).rejects.toBeInstanceOf(NotHeldError);
  });

  it("throws LockLostError when the service refuses, and NotHeldError from then on", async () => {
    const { clock, mutex, there } = setup();
    const lease = await mutex.acquire("job", 15);
    await clock.advance(15_000);
    await there.acquire("job", 15);
    await expect(mutex.renew("job")).rejects.toMatchObject({ code: "LOCK_LOST", why: "taken" });
    expect(lease.isHeld).toBe(false);
    await expect(mutex.renew("job")).rejects.toBeInstanceOf(NotHeldError);
  });

  it("leaves the lease as it was when the service does not answer", async () => {
    const { world, mutex, store } = setup();
    const lease = await mutex.acquire("job", 60);
    store.failBefore("renew", { times: 3 });
    await expect(world.until(mutex.renew("job"))).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(lease.isHeld).toBe(true);
    await mutex.renew("job");
  });
});

describe("release", () => {
  it("throws NotHeldError for a key that this object does not hold, or holds no more", async () => {
    const { mutex } = setup();
    await expect(mutex.release("job")).rejects.toBeInstanceOf(NotHeldError);
    await mutex.acquire("job", 15);
    const both = await Promise.allSettled([mutex.release("job"), mutex.release("job")]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });

  it("throws LockLostError when another got the lease before", async () => {
    const { clock, mutex, there } = setup();
    await mutex.acquire("job", 15);
    await clock.advance(15_000);
    await there.acquire("job", 15);
    await expect(mutex.release("job")).rejects.toBeInstanceOf(LockLostError);
  });

  it("can be called again after the service did not answer", async () => {
    const { world, mutex, store } = setup();
    await mutex.acquire("job", 60);
    store.failBefore("release", { times: 3 });
    await expect(world.until(mutex.release("job"))).rejects.toBeInstanceOf(StoreUnavailableError);
    await mutex.release("job");
    expect(await world.leaseState("job")).toBe("available");
  });
});

describe("a lease that was acquired", () => {
  it("renews and releases itself", async () => {
    const { world, clock, mutex, store } = setup();
    const lease = await mutex.acquire("job", 15);
    await clock.advance(10_000);
    await lease.renew();
    expect(lease.remainingMs).toBe(12_500);
    store.forgetCalls();
    await Promise.all([lease.release(), lease.release()]);
    await lease.release();
    expect(store.count()).toBe(1);
    expect(await world.leaseState("job")).toBe("available");
    await expect(lease.renew()).rejects.toBeInstanceOf(NotHeldError);
    await expect(mutex.release("job")).rejects.toBeInstanceOf(NotHeldError);
    expect(clock.pendingTimers()).toBe(0);
  });

  it("is not renewed once a release was sent, whatever came of that, and can be released again", async () => {
    const { world, clock, mutex, store } = setup();
    const lease = await mutex.acquire("job", 60);
    const late = store.applyLate("release", 12_000);
    await expect(world.until(lease.release())).rejects.toBeInstanceOf(StoreUnavailableError);
    store.forgetCalls();
    for (const renewing of [lease.renew(), mutex.renew("job")])
      await expect(renewing).rejects.toBeInstanceOf(NotHeldError);
    expect(store.count("renew")).toBe(0);
    expect(lease.isHeld).toBe(false);
    late.heal();
    await world.until(mutex.release("job"));
    expect(await world.leaseState("job")).toBe("available");
    await clock.advance(20_000);
  });

  it("is not taken for renewed if its release is sent while the renewal is under way", async () => {
    const { world, mutex, store } = setup();
    const lease = await mutex.acquire("job", 60);
    store.failBefore("renew", { times: 1 });
    const renewing = expect(lease.renew()).rejects.toBeInstanceOf(NotHeldError);
    await world.until(lease.release());
    await world.clock.advance(1_000);
    await renewing;
    expect(store.count("renew")).toBe(1);
  });

  it("says each time that it was lost, and leaves alone what was acquired since", async () => {
    const { world, clock, mutex } = setup();
    const first = await mutex.acquire("job", 15);
    await clock.advance(15_000);
    const second = await mutex.acquire("job", 15);
    for (const call of [() => first.renew(), () => first.release(), () => first.release()])
      await expect(call()).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
    expect(second.isHeld).toBe(true);
    await second.renew();
    await second.release();
    expect(await world.leaseState("job")).toBe("available");
  });

  it.each(["renew", "release"] as const)(
    "is not ended or renewed by %s of the key, if the lease before it ran out unnoticed",
    async (call) => {
      for (const lapsedForMs of [0, 70_000]) {
        const { world, clock, mutex } = setup();
        await mutex.acquire("job", 15);
        await clock.advance(15_000 + lapsedForMs);
        const second = await mutex.acquire("job", 60);
        await clock.advance(1_000);
        await expect(mutex[call]("job")).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
        await expect(mutex[call]("job")).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
        expect(second.remainingMs).toBe(49_000);
        await second.release();
        const third = await mutex.acquire("job", 60);
        await mutex.release("job");
        expect(third.isHeld).toBe(false);
        expect(await world.leaseState("job")).toBe("available");
      }
    },
  );

  it("is forgotten when it has run out, and a call by key then says that it was lost", async () => {
    const { clock, mutex } = setup();
    for (let n = 0; n < 100; n += 1) await mutex.acquire(`order/${n}`, 15);
    await clock.advance(75_000);
    expect(clock.pendingTimers()).toBe(0);
    await expect(mutex.renew("order/7")).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
    await expect(mutex.renew("order/7")).rejects.toBeInstanceOf(NotHeldError);
  });

  it("does not say that it was released if it had run out, and the release is only assumed", async () => {
    const { world, clock, mutex, there, store } = setup();
    const lease = await mutex.acquire("job", 15);
    clock.block(16_000);
    await there.acquire("job", 15);
    store.hang("release", { times: 1 });
    await expect(world.until(lease.release())).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
  });
});

describe("inspect and list", () => {
  it("tell of a lock that was never taken that it is missing", async () => {
    const { mutex } = setup();
    expect(await mutex.inspect("job")).toEqual({
      key: "job",
      isHeld: false,
      state: "missing",
      infinite: false,
      waiting: [],
    });
  });

  it("show the lease's state without a record, for a holder that leaves none", async () => {
    const { mutex, there } = setup();
    await there.acquire("job", "infinite");
    expect(await mutex.inspect("job")).toEqual({
      key: "job",
      isHeld: true,
      state: "leased",
      infinite: true,
      waiting: [],
    });
  });

  it("list what is leased or bears a record, and nothing else of the container", async () => {
    const { world, mutex, there } = setup();
    await world.until(there.locker("b/1", { holder: "x" }).lock());
    await there.acquire("b/2", 15);
    await there.acquire("a", 15);
    await world.memory.putBlob("b/data", { content: "not a lock" });
    const stray = `.azmutex/${"0".repeat(64)}/queue/1`;
    await world.memory.create(stray, {});
    await world.memory.acquire(stray, world.newId(), 60);
    const keys = async (prefix?: string) => {
      const found: string[] = [];
      for await (const { key } of mutex.list(prefix === undefined ? {} : { prefix })) found.push(key);
      return found;
    };
    expect(await keys()).toEqual(["a", "b/1", "b/2"]);
    expect(await keys("b/")).toEqual(["b/1", "b/2"]);
    expect(await keys("c")).toEqual([]);
  });

  it("say that there is no container, without a request more", async () => {
    const { world, mutex, store, there } = setup();
    await world.memory.deleteContainer();
    const isContainerMissing = async () => {
      let isMissing = false;
      const onNoContainer = () => {
        isMissing = true;
      };
      for await (const { key } of mutex.list({ onNoContainer })) expect(key).toBe("other");
      return isMissing;
    };
    expect(await isContainerMissing()).toBe(true);
    expect(await mutex.inspect("job")).toMatchObject({ state: "missing", isContainerMissing: true });
    expect(store.count()).toBe(3);
    await there.acquire("other", 15);
    expect(await isContainerMissing()).toBe(false);
    expect(await mutex.inspect("job")).not.toHaveProperty("isContainerMissing");
  });

  it("ask for a listing again that brought no answer", async () => {
    const { world, mutex, store, there } = setup();
    await there.acquire("a", 15);
    store.failBefore("list", { times: 2 });
    const found = async () => {
      const keys: string[] = [];
      for await (const { key } of mutex.list()) keys.push(key);
      return keys;
    };
    expect(await world.until(found())).toEqual(["a"]);
    expect(store.count("list")).toBe(3);
  });

  it("give up a listing that hangs, or that the caller is done with", async () => {
    const { world, mutex, store } = setup();
    store.hang("list");
    const read = async (signal?: AbortSignal) => {
      for await (const _ of mutex.list(signal ? { signal } : {})) return;
    };
    await expect(world.until(read())).rejects.toBeInstanceOf(StoreUnavailableError);
    const stop = new AbortController();
    const rejected = expect(read(stop.signal)).rejects.toBe("enough");
    stop.abort("enough");
    await rejected;
    expect(() => mutex.list({ prefix: "a\\b" })).toThrow(/^prefix must be/);
  });
});

describe("break", () => {
  it("lets the rest of the lease run out by default, so that the holder stops in time", async () => {
    const { world, clock, mutex, there } = setup();
    const lock = await world.until(there.locker("job", { holder: "batch" }).lock());
    await clock.advance(5_000);
    expect(await mutex.break("job")).toMatchObject({ outcome: "broken", freeInSeconds: 25, holder: { name: "batch" } });
    const waiting = mutex.locker("job").lock();
    await clock.advance(5_000);
    expect(lock.signal.reason).toMatchObject({ why: "broken" });
    expect((await world.until(waiting, 25_000)).isHeld).toBe(true);
  });

  it("frees the lock at once with a period of 0", async () => {
    const { mutex, there } = setup();
    await there.acquire("job", 60);
    expect(await mutex.break("job", { periodSeconds: 0 })).toEqual({ outcome: "broken", freeInSeconds: 0 });
    await mutex.acquire("job", 15);
  });

  it("says that it is not held", async () => {
    const { mutex } = setup();
    expect(await mutex.break("job")).toEqual({ outcome: "notHeld" });
    await mutex.acquire("job", 15);
    await mutex.release("job");
    expect(await mutex.break("job")).toEqual({ outcome: "notHeld" });
  });

  it("leaves alone a holder that was not meant", async () => {
    const { world, mutex, there } = setup();
    const lock = await world.until(there.locker("job", { holder: "api" }).lock());
    expect(await mutex.break("job", { ifHolder: "batch" })).toMatchObject({
      outcome: "heldByAnother",
      holder: { name: "api" },
    });
    await there.acquire("plain", 15);
    expect(await mutex.break("plain", { ifHolder: "batch" })).toEqual({ outcome: "heldByAnother" });
    expect(lock.isHeld).toBe(true);
  });

  it("does not take the record of an earlier holder for the holder of an infinite lease", async () => {
    const { world, mutex, there } = setup();
    await (await world.until(there.locker("job", { holder: "api" }).lock())).release();
    await there.acquire("job", "infinite");
    expect(await mutex.break("job", { ifHolder: "api" })).toEqual({ outcome: "heldByAnother" });
    expect(await mutex.break("job")).toEqual({ outcome: "broken", freeInSeconds: 0 });
  });

  it("leaves alone a holder that came between the look and the break", async () => {
    const { world, mutex, store, there } = setup();
    const batch = await world.until(there.locker("job", { holder: "batch" }).lock());
    store.delay("break", 100, { times: 1 });
    const breaking = mutex.break("job", { ifHolder: "batch" });
    await world.clock.settle();
    await batch.release();
    const api = await world.until(world.process().mutex.locker("job", { holder: "api" }).lock(), 80);
    expect(await world.until(breaking)).toMatchObject({ outcome: "heldByAnother", holder: { name: "api" } });
    expect(api.isHeld).toBe(true);
  });

  it.each([-1, 61, 1.5, Number.NaN])("refuses a period of %j s and changes nothing", async (periodSeconds) => {
    const { mutex, store } = setup();
    await expect(mutex.break("job", { periodSeconds })).rejects.toThrow(
      /^periodSeconds must be a whole number from 0 to 60, not/,
    );
    expect(store.count()).toBe(0);
  });
});

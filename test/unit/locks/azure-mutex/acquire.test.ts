import { describe, expect, it } from "vitest";
import {
  InvalidKeyError,
  LeaseAlreadyPresentError,
  NotHeldError,
  StoreUnavailableError,
} from "../../../../src/errors.ts";
import { spaceOf } from "../../../../src/locks/mutex.ts";
import { setup } from "./setup.ts";

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

  it("renews what it is granted if the machine slept meanwhile, and gives it only if it stands", async () => {
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

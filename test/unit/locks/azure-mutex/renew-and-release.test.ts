import { describe, expect, it } from "vitest";
import { LockLostError, NotHeldError, StoreUnavailableError } from "../../../../src/errors.ts";
import { setup } from "./setup.ts";

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

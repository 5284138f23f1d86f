import { describe, expect, it } from "vitest";
import { FIRST_RENEWAL_LAST, World } from "../support/world.ts";

/** What the simulation found, told once more in the fewest words. */
describe("found by simulation", () => {
  it("a lock that was slept over is given up when its time is over, and not by a timer that slept too", async () => {
    const world = new World();
    const { store, mutex } = world.process();
    const lock = await mutex.locker("job", { leaseSeconds: 15, marginMs: 2_500 }).lock();
    store.hang("renew");
    await world.clock.advance(3_000);
    world.clock.suspend(7_000);
    await world.clock.advance(3_000);
    expect(lock.signal.aborted).toBe(true);
  });

  it("a waiter in the queue gets in though the container is deleted, and the queue with it", async () => {
    const world = new World();
    const holder = world.process().mutex.locker("job", { fair: true });
    const held = await holder.lock();
    const stop = new AbortController();
    const first = world.process().mutex.locker("job", { fair: true }).lock({ signal: stop.signal });
    await world.clock.advance(2_000);
    const second = world.process().mutex.locker("job", { fair: true }).lock();
    await world.clock.advance(2_000);
    await world.memory.deleteContainer();
    stop.abort("enough");
    await expect(first).rejects.toBe("enough");
    await world.until(held.release().catch(() => undefined));
    expect((await world.until(second, 60_000)).isHeld).toBe(true);
  });

  it("whoever gives up while its ticket is being made leaves none behind", async () => {
    const world = new World();
    await world.process().mutex.locker("job", { fair: true }).lock();
    const { store, mutex } = world.process();
    store.applyLate("acquire", 500, { after: 1, times: 1 });
    const stop = new AbortController();
    const waiting = mutex.locker("job", { fair: true }).lock({ signal: stop.signal });
    await world.clock.advance(100);
    stop.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    await world.clock.advance(2_000);
    expect(await world.helperBlobs()).toEqual([]);
  });

  it("whoever gives up leaves no ticket either whose lease arrives after its deletion", async () => {
    const world = new World();
    await world.process().mutex.locker("job", { fair: true }).lock();
    const { store, mutex } = world.process();
    // The tries of its lease go unanswered, and it gives up.
    store.applyLate("acquire", 5_000, { after: 1, times: 1 });
    await expect(world.until(mutex.locker("job", { fair: true }).lock({ timeoutMs: 3_200 }))).rejects.toThrow("not free within");
    await world.clock.advance(10_000);
    expect(await world.helperBlobs()).toEqual([]);
  });

  it("whoever gives up does not take the lock of the next in line for its own", async () => {
    const world = new World();
    const options = { fair: true };
    const held = await world.process().mutex.locker("job", options).lock();
    const next = world.process();
    next.mutex
      .locker("job", options)
      .lock()
      .catch(() => undefined);
    await world.clock.advance(2_000);
    const { store, mutex } = world.process();
    const stop = new AbortController();
    const waiting = mutex.locker("job", options).lock({ signal: stop.signal });
    await world.clock.advance(2_000);
    // Handed to the next, who has not asked for it yet.
    next.store.hang("acquire");
    await world.until(held.release());
    stop.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    await world.clock.advance(1_000);
    expect(store.count("change")).toBe(0);
    // What is handed over late is passed on all the same.
    expect(store.count("renew")).toBe(1);
    await world.clock.advance(70_000);
    expect(store.count("renew")).toBeGreaterThan(3);
  });

  it("whoever gives up leaves no ticket either that its clocks say has run out", async () => {
    const world = new World();
    await world.process().mutex.locker("job", { fair: true }).lock();
    const stop = new AbortController();
    const given = expect(world.process().mutex.locker("job", { fair: true }).lock({ signal: stop.signal })).rejects.toBe("enough");
    await world.clock.advance(10_000);
    world.clock.suspend(70_000);
    stop.abort("enough");
    await given;
    await world.clock.advance(2_000);
    expect(await world.helperBlobs()).toEqual([]);
  });

  it("a lost lease is left alone as long as a renewal makes it stand that was answered too late to keep it", async () => {
    const world = new World();
    const { store, mutex } = world.process(FIRST_RENEWAL_LAST);
    const lock = await mutex.locker("job", { leaseSeconds: 15 }).lock();
    store.delayAnswer("renew", 50);
    await world.clock.advance(5_010);
    world.clock.block(14_500);
    await world.clock.advance(100);
    expect(lock.signal.aborted).toBe(true);
    expect(await world.leaseState("job")).toBe("leased");
    await world.clock.advance(500);
    expect(await world.leaseState("job")).not.toBe("leased");
  });
});

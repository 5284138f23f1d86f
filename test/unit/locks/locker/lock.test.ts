import { describe, expect, it } from "vitest";
import { InvalidKeyError, StoreUnavailableError } from "../../../../src/errors.ts";
import { Locker } from "../../../../src/locks/locker.ts";
import { setup } from "./setup.ts";

describe("lock", () => {
  it("gives a lock that is held and tells all about itself", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.lock());
    expect(lock.key).toBe("job");
    expect(lock.isHeld).toBe(true);
    expect(lock.leaseId).toMatch(/^[0-9a-f-]{36}$/);
    expect(lock.conditions).toEqual({ leaseId: lock.leaseId });
    expect(lock.fencingToken).toBeGreaterThan(1e15);
    expect(lock.remainingMs).toBeLessThanOrEqual(25_000);
    lock.assertHeld();
  });

  it("waits until another process lets go", async () => {
    const { world, locker, there, clock } = setup();
    const theirs = await world.until(there.locker("job").lock());
    const waiting = locker.lock();
    await clock.advance(60_000);
    await theirs.release();
    const ours = await world.until(waiting, 1_000);
    expect(ours.isHeld).toBe(true);
  });

  it("takes over from a crashed process when its lease has lapsed", async () => {
    const { world, locker } = setup();
    await world.memory.createContainer();
    await world.memory.create("job", {});
    expect(await world.stranger("job")).toBe("acquired");
    const before = world.clock.now();
    await world.until(locker.lock());
    expect(world.clock.now() - before).toBeLessThan(15_000 + 1_000 + 2_000);
  });

  it("works any number of times, and unlock gives back what it got", async () => {
    const { world, locker } = setup();
    for (let round = 0; round < 5; round += 1) {
      const lock = await world.until(locker.lock());
      await locker.unlock();
      expect(lock.isHeld).toBe(false);
      expect(await world.leaseState("job")).toBe("available");
    }
  });

  it("queues the tasks of one process in the order of their calls, lockers of one mutex together", async () => {
    const { world, mutex, locker } = setup();
    const order: number[] = [];
    const tasks = Array.from({ length: 10 }, (_, n) =>
      (n % 2 === 0 ? locker : mutex.locker("job")).run(() => {
        order.push(n);
      }),
    );
    await world.until(Promise.all(tasks));
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("lets the next task of the process contend when the lock is lost and never released", async () => {
    const { world, clock, store, locker } = setup();
    const lost = await world.until(locker.lock());
    const next = locker.lock();
    store.hang("renew");
    await clock.advance(25_000);
    expect(lost.signal.aborted).toBe(true);
    store.heal();
    const lock = await world.until(next, 10_000);
    expect(lock.isHeld).toBe(true);
    expect(lock.fencingToken).toBeGreaterThan(lost.fencingToken as number);
  });

  it("resolves only with a lock that is good for a third of its lease, however long the record took", async () => {
    const { world, store, clock, locker } = setup();
    store.delayAnswer("writeMetadata", 2_900);
    store.failBefore("read", { times: 6 });
    const theirs = await world.until(world.process().mutex.locker("job").lock());
    await theirs.release();
    const lock = await world.until(locker.lock());
    expect(lock.remainingMs).toBeGreaterThan(10_000);
    await clock.advance(60_000);
    expect(lock.isHeld).toBe(true);
  });

  it("does not resolve with a lock that is about to run out, but renews it first", async () => {
    const { world, store, clock, locker } = setup();
    await world.memory.create("job", {});
    const reading = store.hang("read");
    const renewing = store.hang("renew");
    let resolved = false;
    const waiting = locker.lock().finally(() => {
      resolved = true;
    });
    await clock.advance(20_000);
    reading.heal();
    await clock.advance(2_000);
    expect(resolved).toBe(false);
    renewing.heal();
    expect((await world.until(waiting, 2_000)).remainingMs).toBeGreaterThan(10_000);
  });

  it("begins anew if the lease was lost before the caller saw it", async () => {
    const { world, store, clock, locker } = setup();
    await world.memory.create("job", {});
    await clock.advance(5_000);
    const stuck = store.hang("read");
    const waiting = locker.lock();
    await clock.advance(50);
    await world.memory.break("job", { periodSeconds: 0 });
    await clock.advance(10_500);
    stuck.heal();
    const lock = await world.until(waiting);
    expect(lock.isHeld).toBe(true);
    expect(store.count("acquire")).toBeGreaterThan(1);
  });
});

describe("tryLock", () => {
  it("gives the lock if it is free", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.tryLock());
    expect(lock?.isHeld).toBe(true);
    await locker.unlock();
  });

  it("resolves with undefined, after one request, if another process holds it", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.locker("job").lock());
    expect(await world.until(locker.tryLock())).toBeUndefined();
    expect(store.count()).toBe(1);
  });

  it("resolves with undefined, without a request, if another task of this process holds or awaits it", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.forgetCalls();
    expect(await locker.tryLock()).toBeUndefined();
    expect(store.count()).toBe(0);
  });

  it("rejects with StoreUnavailableError after three tries without an answer", async () => {
    const { world, store, locker } = setup();
    store.hang("acquire");
    await expect(world.until(locker.tryLock())).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(store.count("acquire")).toBe(3);
  });
});

describe("a locker's construction", () => {
  it("makes a mutex of its own from options", async () => {
    const { world, clock } = setup();
    const locker = new Locker({ store: world.memory, clock }, "other");
    const lock = await world.until(locker.lock());
    expect(lock.key).toBe("other");
    await locker.unlock();
  });

  it("refuses a key that cannot be a blob's name", () => {
    const { mutex } = setup();
    expect(() => new Locker(mutex, "a/../b")).toThrow(InvalidKeyError);
  });
});

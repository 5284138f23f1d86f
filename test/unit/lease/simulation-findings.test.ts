import { describe, expect, it } from "vitest";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { FIRST_RENEWAL_LAST, World } from "../../support/world.ts";

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

  it("a waiter that gives up while its ticket is being made leaves none behind", async () => {
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

  it("a waiter that gives up leaves no ticket either whose lease arrives after its deletion", async () => {
    const world = new World();
    await world.process().mutex.locker("job", { fair: true }).lock();
    const { store, mutex } = world.process();
    // The tries of its lease go unanswered, and it gives up.
    store.applyLate("acquire", 5_000, { after: 1, times: 1 });
    await expect(world.until(mutex.locker("job", { fair: true }).lock({ timeoutMs: 3_200 }))).rejects.toThrow(
      "not free within",
    );
    await world.clock.advance(10_000);
    expect(await world.helperBlobs()).toEqual([]);
  });

  it("a waiter that gives up does not take the lock of the next in line for its own", async () => {
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

  it("a waiter that gives up leaves no ticket either that its clocks say has run out", async () => {
    const world = new World();
    await world.process().mutex.locker("job", { fair: true }).lock();
    const stop = new AbortController();
    const given = expect(
      world.process().mutex.locker("job", { fair: true }).lock({ signal: stop.signal }),
    ).rejects.toBe("enough");
    await world.clock.advance(10_000);
    world.clock.suspend(70_000);
    stop.abort("enough");
    await given;
    await world.clock.advance(2_000);
    expect(await world.helperBlobs()).toEqual([]);
  });

  it("a lost lease is left alone as long as a renewal that was answered too late makes it stand", async () => {
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

  describe("a lease that was broken, and that is the holder's again when others have had it", () => {
    /**
     * Waits in line while a stranger has the lock, with a block of tokens of its own; is granted it, and the answer is
     * on its way.
     */
    async function grantedAndBroken() {
      const world = new World();
      const { store, mutex } = world.process();
      const locker = mutex.locker("job", { fair: true });
      await world.until(locker.lock());
      await world.until(locker.unlock());
      const strangersId = world.newId();
      await world.memory.acquire("job", strangersId, 15);
      const waiting = locker.lock();
      await world.clock.advance(2_000);
      store.delayAnswer("acquire", 1_000, { times: 1 });
      const asked = store.count("acquire");
      await world.memory.release("job", strangersId);
      while (store.count("acquire") === asked) await world.clock.advance(10);
      await world.memory.break("job", { periodSeconds: 0 });
      const other = await world.until(world.process().mutex.locker("job", { fair: true }).lock(), 500);
      await world.until(other.release(), 500);
      // It was handed to the first in line, who still waits for the answer.
      expect(await world.leaseState("job")).toBe("leased");
      return { world, waiting, otherToken: other.fencingToken as number };
    }

    it("is held with a higher token by a task that slept on the answer that granted it", async () => {
      const { world, waiting, otherToken } = await grantedAndBroken();
      world.clock.suspend(2_000);
      const lock = await world.until(waiting);
      expect(lock.fencingToken).toBeGreaterThan(otherToken);
      await world.clock.advance(60_000);
      expect(lock.isHeld).toBe(true);
    });

    it("is lost by its next renewal if its holder did not sleep, and given back", async () => {
      const { world, waiting, otherToken } = await grantedAndBroken();
      const lock = await world.until(waiting);
      expect(lock.fencingToken).toBeLessThan(otherToken);
      await world.clock.advance(10_100);
      expect(lock.signal.reason).toMatchObject({ code: "LOCK_LOST", why: "taken" });
      await world.until(lock.release());
      await world.clock.advance(1_000);
      expect(await world.leaseState("job")).not.toBe("leased");
    });

    /**
     * Holds; its lease is broken, another comes and goes, and a double of the request that got the lease takes it anew.
     */
    async function doubled(options: LockerOptions = {}) {
      const world = new World();
      const { store, mutex } = world.process();
      const lock = await world.until(mutex.locker("job", options).lock());
      await world.memory.break("job", { periodSeconds: 0 });
      const other = await world.until(world.process().mutex.locker("job").lock());
      await world.until(other.release());
      await world.memory.acquire("job", lock.conditions.leaseId, 30);
      store.forgetCalls();
      return { world, store, lock };
    }

    it("is lost by its next renewal when a double of an old request took it anew, and given back", async () => {
      const { world, store, lock } = await doubled();
      await world.clock.advance(10_100);
      expect(lock.signal.reason).toMatchObject({ code: "LOCK_LOST", why: "taken" });
      expect(store.calls.map(({ operation }) => operation)).toEqual(["renew", "read"]);
      expect(await world.leaseState("job"), "the work may still be stopping").toBe("leased");
      await world.until(lock.release());
      await world.clock.advance(100);
      expect(await world.leaseState("job")).toBe("available");
    });

    it("is looked at again at the next renewal if there was no answer", async () => {
      const { world, store, lock } = await doubled();
      store.failBefore("read", { times: 1 });
      await world.clock.advance(10_100);
      expect(lock.isHeld).toBe(true);
      await world.clock.advance(10_000);
      expect(lock.signal.reason).toMatchObject({ why: "taken" });
    });

    it("is kept, without a look, by a holder that has no token to compare", async () => {
      const { world, store, lock } = await doubled({ fencing: false });
      await world.clock.advance(60_000);
      expect(lock.isHeld).toBe(true);
      expect(store.count("read")).toBe(0);
    });
  });

  it("a holder that writes its own blob keeps it, and looks at the record once", async () => {
    const world = new World();
    const { store, mutex } = world.process();
    const lock = await world.until(mutex.locker("job").lock());
    store.forgetCalls();
    await world.memory.putBlob("job", { content: "42", leaseId: lock.conditions.leaseId });
    await world.clock.advance(60_000);
    expect(lock.isHeld).toBe(true);
    expect(store.count("read")).toBe(1);
    expect(store.count("renew")).toBeGreaterThan(5);
  });

  it("a try granted when its lease has another id is released once more: it may have taken it", async () => {
    const world = new World();
    await world.memory.create("job", {});
    const { store, mutex } = world.process();
    // Gives up its try after 3 s, and is told of its grant at 8 s.
    store.applyLate("acquire", 8_000, { times: 1 });
    const lock = await world.until(mutex.locker("job", { leaseSeconds: 60 }).lock());
    await world.memory.break("job", { periodSeconds: 0 });
    await world.clock.advance(10_000);
    expect(await world.leaseState("job"), "the late try has it").toBe("leased");
    await world.until(lock.release().catch(() => undefined));
    await world.clock.advance(5_000);
    expect(await world.leaseState("job")).toBe("available");
  });
});

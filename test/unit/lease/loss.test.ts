import { describe, expect, it } from "vitest";
import { AccessDeniedError, LockLostError, NotHeldError, StoreUnavailableError } from "../../../src/errors.ts";
import { chance } from "../../support/chaos.ts";
import { FIRST_RENEWAL_LAST, World } from "../../support/world.ts";

const LEASE_SECONDS = 30;
const GOOD_FOR_MS = 25_000;

async function holding() {
  const world = new World();
  const process = world.process(FIRST_RENEWAL_LAST);
  const locker = process.mutex.locker("job", { leaseSeconds: LEASE_SECONDS });
  const lock = await world.until(locker.lock());
  return { world, clock: world.clock, locker, lock, ...process };
}

describe("locks that are taken together", () => {
  it("are renewed one by one, from half of the interval on", async () => {
    const world = new World();
    const { store, mutex } = world.process({ random: chance(1) });
    await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => mutex.locker(`job-${i}`, { leaseSeconds: LEASE_SECONDS }).lock()),
    );
    const began = world.clock.now();
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      await world.clock.advance(500);
      expect(store.count("renew")).toBe(0);
    }
    let most = 0;
    for (let renewed = 0; world.clock.now() - began < 30_000; renewed = store.count("renew")) {
      await world.clock.advance(100);
      most = Math.max(most, store.count("renew") - renewed);
    }
    // 20 in 100 ms, were they as even as can be; three times that is a chance of one in a billion.
    expect(most).toBeLessThanOrEqual(60);
  });
});

describe("a lock's deadline", () => {
  it("counts from before the acquire was sent, not from its answer", async () => {
    const world = new World();
    const { store, mutex } = world.process();
    await world.memory.create("job", {});
    await world.clock.advance(3_000);
    store.delayAnswer("acquire", 2_000);
    const sent = world.clock.now();
    const lock = await world.until(mutex.locker("job", { leaseSeconds: LEASE_SECONDS }).lock());
    expect(lock.remainingMs).toBe(GOOD_FOR_MS - (world.clock.now() - sent));
  });

  it("counts from before the very try that was granted, not from one that was lost", async () => {
    const world = new World();
    const { store, mutex } = world.process();
    await world.memory.create("job", {});
    await world.clock.advance(3_000);
    store.failBefore("acquire", { times: 3 });
    const sent = world.clock.now();
    const lock = await world.until(mutex.locker("job", { leaseSeconds: LEASE_SECONDS }).lock());
    expect(world.clock.now() - sent).toBeGreaterThan(500);
    expect(lock.remainingMs).toBeGreaterThan(GOOD_FOR_MS - 20);
  });

  it("counts from before each renewal was sent, not from its answer", async () => {
    const { clock, store, lock } = await holding();
    store.delayAnswer("renew", 2_000);
    await clock.advance(12_000);
    expect(store.count("renew")).toBe(1);
    expect(lock.remainingMs).toBe(GOOD_FOR_MS - 2_000);
  });

  it("is not moved by a renewal that was applied and whose answer never came", async () => {
    const { clock, store, lock } = await holding();
    store.hangAfter("renew");
    await clock.advance(GOOD_FOR_MS);
    expect(lock.signal.aborted).toBe(true);
  });
});

describe("a lock whose renewals hang", () => {
  it("is given up at its deadline, before the service frees the lease", async () => {
    const { clock, store, lock, world } = await holding();
    store.hang("renew");
    await clock.advance(GOOD_FOR_MS - 1);
    expect(lock.signal.aborted).toBe(false);
    expect(lock.isHeld).toBe(true);

    await clock.advance(1);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    expect(lock.signal.reason).toMatchObject({ code: "LOCK_LOST", why: "expired", key: "job" });
    expect(lock.signal.reason.cause).toBeInstanceOf(StoreUnavailableError);
    expect(await world.leaseState("job")).toBe("leased");
    expect(await world.stranger("job")).toBe("held");
  });

  it("signals within one turn of the event loop after the deadline, in 1,000 hangs at any moment", async () => {
    let latestMs = 0;
    for (let run = 0; run < 1_000; run += 1) {
      const { clock, store, lock } = await holding();
      const hangsAfterMs = run * 40;
      await clock.advance(hangsAfterMs);
      store.hang("renew");
      const deadline = clock.now() + lock.remainingMs;
      let signalledAt = Number.POSITIVE_INFINITY;
      lock.signal.addEventListener("abort", () => {
        signalledAt = clock.now();
      });
      await clock.advance(LEASE_SECONDS * 1_000);
      latestMs = Math.max(latestMs, signalledAt - deadline);
    }
    console.info(`slowest loss signal of 1,000 hangs: ${latestMs.toFixed(3)} ms after its deadline`);
    expect(latestMs).toBeLessThanOrEqual(0.001);
  });

  it("is lost for ever, even if the service answers later", async () => {
    const { clock, store, lock } = await holding();
    store.hang("renew");
    await clock.advance(GOOD_FOR_MS);
    store.heal();
    await clock.advance(60_000);
    expect(lock.isHeld).toBe(false);
    expect(lock.remainingMs).toBe(0);
    expect(() => lock.assertHeld()).toThrow(LockLostError);
  });

  it("keeps the lease for as long as it may still be working, and frees it when it lapses at the latest", async () => {
    const { clock, store, lock } = await holding();
    store.hang("renew");
    await clock.advance(GOOD_FOR_MS);
    expect(lock.signal.aborted).toBe(true);
    store.heal();
    await clock.advance(4_999);
    expect(store.count("release")).toBe(0);
    await clock.advance(1);
    expect(store.count("release")).toBe(1);
  });

  it("frees the lease as soon as the work that lost it is done", async () => {
    const { clock, store, lock, world } = await holding();
    store.hang("renew");
    await clock.advance(GOOD_FOR_MS);
    store.heal();
    await lock.release();
    await clock.settle();
    expect(await world.leaseState("job")).toBe("available");
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("a lock whose renewal is refused", () => {
  it("is lost at once as broken, when the lease is broken", async () => {
    const { clock, lock, world } = await holding();
    await world.memory.break("job", { periodSeconds: 0 });
    await clock.advance(10_000);
    const code = "renewal refused: 409 LeaseIsBrokenAndCannotBeRenewed";
    expect(lock.signal.reason).toMatchObject({
      why: "broken",
      message: `lock on "job" lost: broken by another process (${code})`,
      cause: { message: code },
    });
  });

  it("is lost at once as taken, when it was broken and taken by another", async () => {
    const { clock, lock, world } = await holding();
    await world.memory.break("job", { periodSeconds: 0 });
    expect(await world.stranger("job")).toBe("acquired");
    await clock.advance(10_000);
    expect(lock.signal.reason).toMatchObject({
      why: "taken",
      message: expect.stringContaining("another process has leased"),
    });
  });

  it("is lost at once as deleted, when the blob is gone", async () => {
    const { clock, lock, world } = await holding();
    await world.memory.break("job", { periodSeconds: 0 });
    await world.memory.remove("job");
    await clock.advance(10_000);
    expect(lock.signal.reason).toMatchObject({ why: "deleted" });
  });

  it("is lost at once as deleted, when the container is gone", async () => {
    const { clock, lock, world } = await holding();
    await world.memory.deleteContainer();
    await clock.advance(10_000);
    expect(lock.signal.reason).toMatchObject({ why: "deleted" });
    expect(lock.signal.reason.message).toContain("404 ContainerNotFound");
  });

  it("sends nothing more for a lease that is not its own", async () => {
    const { clock, lock, store, world } = await holding();
    await world.memory.deleteContainer();
    await clock.advance(10_000);
    store.forgetCalls();
    await lock.release();
    await clock.advance(120_000);
    expect(store.calls).toEqual([]);
  });
});

describe("a lock during a blip of the service that is shorter than its deadline", () => {
  const blips = {
    "503s": (store: Awaited<ReturnType<typeof holding>>["store"]) =>
      store.failBefore("renew", { answered: true, retryAfterMs: 30_000 }),
    resets: (store: Awaited<ReturnType<typeof holding>>["store"]) => store.failBefore("renew"),
    timeouts: (store: Awaited<ReturnType<typeof holding>>["store"]) => store.hang("renew"),
    "lost answers": (store: Awaited<ReturnType<typeof holding>>["store"]) => store.failAfter("renew"),
    "refused credentials, while keys roll": (store: Awaited<ReturnType<typeof holding>>["store"]) =>
      store.failBefore("renew", { error: new AccessDeniedError("403", "job") }),
    "an AbortError that is not ours": (store: Awaited<ReturnType<typeof holding>>["store"]) =>
      store.failBefore("renew", { error: new DOMException("another's token fetch was aborted", "AbortError") }),
  };
  for (const [name, begin] of Object.entries(blips)) {
    it(`stays held through ${name}, whenever they begin`, async () => {
      for (let beginsAfterMs = 0; beginsAfterMs < 20_000; beginsAfterMs += 777) {
        const { clock, store, lock } = await holding();
        await clock.advance(beginsAfterMs);
        const fault = begin(store);
        await clock.advance(11_000);
        fault.heal();
        await clock.advance(60_000);
        expect(lock.signal.aborted).toBe(false);
        expect(lock.isHeld).toBe(true);
      }
    });
  }
});

describe("a lock on a machine that sleeps", () => {
  it("is not held until a renewal succeeds", async () => {
    const { clock, store, lock } = await holding();
    await clock.advance(1_000);
    const fault = store.hang("renew");
    clock.suspend(5_000);
    expect(lock.isHeld).toBe(false);
    expect(lock.remainingMs).toBe(0);
    expect(() => lock.assertHeld()).toThrow(/slept/);
    expect(lock.signal.aborted).toBe(false);
    fault.heal();
    await clock.advance(1_000);
    expect(lock.isHeld).toBe(true);
    lock.assertHeld();
  });

  it("is lost within a second of waking up past its deadline, though its own timers slept too", async () => {
    const { clock, lock } = await holding();
    await clock.advance(500);
    clock.suspend(3_600_000);
    expect(lock.isHeld).toBe(false);
    await clock.advance(1_000);
    expect(lock.signal.reason).toMatchObject({ why: "expired" });
  });

  it("takes no harm from clocks that part by less than a second", async () => {
    const { clock, lock, store } = await holding();
    clock.suspend(900);
    expect(lock.isHeld).toBe(true);
    await clock.advance(9_000);
    expect(store.count("renew")).toBe(0);
  });

  it("is lost within a second of its deadline, though it dozed off for less than that again and again", async () => {
    const { clock, lock, store } = await holding();
    store.hang("renew");
    const deadline = clock.uptime() + lock.remainingMs;
    while (clock.uptime() < deadline + 1_000) {
      await clock.advance(1_300);
      clock.suspend(700);
    }
    expect(lock.signal.reason).toMatchObject({ why: "expired" });
  });

  it("does not count a renewal that was under way while the machine slept", async () => {
    const { clock, lock, store } = await holding();
    store.delay("renew", 100, { times: 1 });
    await clock.advance(10_050);
    clock.suspend(3_000);
    const second = store.hang("renew");
    await clock.advance(60);
    expect(lock.isHeld).toBe(false);
    second.heal();
    await clock.advance(10);
    expect(lock.isHeld).toBe(true);
  });
});

describe("a lock in a process whose event loop stalls past the deadline", () => {
  it("says at once that it is not held, by the clock, while the signal waits for the loop to turn", async () => {
    const { clock, lock } = await holding();
    clock.block(GOOD_FOR_MS);
    expect(lock.isHeld).toBe(false);
    expect(() => lock.assertHeld()).toThrow(LockLostError);
    expect(lock.signal.aborted).toBe(false);
  });

  it("is lost when the loop turns and no renewal was answered meanwhile", async () => {
    const { clock, lock, store } = await holding();
    store.hang("renew");
    clock.block(GOOD_FOR_MS);
    await clock.settle();
    expect(lock.signal.reason).toMatchObject({ why: "expired" });
  });

  it("sends no renewal any more once the deadline has passed", async () => {
    const { clock, lock, store } = await holding();
    clock.block(GOOD_FOR_MS);
    await clock.settle();
    expect(lock.signal.aborted).toBe(true);
    expect(store.count("renew")).toBe(0);
  });

  it("is still held if the answer to a renewal had arrived whose own deadline is ahead", async () => {
    const { clock, lock, store } = await holding();
    const hanging = store.hangAfter("renew");
    await clock.advance(10_000);
    expect(hanging.hits).toBe(1);
    // Input is read after the timers that fell due, and before the callbacks that these put off to the next turn.
    clock.setTimer(0, () => clock.nextTurn(() => hanging.heal()));
    clock.block(GOOD_FOR_MS - 10_000);
    expect(lock.isHeld).toBe(false);
    await clock.settle();
    expect(lock.signal.aborted).toBe(false);
    expect(lock.isHeld).toBe(true);
  });

  it("is lost if the answer that had arrived is too old by now", async () => {
    const { clock, lock, store } = await holding();
    const hanging = store.hangAfter("renew", { times: 1 });
    await clock.advance(10_000);
    store.hang("renew");
    clock.setTimer(0, () => clock.nextTurn(() => hanging.heal()));
    clock.block(GOOD_FOR_MS + 10_000);
    await clock.settle();
    expect(lock.signal.reason).toMatchObject({ why: "expired" });
  });
});

describe("a lock that was released", () => {
  it("is not held, and says so", async () => {
    const { lock } = await holding();
    await lock.release();
    expect(lock.isHeld).toBe(false);
    expect(lock.remainingMs).toBe(0);
    expect(() => lock.assertHeld()).toThrow(NotHeldError);
    expect(lock.signal.aborted).toBe(false);
  });

  it("stops being held the moment its release begins, not when it is answered", async () => {
    const { lock, store, clock } = await holding();
    store.delay("release", 500);
    const released = lock.release();
    expect(lock.isHeld).toBe(false);
    await clock.advance(500);
    await released;
  });

  it("leaves no timer", async () => {
    const { lock, clock } = await holding();
    await lock.release();
    await clock.settle();
    expect(clock.pendingTimers()).toBe(0);
  });

  it("leaves no timer if a renewal was failing meanwhile", async () => {
    const { lock, clock, store } = await holding();
    store.failBefore("renew");
    await clock.advance(10_010);
    await lock.release();
    await clock.settle();
    expect(clock.pendingTimers()).toBe(0);
  });

  it("keeps no process alive while it is held", async () => {
    const { clock } = await holding();
    expect(clock.pendingTimers()).toBeGreaterThan(0);
    expect(clock.pendingTimers({ keepAlive: true })).toBe(0);
  });
});

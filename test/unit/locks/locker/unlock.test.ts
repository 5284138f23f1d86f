import { describe, expect, it } from "vitest";
import { LockLostError, LockTimeoutError, NotHeldError, StoreUnavailableError } from "../../../../src/errors.ts";
import type { Lock } from "../../../../src/locks/lock.ts";
import { spaceOf } from "../../../../src/locks/mutex.ts";
import { gate } from "../../../support/gate.ts";
import { setup } from "./setup.ts";

describe("unlock", () => {
  it("throws NotHeldError when nothing is held, and never hangs", async () => {
    const { locker } = setup();
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("throws NotHeldError the second time, and does nothing to a later hold of another task", async () => {
    const { world, locker, mutex } = setup();
    await world.until(locker.lock());
    await locker.unlock();
    const later = await world.until(mutex.locker("job").lock());
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
    expect(later.isHeld).toBe(true);
  });

  it("throws NotHeldError while the first one is still under way", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.delay("release", 300);
    const first = locker.unlock();
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
    await world.until(first);
  });

  it("throws NotHeldError after the lock was given back by its own release", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.lock());
    await lock.release();
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("throws LockLostError if the lock was lost", async () => {
    const { world, clock, store, locker } = setup();
    await world.until(locker.lock());
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    await expect(locker.unlock()).rejects.toBeInstanceOf(LockLostError);
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("throws LockLostError if only the release shows that another got the lock", async () => {
    const { world, locker } = setup();
    await world.until(locker.lock());
    await world.memory.break("job", { periodSeconds: 0 });
    await world.stranger("job");
    await expect(locker.unlock()).rejects.toMatchObject({ code: "LOCK_LOST", why: "taken" });
  });

  it("names its own deadline first if that passed, and what the release was told as the cause", async () => {
    const { world, clock, locker } = setup();
    await world.until(locker.lock());
    clock.block(40_000);
    await world.stranger("job");
    await expect(locker.unlock()).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired", cause: { why: "taken" } });
  });

  it("takes a release after the deadline for fine if no other holder came in between", async () => {
    const { world, clock, locker } = setup();
    await world.until(locker.lock());
    clock.block(40_000);
    await locker.unlock();
    expect(await world.leaseState("job")).toBe("available");
  });

  it.each(["unlock", "run"])(
    "like run (%s) throws LockLostError after the deadline if its release is only assumed",
    async (way) => {
      const { world, clock, store, there, locker } = setup();
      const { opened, open } = gate();
      const lock = way === "unlock" ? locker.lock() : undefined;
      const running = lock ? lock.then(() => opened) : locker.run(() => opened);
      await clock.settle();
      store.hang("renew");
      store.hang("release", { times: 1 });
      clock.block(40_000);
      const theirs = there.locker("job").tryLock();
      open();
      const ending = lock ? running.then(() => locker.unlock()) : running;
      await expect(world.until(ending)).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
      expect((await theirs)?.isHeld).toBe(true);
    },
  );

  it("takes a release for done that went unanswered, as long as its lease had not run out", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.hangAfter("release", { times: 1 });
    await world.until(locker.unlock());
    expect(await world.leaseState("job")).toBe("available");
  });

  it("throws StoreUnavailableError if the service cannot be told, and the next one may contend", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.failBefore("release", { times: 3 });
    await expect(world.until(locker.unlock())).rejects.toBeInstanceOf(StoreUnavailableError);
    const next = await world.until(locker.lock());
    expect(next.isHeld).toBe(true);
  });
});

describe("unlock of a locker that several tasks share", () => {
  /** B waits with the locker that A holds with; A loses the lock, and B gets it. */
  async function taken() {
    const { world, clock, store, locker, ...rest } = setup();
    const a = await world.until(locker.lock());
    const hanging = store.hang("renew");
    const waiting = locker.lock();
    await clock.advance(26_000);
    hanging.heal();
    const b = await world.until(waiting);
    expect(a.signal.aborted).toBe(true);
    return { world, clock, store, locker, a, b, ...rest };
  }

  it("tells the first that its lock was lost, and leaves the second's alone", async () => {
    const { world, locker, b } = await taken();
    await expect(locker.unlock()).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
    expect(b.isHeld).toBe(true);
    await expect(locker.unlock()).rejects.toMatchObject({
      code: "NOT_HELD",
      message: expect.stringContaining("another call of this locker"),
    });
    expect(b.isHeld).toBe(true);
    await b.release();
    expect(await world.leaseState("job")).toBe("available");
  });

  it("ends the second once the first has released its own by its handle", async () => {
    const { world, locker, a, b } = await taken();
    await a.release();
    await world.until(locker.unlock());
    expect(b.isHeld).toBe(false);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("tells each that its lock was lost, if both were", async () => {
    const { clock, store, locker, b } = await taken();
    store.hang("renew");
    await clock.advance(26_000);
    expect(b.signal.aborted).toBe(true);
    await expect(locker.unlock()).rejects.toBeInstanceOf(LockLostError);
    await expect(locker.unlock()).rejects.toBe(b.signal.reason);
    await expect(locker.unlock()).rejects.toMatchObject({
      code: "NOT_HELD",
      message: expect.not.stringContaining("another call of this locker"),
    });
  });

  it.each(["a time-out", "an abort", "a refused try"])("does not end another's lock after %s", async (what) => {
    const { world, clock, locker } = setup();
    const lock = await world.until(locker.lock());
    const stop = new AbortController();
    const failing = {
      "a time-out": () => locker.lock({ timeoutMs: 100 }),
      "an abort": () => locker.lock({ signal: stop.signal }),
      "a refused try": () => locker.tryLock(),
    }[what];
    const failed = failing?.().catch(() => undefined);
    await clock.advance(100);
    stop.abort();
    expect(await failed).toBeUndefined();
    await expect(locker.unlock()).rejects.toMatchObject({
      code: "NOT_HELD",
      message: expect.stringContaining("another call of this locker"),
    });
    expect(lock.isHeld).toBe(true);
    await world.until(lock.release());
    await world.until(locker.lock());
    await locker.unlock();
    expect(await world.leaseState("job")).toBe("available");
  });

  it("does not end a lock that was waited for while another call of the locker failed", async () => {
    const { world, clock, there, locker } = setup();
    const theirs = await world.until(there.locker("job").lock());
    const failed = locker.lock({ timeoutMs: 100 }).catch(() => undefined);
    const waiting = locker.lock();
    await clock.advance(200);
    await failed;
    await theirs.release();
    const lock = await world.until(waiting);
    await expect(locker.unlock()).rejects.toMatchObject({ code: "NOT_HELD" });
    expect(lock.isHeld).toBe(true);
  });

  it.each(["lock", "tryLock"] as const)("ends no other task's lock for a caller whose %s was refused", async (verb) => {
    const { locker } = setup();
    const lock = await locker.lock();
    await expect(locker[verb]({ signal: "now" as never })).rejects.toBeInstanceOf(TypeError);
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
    expect(lock.isHeld).toBe(true);
  });

  it("ends the lock of the first while the second still waits; a second unlock does not end the second's", async () => {
    const { world, locker } = setup();
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    await locker.unlock();
    expect(first.isHeld).toBe(false);
    const second = await world.until(waiting);
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
    expect(second.isHeld).toBe(true);
  });

  it("ends the first of two that were asked for at once, and only that", async () => {
    const { world, locker } = setup();
    const both = [locker.lock(), locker.lock()] as const;
    const first = await world.until(both[0]);
    await locker.unlock();
    expect(first.isHeld).toBe(false);
    expect((await world.until(both[1])).isHeld).toBe(true);
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("does not end the lock of a run", async () => {
    const { world, locker } = setup();
    await world.until(
      locker.run(async (lock) => {
        expect(await locker.tryLock()).toBeUndefined();
        await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
        expect(lock.isHeld).toBe(true);
      }),
    );
  });

  it("ends what was got after a failed try, or after a lock that was released by its own", async () => {
    const { world, there, locker } = setup();
    const theirs = await world.until(there.locker("job").lock());
    expect(await locker.tryLock()).toBeUndefined();
    await expect(world.until(locker.lock({ timeoutMs: 100 }))).rejects.toBeInstanceOf(LockTimeoutError);
    await theirs.release();
    for (let round = 0; round < 3; round += 1) {
      const lock = await world.until(locker.lock());
      if (round === 1) await lock.release();
      else await locker.unlock();
      expect(await world.leaseState("job")).toBe("available");
    }
  });
});

describe("a lock that its process releases under the work, as at its end", () => {
  it("aborts its signal, and run says LOCK_LOST", async () => {
    const { world, mutex, locker } = setup();
    const other = mutex.locker("other");
    let work: Lock | undefined;
    const running = expect(
      locker.run(async (lock) => {
        work = lock;
        await new Promise<void>((resolve) => lock.signal.addEventListener("abort", () => resolve()));
        expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: "NOT_HELD" }));
      }),
    ).rejects.toMatchObject({ code: "LOCK_LOST", why: "released" });
    await other.lock();
    await world.clock.settle();
    await spaceOf(mutex).releaseHolds();
    await running;
    expect(work?.signal.reason).toMatchObject({ code: "LOCK_LOST", why: "released" });
    await expect(other.unlock()).rejects.toBeInstanceOf(NotHeldError);
    expect(await world.leaseState("job")).toBe("available");
    expect(world.clock.pendingTimers()).toBe(0);
  });

  it("is the next task's from then on: the end of the work does not end that", async () => {
    const { world, mutex, locker } = setup();
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    await spaceOf(mutex).releaseHolds();
    const second = await world.until(waiting);
    await first.release();
    expect([first.isHeld, second.isHeld]).toEqual([false, true]);
    expect(await world.leaseState("job")).toBe("leased");
  });

  it("tells the end once, as a loss", async () => {
    const { world, mutex, locker } = setup();
    const told: string[] = [];
    for (const name of ["lost", "released", "handedOver"] as const) locker.on(name, () => told.push(name));
    const lock = await world.until(locker.lock());
    await spaceOf(mutex).releaseHolds();
    await lock.release();
    await world.clock.settle();
    expect(told).toEqual(["lost"]);
  });
});

import { describe, expect, it } from "vitest";
import { collectAllGarbage } from "../../../lab/bench/live-bytes.ts";
import { takeAll } from "../../../lab/shared/take-all.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import type { WaitOptions } from "../../../src/waiting/wait-options.ts";
import { World } from "../../support/world.ts";

function setup() {
  const world = new World();
  const { mutex, store } = world.process();
  const stop = new AbortController();
  return { world, mutex, store, stop, until: stop.signal };
}

type Mutex = ReturnType<typeof setup>["mutex"];

const TAKEN = {
  "a lock": (mutex: Mutex, options: WaitOptions) => mutex.locker("job").lock(options),
  "a lock that was tried": (mutex: Mutex, options: WaitOptions) => mutex.locker("job").tryLock(options),
  "a permit": (mutex: Mutex, options: WaitOptions) => new Semaphore(mutex, "job", { permits: 2 }).acquire(options),
  "a permit that was tried": (mutex: Mutex, options: WaitOptions) =>
    new Semaphore(mutex, "job", { permits: 2 }).tryAcquire(options),
  "a read lock": (mutex: Mutex, options: WaitOptions) => new ReaderWriterLock(mutex, "job").read.lock(options),
  "a write lock": (mutex: Mutex, options: WaitOptions) => new ReaderWriterLock(mutex, "job").write.lock(options),
  "a write lock that was tried": (mutex: Mutex, options: WaitOptions) =>
    new ReaderWriterLock(mutex, "job").write.tryLock(options),
  "several locks": (mutex: Mutex, options: WaitOptions) => takeAll(mutex, ["a", "b"], options),
  leadership: (mutex: Mutex, options: WaitOptions) => new LeaderElection(mutex, "job").campaign(options),
};

describe("until", () => {
  it.each(Object.entries(TAKEN))("aborts the signal of %s, which stays held until it is released", async (_, take) => {
    const { world, mutex, stop, until } = setup();
    const held = await world.until<Holding | undefined>(take(mutex, { until }));
    expect(held?.signal.aborted).toBe(false);
    stop.abort("the end");
    expect(held?.signal.reason).toBe("the end");
    expect(held?.isHeld).toBe(true);
    held?.assertHeld();
    await world.until(held?.release() ?? Promise.reject(new Error("nothing was taken")));
    expect(world.clock.pendingTimers()).toBe(0);
  });

  it.each(Object.entries(TAKEN))("does not hide the loss of %s, whichever comes first", async (_, take) => {
    const { world, mutex, store, stop, until } = setup();
    const held = await world.until<Holding | undefined>(take(mutex, { until }));
    const { signal } = held ?? {};
    store.hang("renew");
    await world.clock.advance(26_000);
    stop.abort("the end");
    expect(signal?.reason).toMatchObject({ code: "LOCK_LOST", why: "expired" });
    expect(() => held?.assertHeld()).toThrow(expect.objectContaining({ code: "LOCK_LOST" }));
  });

  it("ends the wait, too", async () => {
    const { world, mutex, stop, until } = setup();
    const other = await world.until(world.process().mutex.locker("job").lock());
    const waiting = expect(mutex.locker("job").run(() => undefined, { until })).rejects.toBe("the end");
    await world.clock.advance(1_000);
    stop.abort("the end");
    await waiting;
    await other.release();
  });

  it("has run reject as the work does; a loss comes first", async () => {
    const { world, mutex, store, stop, until } = setup();
    const locker = mutex.locker("job");
    const work = (lock: { signal: AbortSignal }) =>
      new Promise((_, reject) => lock.signal.addEventListener("abort", () => reject(lock.signal.reason)));
    const running = expect(locker.run(work, { until })).rejects.toBe("the end");
    await world.clock.settle();
    stop.abort("the end");
    await running;
    const lost = expect(locker.run(work, { until: new AbortController().signal })).rejects.toMatchObject({
      code: "LOCK_LOST",
    });
    await world.clock.settle();
    store.hang("renew");
    await world.clock.advance(26_000);
    await lost;
  });

  it("is not told of what was released", async () => {
    const { world, mutex, stop, until } = setup();
    const early = await world.until(mutex.locker("job").lock({ until }));
    const { signal } = early;
    await early.release();
    const late = await world.until(mutex.locker("job").lock({ until }));
    await late.release();
    stop.abort("the end");
    expect([signal.aborted, late.signal.aborted]).toEqual([false, false]);
  });

  it("keeps nothing of what was released, or lost, however long its signal lives", async () => {
    const { world, mutex, store, until } = setup();
    const kept: WeakRef<object>[] = [];
    const use = async (): Promise<void> => {
      for (let n = 0; n < 20; n += 1) {
        await mutex.locker("job").run(
          (lock) => {
            kept.push(new WeakRef(lock), new WeakRef(lock.signal));
            return lock.signal.aborted;
          },
          { until },
        );
      }
      const lost = await mutex.locker("lost").lock({ until });
      kept.push(new WeakRef(lost), new WeakRef(lost.signal));
      store.hang("renew");
      await world.clock.advance(70_000);
    };
    await use();
    await collectAllGarbage();
    expect(kept.filter((ref) => ref.deref() !== undefined)).toEqual([]);
    expect(until.aborted).toBe(false);
  });

  it("is refused together with signal, and if it is no signal", async () => {
    const { mutex, until } = setup();
    const locker = mutex.locker("job");
    for (const call of [locker.lock.bind(locker), locker.tryLock.bind(locker)]) {
      await expect(call({ until, signal: until })).rejects.toThrow("signal and until exclude each other");
      await expect(call({ until: 5 as never })).rejects.toThrow("until must be an AbortSignal, not 5");
    }
  });
});

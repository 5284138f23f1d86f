import { describe, expect, it } from "vitest";
import { DeadlockError, LockLostError, NotHeldError } from "../../../src/errors.ts";
import { sleep } from "../../../src/time/clock.ts";
import { GOOD_FOR_MS, type Holdable, type HoldingSubject, KEY, Outcome, Scene, SOON_MS } from "./scene.ts";

/** What runs below a `run` knows of it. */
export function describeNested(subject: HoldingSubject): void {
  const nesting = () => {
    const scene = new Scene(subject);
    const run: NonNullable<Holdable["run"]> = (work, options) =>
      scene.here.holdable.run?.(work, options) ?? expect.fail("cannot run");
    return { scene, world: scene.world, clock: scene.clock, mutex: scene.here.mutex, run };
  };

  describe("below a run of it", () => {
    it.skipIf(subject.isShared)(
      "a wait for it rejects at once, with whatever timeout, and a try finds it held",
      async () => {
        const { scene, world, clock, run } = nesting();
        const { holdable, store } = scene.here;
        const nested = async (): Promise<void> => {
          store.forgetCalls();
          for (const options of [{}, { timeoutMs: 5_000 }]) {
            await sleep(clock, 1);
            await expect(holdable.take(options)).rejects.toThrow(DeadlockError);
            await expect(run(() => undefined, options)).rejects.toMatchObject({ code: "DEADLOCK" });
          }
          expect(store.count()).toBe(0);
          expect(await holdable.tryTake?.()).toBeUndefined();
          await expect(holdable.take({ timeoutMs: 0 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
        };
        await world.until(run(nested));
        await scene.expectNothingLeft();
      },
    );

    it("it may be taken again where the work has given it back, and by a task that goes on after the run", async () => {
      const { scene, world, clock, run } = nesting();
      const { holdable } = scene.here;
      const again = run(async (held) => {
        await held.release();
        const next = await holdable.take();
        await next.release();
      });
      await world.until(again);
      let left: Promise<unknown> = Promise.resolve();
      const leaving = run(() => {
        left = sleep(clock, SOON_MS).then(() => holdable.take());
      });
      await world.until(leaving);
      const held = await world.until(left as ReturnType<Holdable["take"]>);
      await world.until(held.release());
      await scene.expectNothingLeft();
    });

    it("it may be waited for where it was lost", async () => {
      const { scene, world, clock, run } = nesting();
      const { holdable, store } = scene.here;
      const outcome = new Outcome(
        run(async () => {
          store.hang("renew");
          await sleep(clock, GOOD_FOR_MS + 1);
          store.heal();
          const held = await holdable.take();
          await held.release();
        }),
      );
      await world.until(outcome.settled);
      expect(outcome.error).toBeInstanceOf(LockLostError);
      expect(outcome.error).toMatchObject({ why: "expired", workError: undefined });
    });

    it("a mutex that is not to know its runs lets a task wait for their end, and finds none", async () => {
      const { scene } = nesting();
      const { mutex } = scene.world.process({ asyncContext: false });
      const holdable = subject.open(mutex, KEY);
      let waiting = new Outcome<unknown>(Promise.resolve());
      const work = holdable.run?.(async () => {
        waiting = new Outcome(holdable.take());
        await sleep(scene.clock, SOON_MS);
        expect(mutex.currentLock(KEY)).toBeUndefined();
      });
      await scene.world.until(work ?? expect.fail("cannot run"));
      await scene.world.until(waiting.settled);
      expect(waiting.error).toBeUndefined();
    });

    it("its handle is found by its key, and asserted, for as long as the run goes on", async () => {
      const { scene, world, clock, mutex, run } = nesting();
      const elsewhere = scene.there.mutex;
      expect(mutex.currentLock(KEY)).toBeUndefined();
      expect(() => mutex.assertLocked(KEY)).toThrow(NotHeldError);
      let later: Promise<unknown> = Promise.resolve();
      const work = run(async (held) => {
        await sleep(clock, 10);
        const { locks } = held as { locks?: ReadonlyMap<string, unknown> };
        expect(mutex.currentLock(KEY)).toBe(locks?.get(KEY) ?? held);
        mutex.assertLocked(KEY);
        expect(mutex.currentLock("other")).toBeUndefined();
        expect(elsewhere.currentLock(KEY)).toBeUndefined();
        later = sleep(clock, SOON_MS).then(() => mutex.currentLock(KEY));
        await held.release();
        expect(() => mutex.assertLocked(KEY)).toThrow(NotHeldError);
      });
      await world.until(work);
      expect(mutex.currentLock(KEY)).toBeUndefined();
      expect(await world.until(later)).toBeUndefined();
    });

    it("a loss of it is what an assertion throws", async () => {
      const { scene, world, clock, mutex, run } = nesting();
      const work = run(async ({ signal }) => {
        scene.here.store.hang("renew");
        await sleep(clock, GOOD_FOR_MS + 1);
        expect(() => mutex.assertLocked(KEY)).toThrow(LockLostError);
        expect(signal.aborted).toBe(true);
      });
      await expect(world.until(work)).rejects.toMatchObject({ why: "expired", workError: undefined });
    });
  });
}

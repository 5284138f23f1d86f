import { describe, expect, it } from "vitest";
import { LockLostError, LockUncertainError } from "../../../src/errors.ts";
import {
  GOOD_FOR_MS,
  type HoldingSubject,
  LATENCY_MS,
  LEASE_MS,
  Outcome,
  RENEW_EVERY_MS,
  Scene,
  SOON_MS,
} from "./scene.ts";

const SLEEP_MS = 2_000;
/** The watch for sleep looks once a second; a renewal follows. */
const CERTAIN_MS = SOON_MS + 2 * LATENCY_MS;

export function describeSleep(subject: HoldingSubject): void {
  /** The machine has just woken up, and is as far between two renewals as it can be. */
  const slept = async () => {
    const scene = new Scene(subject);
    const held = await scene.take();
    await scene.clock.advance(3 * RENEW_EVERY_MS - SOON_MS);
    scene.clock.suspend(SLEEP_MS);
    return { scene, held, clock: scene.clock, store: scene.here.store, holdable: scene.here.holdable };
  };

  describe("after a short sleep of the machine, what is held", () => {
    it("is uncertain, neither held nor lost, until its renewal is answered", async () => {
      const { held, clock } = await slept();
      expect([held.isHeld, held.isUncertain, held.remainingMs]).toEqual([false, true, 0]);
      expect(() => held.assertHeld()).toThrow(LockUncertainError);
      await clock.advance(CERTAIN_MS);
      expect([held.isHeld, held.isUncertain]).toEqual([true, false]);
      held.assertHeld();
      expect(held.signal.aborted).toBe(false);
    });

    it("is lost, and uncertain no longer, at its deadline if no renewal is answered", async () => {
      const { held, clock, store } = await slept();
      store.hang("renew");
      await clock.advance(CERTAIN_MS);
      expect(held.isUncertain).toBe(true);
      await clock.advance(GOOD_FOR_MS);
      expect([held.isHeld, held.isUncertain]).toEqual([false, false]);
      expect(() => held.assertHeld()).toThrow(LockLostError);
      expect(held.signal.reason).toMatchObject({ code: "LOCK_LOST", why: "expired" });
    });

    it("is given back as at any other time, and free for others at once", async () => {
      const { scene, held } = await slept();
      await scene.world.until(held.release(), SOON_MS);
      await scene.expectFree();
    });

    if (subject.isShared) {
      it("is shared with the tasks of this process that come at that moment, while it is held", async () => {
        const { held, clock, holdable } = await slept();
        const came = [holdable.take(), holdable.take(), holdable.tryTake?.()].map(
          (taking) => new Outcome(taking ?? expect.fail("no try")),
        );
        await clock.advance(CERTAIN_MS);
        for (const { value } of came) (value ?? expect.fail("one of them is stuck")).assertHeld();
        held.assertHeld();
      });
    }

    it("goes to a task of this process that comes at that moment when it is given back", async () => {
      for (const isGivenBackAtOnce of [true, false]) {
        const { scene, held, clock, holdable } = await slept();
        const first = new Outcome(holdable.take());
        const second = new Outcome(holdable.take());
        if (isGivenBackAtOnce) await scene.world.until(held.release(), SOON_MS);
        await clock.advance(CERTAIN_MS);
        if (!isGivenBackAtOnce) await scene.world.until(held.release(), SOON_MS);
        await clock.advance(SOON_MS);
        first.value?.assertHeld();
        await scene.world.until(first.value?.release() ?? expect.fail("the first of them is stuck"), SOON_MS);
        await clock.advance(SOON_MS);
        second.value?.assertHeld();
        await scene.world.until(second.value?.release() ?? expect.fail("the second of them is stuck"), SOON_MS);
        await scene.expectFree();
      }
    });

    if (new Scene(subject).here.holdable.tryTake) {
      it("leaves a try that comes at that moment with an answer", async () => {
        const { scene, clock, holdable } = await slept();
        const tried = new Outcome(holdable.tryTake?.() ?? expect.fail("there is no such way"));
        await clock.advance(CERTAIN_MS);
        expect(tried.isOpen).toBe(false);
        expect(tried.error).toBeUndefined();
        tried.value?.assertHeld();
        await scene.clock.advance(LEASE_MS);
        tried.value?.assertHeld();
      });
    }

    if (new Scene(subject).here.holdable.run) {
      it("ends the work under it as at any other time", async () => {
        const scene = new Scene(subject);
        const { clock } = scene;
        const work = async (): Promise<string> => {
          await new Promise<void>((resolve) => clock.setTimer(2 * RENEW_EVERY_MS, resolve));
          clock.suspend(SLEEP_MS);
          return "done";
        };
        expect(await scene.world.until(scene.here.holdable.run?.(work) ?? expect.fail("there is no such way"))).toBe(
          "done",
        );
        await scene.expectFree();
      });
    }
  });
}

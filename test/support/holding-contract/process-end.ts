import { describe, expect, it } from "vitest";
import type { Holding } from "../../../src/locks/holding.ts";
import { spaceOf } from "../../../src/locks/mutex.ts";
import { forEachRequest, HISTORIES, type HoldingSubject, Outcome, Scene, SOON_MS } from "./scene.ts";

export function describeProcessEnd(subject: HoldingSubject): void {
  /** It has been taken for good, or the call says that it was released. It was never lost. */
  const expectAnEnd = async (scene: Scene, outcome: Outcome<Holding>): Promise<void> => {
    if (outcome.value) {
      outcome.value.assertHeld();
      await scene.world.until(outcome.value.release());
    } else expect(outcome.error).toMatchObject({ code: "NOT_HELD" });
    await scene.expectFree();
  };

  describe("when all that the process holds is released at its end,", () => {
    for (const [history, begin] of HISTORIES) {
      it(`a call comes to an end that has taken a part of it, ${history}, whichever request is under way`, async () => {
        await forEachRequest(subject, async (scene, { after }) => {
          await begin(scene);
          const { store, holdable, mutex } = scene.here;
          store.forgetCalls();
          const outcome = new Outcome(holdable.take());
          while (store.count() <= after && outcome.isOpen) await scene.clock.advance(1);
          if (!outcome.isOpen) return "spared";
          await scene.world.until(spaceOf(mutex).releaseHolds(), SOON_MS);
          await scene.clock.advance(2 * SOON_MS);
          await expectAnEnd(scene, outcome);
          return "struck";
        });
      });
    }

    it.each(["taken", "released"])(
      "every lease is known while it is being %s, whichever request is under way",
      async (what) => {
        await forEachRequest(subject, async (scene, { after }) => {
          await scene.heldBefore();
          const { store, holdable, mutex } = scene.here;
          const held = what === "released" ? await scene.take() : undefined;
          store.forgetCalls();
          const outcome = new Outcome<unknown>(held ? held.release() : holdable.take());
          while (store.count() <= after && outcome.isOpen) await scene.clock.advance(1);
          const isOver = !outcome.isOpen;
          // By the names and ids alone, as another process does it.
          for (const { name, leaseId } of spaceOf(mutex).standing) await scene.world.memory.release(name, leaseId);
          expect(await scene.leased()).toEqual([]);
          return isOver ? "spared" : "struck";
        });
      },
    );

    it("a call comes to an end that waits for the rest, however long it has waited", async () => {
      for (const waitedMs of [10, 333, 2_000, 10_000]) {
        const scene = new Scene(subject);
        const blocking = await scene.block();
        const outcome = new Outcome(scene.here.holdable.take());
        await scene.clock.advance(waitedMs);
        await scene.world.until(spaceOf(scene.here.mutex).releaseHolds(), SOON_MS);
        await scene.clock.advance(SOON_MS);
        await scene.world.until(blocking.release(), SOON_MS);
        await scene.clock.advance(2 * SOON_MS);
        await expectAnEnd(scene, outcome);
      }
    });

    it("a call that waits is told so at once by the mutex, and keeps nothing of what it has taken", async () => {
      for (const waitedMs of [10, 2_000]) {
        const scene = new Scene(subject);
        const blocking = await scene.block();
        const outcome = new Outcome(scene.here.holdable.take());
        await scene.clock.advance(waitedMs);
        await scene.world.until(scene.here.mutex.releaseAll(), 2 * SOON_MS);
        expect(outcome.error).toMatchObject({ code: "MUTEX_CLOSED" });
        await scene.world.until(blocking.release(), SOON_MS);
        await scene.expectFree();
      }
    });

    it("what was held is not held any more, and says so", async () => {
      const scene = new Scene(subject);
      const held = await scene.take();
      await scene.world.until(spaceOf(scene.here.mutex).releaseHolds(), SOON_MS);
      expect([held.isHeld, held.isUncertain, held.remainingMs]).toEqual([false, false, 0]);
      expect(() => held.assertHeld()).toThrow(expect.objectContaining({ code: "NOT_HELD" }));
      await scene.world.until(held.release(), SOON_MS);
      await scene.expectFree();
    });
  });
}

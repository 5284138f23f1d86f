import { describe, expect, it } from "vitest";
import {
  AFTER_A_TRY_MS,
  forEachRequest,
  HISTORIES,
  type HoldingSubject,
  LOST_ANSWERS,
  MANY,
  Scene,
  SOON_MS,
} from "./scene.ts";

export function describeLostAnswers(subject: HoldingSubject): void {
  describe("an answer", () => {
    for (const [history, begin] of HISTORIES) {
      it.each(LOST_ANSWERS)(`that %s, whichever, neither loses nor blocks ${history}`, async (_how, lose) => {
        await forEachRequest(subject, async (scene, { after }) => {
          await begin(scene);
          const { store, holdable } = scene.here;
          const lost = lose(store, { after, times: 1 });
          const held = await scene.world.until(holdable.take(), AFTER_A_TRY_MS);
          held.assertHeld();
          const next = scene.there.holdable.take();
          await scene.clock.advance(1_000);
          held.assertHeld();
          const asked = store.count();
          const released = held.release();
          const theirs = await scene.world.until(next, AFTER_A_TRY_MS + SOON_MS);
          await scene.world.until(released, AFTER_A_TRY_MS);
          expect(store.count() - asked).toBeLessThan(MANY);
          await scene.clock.advance(1_000);
          theirs.assertHeld();
          await scene.world.until(theirs.release());
          await scene.expectNothingLeft();
          return lost.hits > 0 ? "struck" : "spared";
        });
      });
    }

    it.each(LOST_ANSWERS)(
      "to a release that %s keeps a task of the same process waiting no longer, and costs a few requests at most",
      async (_how, lose) => {
        const scene = new Scene(subject);
        const { store, holdable } = scene.here;
        const held = await scene.take();
        await scene.clock.advance(SOON_MS);
        const lost = lose(store, { times: 1 });
        store.forgetCalls();
        const released = held.release();
        const again = await scene.world.until(holdable.take(), AFTER_A_TRY_MS);
        again.assertHeld();
        await scene.world.until(released, AFTER_A_TRY_MS);
        expect(lost.hits).toBe(1);
        expect(store.count()).toBeLessThan(MANY);
      },
    );

    it("to a renewal does not matter", async () => {
      const scene = new Scene(subject);
      const held = await scene.take();
      scene.here.store.failAfter("renew", { times: 2 });
      await scene.clock.advance(60_000);
      held.assertHeld();
    });
  });
}

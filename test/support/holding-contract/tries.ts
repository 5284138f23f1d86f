import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/errors.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import {
  forEachRequest,
  HISTORIES,
  type HoldingSubject,
  LEASE_MS,
  LONGEST_RETRY_DELAY_MS,
  Outcome,
  Scene,
  SOON_MS,
  TRY_TIMEOUT_MS,
  UNREACHABLE_AFTER_MS,
} from "./scene.ts";

export function describeTries(subject: HoldingSubject): void {
  describe("a try", () => {
    it("gives what is free, undefined if another is in the way, and neither waits nor leaves any", async () => {
      const scene = new Scene(subject);
      const tryTake = () => scene.world.until(scene.here.holdable.tryTake?.() ?? expect.fail("cannot try"), SOON_MS);
      const held = await tryTake();
      held?.assertHeld();
      expect(held).toBeDefined();
      await scene.world.until((held as Holding).release());
      await scene.clock.advance(SOON_MS);

      const blocking = await scene.block();
      const began = scene.clock.now();
      expect(await tryTake()).toBeUndefined();
      expect(scene.clock.now() - began).toBeLessThan(100);
      await scene.clock.advance(SOON_MS);
      await scene.world.until(blocking.release());
      await scene.expectNothingLeft();
    });

    for (const [history, begin] of HISTORIES) {
      it(`rejects with StoreUnavailableError when the service is silent at a request of ${history}`, async () => {
        await forEachRequest(subject, async (scene, scope) => {
          await begin(scene);
          const { store, holdable } = scene.here;
          const silence = store.hang("all", scope);
          const outcome = new Outcome(holdable.tryTake?.() ?? expect.fail("cannot try"));
          await scene.clock.advance(SOON_MS);
          if (outcome.value) return "spared";
          await scene.world.until(outcome.settled, UNREACHABLE_AFTER_MS + TRY_TIMEOUT_MS + LONGEST_RETRY_DELAY_MS);
          expect(outcome.error).toBeInstanceOf(StoreUnavailableError);
          silence.heal();
          await scene.expectFree(LEASE_MS);
          return "struck";
        });
      });
    }

    it("gives what this process gave back a moment ago", async () => {
      const scene = new Scene(subject);
      for (let round = 0; round < 3; round += 1) {
        const held = await scene.world.until(scene.here.holdable.tryTake?.() ?? expect.fail("cannot try"), SOON_MS);
        expect(held, `round ${round}`).toBeDefined();
        await scene.world.until((held as Holding).release());
      }
    });
  });
}

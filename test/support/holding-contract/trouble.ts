import { describe, expect, it } from "vitest";
import { AccessDeniedError, StoreUnavailableError } from "../../../src/errors.ts";
import {
  forEachRequest,
  HISTORIES,
  type HoldingSubject,
  KEY,
  LEASE_MS,
  LONGEST_RETRY_DELAY_MS,
  Outcome,
  Scene,
  SOON_MS,
  TRY_TIMEOUT_MS,
  UNREACHABLE_AFTER_MS,
} from "./scene.ts";

export function describeTrouble(subject: HoldingSubject): void {
  describe("a service in trouble", () => {
    for (const [history, begin] of HISTORIES) {
      it(`that falls silent is given up after 20 s, at whichever request of taking ${history}`, async () => {
        await forEachRequest(subject, async (scene, scope) => {
          await begin(scene);
          const { store, holdable } = scene.here;
          const silence = store.hang("all", scope);
          const began = scene.clock.now();
          const outcome = new Outcome(holdable.take());
          await scene.clock.advance(SOON_MS);
          if (outcome.value) return "spared";
          await scene.world.until(outcome.settled, 5 * UNREACHABLE_AFTER_MS);
          expect(outcome.error).toBeInstanceOf(StoreUnavailableError);
          expect(outcome.error).toMatchObject({ answered: false, key: expect.stringContaining(KEY) });
          expect(scene.clock.now() - began).toBeGreaterThanOrEqual(UNREACHABLE_AFTER_MS);
          expect(scene.clock.now() - began).toBeLessThanOrEqual(
            SOON_MS + UNREACHABLE_AFTER_MS + TRY_TIMEOUT_MS + LONGEST_RETRY_DELAY_MS,
          );
          silence.heal();
          await scene.expectFree(LEASE_MS);
          return "struck";
        });
      });

      it(`that refuses the credentials is not asked again, at whichever request of taking ${history}`, async () => {
        await forEachRequest(subject, async (scene, scope) => {
          await begin(scene);
          const { store, holdable } = scene.here;
          const refusal = new AccessDeniedError("403", KEY);
          const refusing = store.failBefore("all", { ...scope, times: 1, error: refusal });
          const outcome = new Outcome(holdable.take());
          await scene.clock.advance(200);
          if (outcome.value) return "spared";
          expect(refusing.hits).toBe(1);
          expect(outcome.error).toBe(refusal);
          await scene.expectFree();
          return "struck";
        });
      });

      it(`is waited out, whichever request of taking ${history} it answers with 503 for a minute`, async () => {
        await forEachRequest(subject, async (scene, scope) => {
          await begin(scene);
          const { store, holdable } = scene.here;
          const trouble = store.failBefore("all", { ...scope, answered: true });
          const outcome = new Outcome(holdable.take());
          await scene.clock.advance(60_000);
          expect(outcome.error).toBeUndefined();
          if (!outcome.isOpen) return "spared";
          expect(trouble.hits).toBeGreaterThan(0);
          trouble.heal();
          await scene.world.until(outcome.settled, LEASE_MS + SOON_MS);
          expect(outcome.error).toBeUndefined();
          outcome.value?.assertHeld();
          return "struck";
        });
      });
    }

    it("that falls silent during a wait is given up 20 s after its last answer", async () => {
      const scene = new Scene(subject);
      await scene.block();
      const outcome = new Outcome(scene.here.holdable.take());
      await scene.clock.advance(60_000);
      expect(outcome.isOpen).toBe(true);
      scene.here.store.hang("all");
      const began = scene.clock.now();
      await scene.world.until(outcome.settled, 5 * UNREACHABLE_AFTER_MS);
      expect(outcome.error).toBeInstanceOf(StoreUnavailableError);
      expect(scene.clock.now() - began).toBeGreaterThan(UNREACHABLE_AFTER_MS - 1_000);
      expect(scene.clock.now() - began).toBeLessThanOrEqual(
        UNREACHABLE_AFTER_MS + TRY_TIMEOUT_MS + LONGEST_RETRY_DELAY_MS,
      );
    });

    it("is left alone for as long as it asks", async () => {
      const scene = new Scene(subject);
      const { store, holdable } = scene.here;
      store.failBefore("all", { answered: true, retryAfterMs: 7_000, times: 1 });
      const waiting = holdable.take();
      await scene.clock.advance(6_999);
      expect(store.count()).toBe(1);
      (await scene.world.until(waiting)).assertHeld();
    });

    it("that takes seconds for each answer gives nothing that is about to run out", async () => {
      for (const [, begin] of HISTORIES) {
        const scene = new Scene(subject);
        await begin(scene);
        scene.here.store.delayAnswer("all", TRY_TIMEOUT_MS - 100);
        const held = await scene.world.until(scene.here.holdable.take());
        expect(held.remainingMs).toBeGreaterThanOrEqual(LEASE_MS / 3);
        await scene.clock.advance(60_000);
        held.assertHeld();
      }
    });
  });
}

import { describe, expect, it } from "vitest";
import { LockTimeoutError } from "../../../src/errors.ts";
import { AFTER_A_TRY_MS, forEachRequest, type HoldingSubject, KEY, Outcome, Scene, SOON_MS } from "./scene.ts";

export function describeTimeouts(subject: HoldingSubject): void {
  const blocked = subject.blocked?.(KEY) ?? KEY;

  describe("a wait with a time-out", () => {
    it.each([100, 5_000, 40_000])(
      "of %i ms ends then, names key and time, and leaves nothing held or queued",
      async (timeoutMs) => {
        const scene = new Scene(subject);
        const blocking = await scene.block();
        const began = scene.clock.now();
        const outcome = new Outcome(scene.here.holdable.take({ timeoutMs }));
        await scene.clock.advance(timeoutMs - 1);
        expect(outcome.isOpen).toBe(true);
        await scene.clock.advance(1);
        expect(outcome.error).toBeInstanceOf(LockTimeoutError);
        expect(outcome.error).toMatchObject({
          key: blocked,
          message: `lock on "${blocked}" was not free within ${timeoutMs} ms`,
        });
        const last = scene.here.store.calls.filter(({ at }) => at < began + timeoutMs).at(-1);
        expect(began + timeoutMs - (last?.at ?? 0), "a last look is taken just before").toBeLessThanOrEqual(50);
        await scene.clock.advance(SOON_MS);
        await scene.world.until(blocking.release());
        await scene.expectNothingLeft(AFTER_A_TRY_MS);
        await scene.expectFree();
      },
    );

    it.each([0, 5, 20, 50])(
      "gets what becomes free just before its end, where a request takes %i ms",
      async (latencyMs) => {
        const scene = new Scene(subject);
        const blocking = await scene.block();
        scene.here.latency.heal();
        scene.here.store.delay("all", latencyMs);
        const waiting = scene.here.holdable.take({ timeoutMs: 10_000 });
        // Time for as many requests as any taking needs.
        await scene.clock.advance(9_950 - 6 * latencyMs);
        blocking.release().catch(() => undefined);
        const held = await scene.world.until(waiting, 60 + 6 * latencyMs);
        await scene.clock.advance(60_000);
        held.assertHeld();
      },
    );

    it("ends in time in a silence of the service, whichever request that begins with", async () => {
      await forEachRequest(subject, async (scene, scope) => {
        const { store, holdable } = scene.here;
        const silence = store.hang("all", scope);
        const outcome = new Outcome(holdable.take({ timeoutMs: 2_000 }));
        await scene.clock.advance(2_000);
        if (outcome.value) return "spared";
        expect(outcome.error).toBeInstanceOf(LockTimeoutError);
        silence.heal();
        await scene.expectFree(AFTER_A_TRY_MS);
        return "struck";
      });
    });

    it("of 0 asks once, takes what is free and does not wait", async () => {
      const scene = new Scene(subject);
      const held = await scene.world.until(scene.here.holdable.take({ timeoutMs: 0 }));
      held.assertHeld();
      await scene.world.until(held.release());
      await scene.clock.advance(SOON_MS);

      const blocking = await scene.block();
      const began = scene.clock.now();
      const outcome = new Outcome(scene.here.holdable.take({ timeoutMs: 0 }));
      await scene.world.until(outcome.settled);
      expect(outcome.error).toMatchObject({ code: "LOCK_TIMEOUT", key: blocked });
      expect((outcome.error as Error).message).toContain("within 0 ms");
      expect(scene.clock.now() - began).toBeLessThan(100);
      await scene.clock.advance(SOON_MS);
      await scene.world.until(blocking.release());
      await scene.expectNothingLeft();
    });

    it("has no hand in what is held afterwards", async () => {
      const scene = new Scene(subject);
      const held = await scene.world.until(scene.here.holdable.take({ timeoutMs: 5_000 }));
      await scene.clock.advance(60_000);
      held.assertHeld();
      await scene.world.until(held.release());
      await scene.expectNothingLeft();
    });
  });
}

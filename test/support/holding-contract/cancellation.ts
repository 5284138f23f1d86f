import { describe, expect, it } from "vitest";
import type { Holding } from "../../../src/locks/holding.ts";
import {
  AFTER_A_TRY_MS,
  forEachRequest,
  HISTORIES,
  type HoldingSubject,
  Outcome,
  Scene,
  SOON_MS,
  waysToAsk,
} from "./scene.ts";

export function describeCancellation(subject: HoldingSubject): void {
  const reason = new Error("the deploy was called off");
  const asks = waysToAsk(subject);
  /** Once the work has run, it is the giving back that a request is for, and no signal ends that. */
  const waits = asks.filter(([name]) => name !== "running");

  describe("a wait with a signal", () => {
    it("sends nothing if it was aborted before", async () => {
      const { here } = new Scene(subject);
      const signal = AbortSignal.abort(reason);
      for (const [, ask] of asks) {
        await expect(ask(here.holdable, { signal })).rejects.toBe(reason);
        await expect(ask(here.holdable, { signal, timeoutMs: 0 })).rejects.toBe(reason);
      }
      expect(here.store.count()).toBe(0);
    });

    for (const [history, begin] of HISTORIES) {
      it.each(waits)(
        `ends at once, %s ${history}, whichever request the service is silent from`,
        async (_name, ask) => {
          await forEachRequest(subject, async (scene, scope) => {
            await begin(scene);
            const { store, holdable } = scene.here;
            const stop = new AbortController();
            const silence = store.hang("all", scope);
            const outcome = new Outcome(ask(holdable, { signal: stop.signal }));
            await scene.clock.advance(SOON_MS);
            if (!outcome.isOpen) {
              silence.heal();
              stop.abort(reason);
              await scene.clock.advance(SOON_MS);
              const held = outcome.value as Holding;
              held.assertHeld();
              expect(held.signal.aborted).toBe(false);
              await scene.world.until(held.release());
              await scene.expectNothingLeft();
              return "spared";
            }
            stop.abort(reason);
            await scene.clock.settle();
            expect(outcome.error, "what came of it at once").toBe(reason);
            silence.heal();
            await scene.expectFree(AFTER_A_TRY_MS);
            return "struck";
          });
        },
      );

      it.each(waits)(
        `ends at once, %s ${history}, whichever request was done and not answered, and gives back what that brought`,
        async (_name, ask) => {
          await forEachRequest(subject, async (scene, scope) => {
            await begin(scene);
            const { store, holdable } = scene.here;
            const stop = new AbortController();
            const unanswered = store.hangAfter("all", { ...scope, times: 1 });
            const outcome = new Outcome(ask(holdable, { signal: stop.signal }));
            await scene.clock.advance(SOON_MS);
            if (!outcome.isOpen) return "spared";
            expect(unanswered.hits).toBe(1);
            stop.abort(reason);
            await scene.clock.settle();
            expect(outcome.error, "what came of it at once").toBe(reason);
            await scene.expectFree(AFTER_A_TRY_MS);
            return "struck";
          });
        },
      );
    }

    it("ends at once in the middle of a pause, however long it waited, and leaves nothing held or queued", async () => {
      for (const waitedMs of [10, 333, 2_000, 10_000, 45_000]) {
        const scene = new Scene(subject);
        const blocking = await scene.block();
        const stop = new AbortController();
        const outcome = new Outcome(scene.here.holdable.take({ signal: stop.signal }));
        await scene.clock.advance(waitedMs);
        stop.abort(reason);
        await scene.clock.settle();
        expect(outcome.error, `after ${waitedMs} ms`).toBe(reason);
        await scene.clock.advance(SOON_MS);
        await scene.world.until(blocking.release());
        await scene.expectNothingLeft(AFTER_A_TRY_MS);
        await scene.expectFree();
      }
    });

    it("ends at once in the middle of a wait in which the service went silent", async () => {
      const scene = new Scene(subject);
      const blocking = await scene.block();
      const stop = new AbortController();
      const outcome = new Outcome(scene.here.holdable.take({ signal: stop.signal }));
      await scene.clock.advance(5_000);
      const silence = scene.here.store.hang("all");
      await scene.clock.advance(2_000);
      stop.abort(reason);
      await scene.clock.settle();
      expect(outcome.error).toBe(reason);
      silence.heal();
      await scene.world.until(blocking.release());
      await scene.expectFree(AFTER_A_TRY_MS);
    });

    it("ends at once behind another task of the same process, and the rest move up", async () => {
      const scene = new Scene(subject);
      const blocking = await scene.block();
      const stop = new AbortController();
      const first = scene.here.holdable.take();
      const second = new Outcome(scene.here.holdable.take({ signal: stop.signal }));
      const third = scene.here.holdable.take();
      await scene.clock.advance(3_000);
      stop.abort(reason);
      await scene.clock.settle();
      expect(second.error).toBe(reason);
      blocking.release().catch(() => undefined);
      await scene.world.until((await scene.world.until(first, SOON_MS)).release());
      await scene.world.until((await scene.world.until(third, SOON_MS)).release());
      await scene.expectNothingLeft();
    });

    it("is not ended by an abort when it has what it waited for", async () => {
      const scene = new Scene(subject);
      const stop = new AbortController();
      const held = await scene.world.until(scene.here.holdable.take({ signal: stop.signal }));
      stop.abort(reason);
      await scene.clock.advance(60_000);
      held.assertHeld();
      expect(held.signal.aborted).toBe(false);
      await scene.world.until(held.release());
      await scene.expectNothingLeft();
    });
  });
}

import { describe, expect, it } from "vitest";
import { LockLostError } from "../../../src/errors.ts";
import { sleep } from "../../../src/time/clock.ts";
import { GOOD_FOR_MS, type Holdable, type HoldingSubject, LEASE_MS, Outcome, Scene, SOON_MS } from "./scene.ts";

export function describeRuns(subject: HoldingSubject): void {
  const running = (): Scene & { readonly run: NonNullable<Holdable["run"]> } => {
    const scene = new Scene(subject);
    const run: NonNullable<Holdable["run"]> = (work, options) =>
      scene.here.holdable.run?.(work, options) ?? expect.fail("cannot run");
    return Object.assign(scene, { run });
  };

  describe("work under it", () => {
    it("gives its result, and what it held is given back", async () => {
      const scene = running();
      expect(await scene.world.until(scene.run((held) => held.isHeld))).toBe(true);
      await scene.expectNothingLeft();
    });

    it("gives its own error, also if what it held could not be given back", async () => {
      for (const fails of [false, true]) {
        const scene = running();
        const work = scene.run(() => {
          if (fails) scene.here.store.failBefore("all");
          throw new Error("the work's own");
        });
        await expect(scene.world.until(work)).rejects.toThrow("the work's own");
        await scene.expectNothingLeft(fails ? LEASE_MS : SOON_MS);
      }
    });

    it("keeps its result if only the giving back fails, and the log says so", async () => {
      const scene = running();
      const work = scene.run(() => {
        scene.here.store.failBefore("all");
        return 42;
      });
      expect(await scene.world.until(work)).toBe(42);
      expect(scene.world.log.join("\n")).toContain("could not be released");
    });

    it("rejects with LockLostError if it was lost meanwhile, and keeps what else the work threw", async () => {
      for (const thrown of [undefined, new Error("half done")]) {
        const scene = running();
        const { clock } = scene;
        const work = scene.run(async (held) => {
          scene.here.store.hang("renew");
          await sleep(clock, GOOD_FOR_MS + 1);
          if (thrown) throw thrown;
          return held.isHeld;
        });
        const outcome = new Outcome(work);
        await scene.clock.advance(GOOD_FOR_MS + SOON_MS);
        expect(outcome.error).toBeInstanceOf(LockLostError);
        expect(outcome.error).toMatchObject({ why: "expired", workError: thrown });
      }
    });

    it("rejects with the very error of the signal if that is what the work threw", async () => {
      const scene = running();
      let reason: unknown;
      const work = scene.run(async (held) => {
        scene.here.store.hang("renew");
        await sleep(scene.clock, GOOD_FOR_MS + 1);
        reason = held.signal.reason;
        held.assertHeld();
      });
      const outcome = new Outcome(work);
      await scene.clock.advance(GOOD_FOR_MS + SOON_MS);
      expect(outcome.error).toBe(reason);
      expect((outcome.error as LockLostError).workError).toBeUndefined();
    });

    it("may give it back itself, and goes on when the caller's signal aborts", async () => {
      const scene = running();
      const stop = new AbortController();
      const work = scene.run(
        async (held) => {
          stop.abort("too late");
          held.assertHeld();
          await held.release();
          return "done";
        },
        { signal: stop.signal },
      );
      expect(await scene.world.until(work)).toBe("done");
      await scene.expectNothingLeft();
    });
  });
}

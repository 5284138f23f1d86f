import { describe, expect, it } from "vitest";
import { InvalidKeyError } from "../../../src/errors.ts";
import type { LockerOptions } from "../../../src/waiting/locker-options.ts";
import { type HoldingSubject, KEY, Scene, SOON_MS, waysToAsk } from "./scene.ts";

export function describeBadInput(subject: HoldingSubject): void {
  const refused = async (use: (scene: Scene) => unknown): Promise<unknown> => {
    const scene = new Scene(subject);
    const came = await (async () => use(scene))().then(
      () => "nothing was refused",
      (error: unknown) => error,
    );
    await scene.clock.advance(SOON_MS);
    expect(scene.here.store.count()).toBe(0);
    return came;
  };

  describe("bad input is refused, and nothing is sent:", () => {
    it.each(["", "a/../b", "a\\b", "a/", "a\u0000b", "x".repeat(1_025), ".azmutex/queue", 7, null, undefined])(
      "the key %j",
      async (key) => {
        const error = await refused(({ here }) => subject.open(here.mutex, key as string).take());
        expect(error).toBeInstanceOf(InvalidKeyError);
      },
    );

    it.each([
      [{ leaseSeconds: 14 }, RangeError],
      [{ leaseSeconds: "30" }, RangeError],
      [{ marginMs: 99 }, RangeError],
      [{ marginMs: 30_000 }, RangeError],
      [{ renewEveryMs: 0 }, RangeError],
      [{ tryTimeoutMs: 20_000 }, RangeError],
      [{ unreachableAfterMs: -1 }, RangeError],
      [{ poll: { quickMs: [0, 5] } }, RangeError],
      [{ fair: "yes" }, TypeError],
    ])("the options %j", async (options, kind) => {
      const error = await refused(({ here }) => subject.open(here.mutex, KEY, options as LockerOptions).take());
      expect(error).toBeInstanceOf(kind);
      expect((error as Error).message).toContain(Object.keys(options)[0] as string);
    });

    it.each([Number.NaN, -1, "5s", null])("a time-out of %j", async (timeoutMs) => {
      for (const [name, ask] of waysToAsk(subject)) {
        if (name === "trying") continue;
        const error = await refused(({ here }) => ask(here.holdable, { timeoutMs: timeoutMs as number }));
        expect(error).toBeInstanceOf(RangeError);
        expect((error as Error).message).toMatch(/^timeoutMs must be a number of milliseconds of at least 0, not /);
      }
    });

    it.each(["stop", {}, null, 0])("the signal %j", async (signal) => {
      for (const [, ask] of waysToAsk(subject)) {
        const error = await refused(({ here }) => ask(here.holdable, { signal: signal as unknown as AbortSignal }));
        expect(error).toBeInstanceOf(TypeError);
        expect((error as Error).message).toMatch(/^signal must be an AbortSignal, not /);
      }
    });

    if (new Scene(subject).here.holdable.run) {
      it.each(["work", undefined, {}])("%j for work", async (work) => {
        const error = await refused(({ here }) => here.holdable.run?.(work as unknown as () => void));
        expect(error).toBeInstanceOf(TypeError);
        expect((error as Error).message).toMatch(/^work must be a function, not /);
      });
    }
  });
}

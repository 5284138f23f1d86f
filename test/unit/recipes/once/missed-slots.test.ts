import { describe, expect, it } from "vitest";
import type { Slot } from "../../../../src/blobs/once-slot.ts";
import type { OnceOptions } from "../../../../src/recipes/once/once-options.ts";
import { BEGINNING, outcomeOf, setup } from "./setup.ts";

describe("missed slots", () => {
  const slotsBetween = (last: Slot, now: Date): number[] => {
    const until = Math.floor((now.getTime() - BEGINNING) / 10_000);
    const from = (last as number) + 1;
    return Array.from({ length: Math.max(0, until - from + 1) }, (_, index) => from + index);
  };

  async function slept(options: OnceOptions = {}) {
    const { world, here, there, clock } = setup(options);
    await here.done(0);
    await clock.advance(35_000);
    const catchUp = (missed?: "skip" | "once" | "all") =>
      world.until(there.once.catchUp((_, { slot }) => slot, { slotsBetween, missed }));
    return { world, here, there, clock, catchUp };
  }

  it.each([
    [undefined, [3]],
    ["once", [3]],
    ["all", [1, 2, 3]],
    ["skip", []],
  ] as const)("are run as wanted: %s", async (missed, ran) => {
    const { catchUp } = await slept();
    expect(await catchUp(missed)).toMatchObject(ran.map((value) => ({ outcome: "ran", value })));
    expect(await catchUp("all")).toEqual(missed === "skip" ? expect.any(Array) : []);
  });

  it("begin with the last one, if it is not done", async () => {
    const { world, here, there, clock } = await slept();
    await expect(
      world.until(
        here.once.run(1, () => {
          throw new Error("disk full");
        }),
      ),
    ).rejects.toThrow();
    const results = await world.until(there.once.catchUp(() => 0, { slotsBetween, missed: "all" }));
    expect(results.map(({ record }) => [record?.slot, record?.attempt])).toEqual([
      [1, 2],
      [2, 1],
      [3, 1],
    ]);
    expect(clock.now()).toBeGreaterThan(0);
  });

  it("are left to another process that is at it", async () => {
    const { world, here, there, clock } = await slept();
    const running = here.run(1, 5_000);
    await clock.advance(1_000);
    const results = await world.until(there.once.catchUp(() => 0, { slotsBetween, missed: "all" }));
    expect(results.map(outcomeOf)).toEqual(["running"]);
    await world.until(running);
  });

  it("are none where no slot was ever begun", async () => {
    const { world, here } = setup();
    expect(await world.until(here.once.catchUp(() => 0, { slotsBetween, missed: "all" }))).toEqual([]);
  });

  it("come in order, or are refused", async () => {
    const { world, there } = await slept();
    const backwards = there.once.catchUp(() => 0, { slotsBetween: () => [3, 2], missed: "all" });
    await expect(world.until(backwards)).rejects.toMatchObject({ code: "ONCE_SLOT" });
    await expect(there.once.catchUp(() => 0, {} as never)).rejects.toThrow("slotsBetween must be a function");
    const wrong = { slotsBetween, missed: "some" } as never;
    await expect(there.once.catchUp(() => 0, wrong)).rejects.toThrow('missed must be "skip" or "once" or "all"');
  });
});

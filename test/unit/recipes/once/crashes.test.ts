import { describe, expect, it } from "vitest";
import { Once } from "../../../../src/recipes/once/once.ts";
import type { OnceOptions } from "../../../../src/recipes/once/once-options.ts";
import type { FaultScope, FaultyLeaseStore } from "../../../../src/testing/index.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { World } from "../../../support/world.ts";

const KEY = "nightly";
const WORK_MS = 1_000;
/** More than a slot takes: with the fault at the last of them it is as if there were none. */
const STEPS = 10;

function setup(options: OnceOptions) {
  const world = new World();
  const begun: number[] = [];
  const ended: number[] = [];
  const process = () => {
    const { store, mutex } = world.process();
    const once = new Once(mutex, KEY, { ...options, maxAttempts: Number.POSITIVE_INFINITY });
    const run = (slot: number) =>
      once.run(slot, async ({ signal }) => {
        begun.push(slot);
        await sleep(world.clock, WORK_MS, { signal });
        ended.push(slot);
      });
    return { store, once, run };
  };
  const [dies, lives] = [process(), process()];
  /** Asks again and again, as a schedule of many replicas does, until the slot is over. */
  const untilOver = async (slot: number): Promise<string> => {
    for (let asked = 0; asked < 100; asked += 1) {
      const { outcome } = await world.until(lives.run(slot));
      if (outcome !== "running") return outcome;
      await world.clock.advance(1_000);
    }
    throw new Error(`slot ${slot} is never over`);
  };
  return { world, clock: world.clock, begun, ended, dies, lives, untilOver };
}

type Fault = (store: FaultyLeaseStore, scope: FaultScope) => unknown;

const DEATHS: Readonly<Record<string, Fault>> = {
  "before a request arrives": (store, scope) => store.hang("all", scope),
  "before its answer comes": (store, scope) => store.hangAfter("all", scope),
};
const MISHAPS: Readonly<Record<string, Fault>> = {
  "an answer is lost": (store, scope) => store.failAfter("all", { ...scope, times: 1 }),
  "a request is lost": (store, scope) => store.failBefore("all", { ...scope, times: 1 }),
  "a request arrives 4 s late, after it was sent again": (store, scope) =>
    store.applyLate("all", 4_000, { ...scope, times: 1 }),
  "a request arrives 40 s late, when the lease is another's": (store, scope) =>
    store.applyLate("all", 40_000, { ...scope, times: 1 }),
  "three answers are lost": (store, scope) => store.failAfter("all", { ...scope, times: 3 }),
};
const steps = Array.from({ length: STEPS }, (_, after) => after);

describe.each(Object.entries(DEATHS))("a process that dies %s", (_, die) => {
  it.each(steps)("after %i requests leaves a slot that is run until it is done", async (after) => {
    const { clock, begun, ended, dies, lives, untilOver, world } = setup({ afterCrash: "rerun" });
    die(dies.store, { after });
    dies.run(1).catch(() => undefined);
    await clock.advance(WORK_MS / 2);
    expect(["ran", "alreadyDone"]).toContain(await untilOver(1));
    expect(await world.until(lives.once.last())).toMatchObject({ slot: 1, state: "done", lastDone: 1 });
    const soFar = begun.length;
    expect(await untilOver(1)).toBe("alreadyDone");
    expect(begun).toHaveLength(soFar);
    expect(ended.length).toBeGreaterThanOrEqual(1);
    expect(begun.length).toBeLessThanOrEqual(2);
  });

  it.each(steps)("after %i requests never has a slot begun twice, if it is left", async (after) => {
    const { clock, begun, dies, untilOver } = setup({ afterCrash: "leave" });
    die(dies.store, { after });
    dies.run(1).catch(() => undefined);
    await clock.advance(WORK_MS / 2);
    const first = await untilOver(1);
    expect(["ran", "alreadyDone", "gaveUp"]).toContain(first);
    expect(begun.length).toBeLessThanOrEqual(1);
    expect(await untilOver(1)).toBe(first === "ran" ? "alreadyDone" : first);
    expect(await untilOver(2)).toBe("ran");
    expect(begun.filter((slot) => slot === 1).length).toBeLessThanOrEqual(1);
  });
});

describe.each(Object.entries(MISHAPS))("where %s", (_, happen) => {
  it.each(steps)("after %i requests a slot is run once, and done", async (after) => {
    const { world, begun, ended, dies, lives, untilOver } = setup({ afterCrash: "leave" });
    happen(dies.store, { after });
    const own = await world.until(
      dies.run(1).then(
        ({ outcome }) => outcome,
        (error: { code: string }) => error.code,
      ),
    );
    const other = await untilOver(1);
    expect([own, other]).toSatisfy(([mine, theirs]: string[]) =>
      mine === "ran" ? theirs === "alreadyDone" : theirs === "ran",
    );
    await world.clock.advance(60_000);
    expect(await world.until(lives.once.last())).toMatchObject({ slot: 1, state: "done", attempt: 1 });
    expect([begun, ended]).toEqual([[1], [1]]);
  });
});

describe("a write of the record that arrives when its holder has long lost the lock", () => {
  it.each(["started", "done"] as const)("changes nothing: %s", async (state) => {
    const { world, clock, dies, lives, untilOver } = setup({ afterCrash: "rerun" });
    expect(await untilOver(0)).toBe("ran");
    // Its first write is that of its token, in the blob of the lock.
    dies.store.applyLate("writeMetadata", 50_000, { after: state === "started" ? 1 : 2, times: 1 });
    dies.run(1).catch(() => undefined);
    await clock.advance(state === "started" ? 50 : WORK_MS + 50);
    dies.store.hang("all");
    await clock.advance(31_000);
    expect(await untilOver(1)).toBe("ran");
    expect(await untilOver(2)).toBe("ran");
    const record = await world.until(lives.once.last());
    await clock.advance(60_000);
    expect(await world.until(lives.once.last())).toEqual(record);
  });
});

import { type RunCoordinator, schedule, setRunCoordinator } from "node-cron";
import { describe, expect, it } from "vitest";
import { OnceRunCoordinator } from "../../../src/node-cron/index.ts";
import { World } from "../../support/world.ts";

const TTL_MS = 60_000;
const FIRE = "nightly:2026-01-01T00:00:00.000Z";
const NEXT = "nightly:2026-01-01T00:00:10.000Z";

function setup() {
  const world = new World();
  const process = () => {
    const { store, mutex } = world.process();
    return { store, coordinator: new OnceRunCoordinator(mutex), mutex };
  };
  return { world, clock: world.clock, process, here: process(), there: process() };
}

describe("a run coordinator", () => {
  it("lets one process run a fire, while it runs and after", async () => {
    const { world, clock, here, there } = setup();
    expect(await world.until(here.coordinator.shouldRun(FIRE, TTL_MS))).toBe(true);
    expect(here.coordinator.lockOf("nightly")).toMatchObject({ key: "node-cron/nightly", isHeld: true });
    expect(there.coordinator.lockOf("nightly")).toBeUndefined();
    expect(await world.until(there.coordinator.shouldRun(FIRE, TTL_MS))).toBe(false);
    await clock.advance(40_000);
    await world.until(here.coordinator.onComplete(FIRE));
    expect(here.coordinator.lockOf("nightly")).toBeUndefined();
    expect(await world.until(there.coordinator.shouldRun(FIRE, TTL_MS))).toBe(false);
    expect(await world.until(there.coordinator.shouldRun(NEXT, TTL_MS))).toBe(true);
    await world.until(there.coordinator.onComplete(NEXT));
    await there.coordinator.onComplete("nightly:2026-01-01T00:01:00.000Z");
  });

  it("keeps tasks apart by their names, colons among them", async () => {
    const { world, here } = setup();
    const fires = ["a:b:2026-01-01T00:00:00.000Z", "a:2026-01-01T00:00:00.000Z"];
    expect(await world.until(Promise.all(fires.map((fire) => here.coordinator.shouldRun(fire, TTL_MS))))).toEqual([
      true,
      true,
    ]);
  });

  it("fails closed without an answer, and for a task without a name", async () => {
    const { world, here } = setup();
    here.store.hang("all");
    await expect(world.until(here.coordinator.shouldRun(FIRE, TTL_MS))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    const unnamed = "0d3ee5b5-97a2-4b75-a2d6-0b5b1b8f9d0e:2026-01-01T00:00:00.000Z";
    for (const fire of [unnamed, ":2026-01-01T00:00:00.000Z", "nightly"])
      await expect(here.coordinator.shouldRun(fire, TTL_MS)).rejects.toThrow("a distributed task needs a name");
  });

  it("tells of a lock that was lost while the task ran", async () => {
    const { world, clock, here, there } = setup();
    expect(await world.until(here.coordinator.shouldRun(FIRE, TTL_MS))).toBe(true);
    here.store.hang("renew");
    await clock.advance(32_000);
    expect(await world.until(there.coordinator.shouldRun(NEXT, TTL_MS))).toBe(true);
    await expect(world.until(here.coordinator.onComplete(FIRE))).rejects.toMatchObject({ code: "LOCK_LOST" });
  });

  it("refuses wrong options at once", () => {
    const { here } = setup();
    expect(() => new OnceRunCoordinator(here.mutex, { leaseSeconds: 5 })).toThrow("leaseSeconds");
    expect(() => new OnceRunCoordinator(here.mutex, { prefix: ".azmutex/" })).toThrow("keeps for itself");
  });

  it("is what node-cron asks for", () => {
    const coordinator: RunCoordinator = new OnceRunCoordinator(setup().here.mutex);
    setRunCoordinator(coordinator);
    const task = schedule("0 3 * * *", () => undefined, { name: "nightly", distributed: true });
    void task.destroy();
    setRunCoordinator(undefined);
  });
});

import { hostname } from "node:os";
import { pid } from "node:process";
import { describe, expect, it } from "vitest";
import { NotHeldError } from "../../../../src/errors.ts";
import { LeaderElection, type LeaderElectionOptions } from "../../../../src/recipes/election/leader-election.ts";
import { chance } from "../../../support/chaos.ts";
import { withoutKind } from "../../../support/earlier-version.ts";
import { World } from "../../../support/world.ts";
import { operations, POLL_MS, STAY_AWAY_MS, setup, TRY_TIMEOUT_MS } from "./setup.ts";

describe("leadership", () => {
  it("tells its candidate and its term, which is higher than that of every leader before", async () => {
    const { world, clock, here, there } = setup();
    let last = 0;
    for (let round = 0; round < 6; round += 1) {
      const { election } = [here, there, here, here][round % 4] as typeof here;
      const leadership = await world.until(election.campaign());
      expect(leadership.key).toBe("office");
      expect(leadership.candidate).toBe(election.candidate);
      expect(leadership.term).toBeGreaterThan(last);
      last = leadership.term;
      await leadership.resign();
      await clock.advance(300);
    }
  });

  it("is given up as the process ends though what it proclaims is not answered", async () => {
    const { world, clock, here } = setup();
    const leadership = await world.until(here.election.campaign());
    await clock.advance(1_000);
    here.store.hang("writeMetadata");
    const proclaimed = leadership.proclaim("10.0.0.7").catch((error: unknown) => error);
    await clock.advance(500);
    void here.mutex.releaseAll();
    await clock.advance(TRY_TIMEOUT_MS + 10);
    expect(await world.leaseState("office")).toBe("available");
    expect(await world.until(proclaimed)).toBeInstanceOf(NotHeldError);
  });

  it("is of host and process if no candidate is named", async () => {
    const { world, stand, leader } = setup();
    const { election } = stand();
    await world.until(election.campaign());
    expect(election.candidate).toBe(`${hostname()}:${pid}`);
    expect(await leader()).toMatchObject({ candidate: `${hostname()}:${pid}`, holder: { host: hostname(), pid } });
  });

  it("takes an acquire, a read and a write if another led last, and a write and a release to resign", async () => {
    const { world, clock, here, there } = setup();
    await (await world.until(there.election.campaign())).resign();
    await clock.advance(3_000);
    const leadership = await world.until(here.election.campaign());
    expect(operations(here.store)).toEqual(["acquire", "read", "writeMetadata"]);
    here.store.forgetCalls();
    await leadership.resign();
    expect(operations(here.store)).toEqual(["writeMetadata", "release"]);
  });

  it("takes an acquire and a write if the same process led last, also after a proclamation", async () => {
    const { world, here } = setup();
    const first = await world.until(here.election.campaign());
    await world.until(first.proclaim("busy"));
    await first.resign();
    here.store.forgetCalls();
    await world.until(here.election.campaign());
    expect(operations(here.store)).toEqual(["acquire", "writeMetadata"]);
  });

  it("takes an acquire, a creation, another acquire and a write the first time ever", async () => {
    const { world, here } = setup();
    await world.until(here.election.campaign());
    expect(operations(here.store)).toEqual(["acquire", "create", "acquire", "writeMetadata"]);
  });

  it.each([15, 30, 60])(
    "goes to another candidate within a lease of %i s and one poll of a crash, whenever that is",
    async (leaseSeconds) => {
      for (let seed = 1; seed <= 10; seed += 1) {
        const { world, clock, stand, here } = setup();
        const random = chance(seed);
        const doomed = stand({ leaseSeconds }, random);
        const next = stand({ leaseSeconds }, random);
        for (const { store } of [doomed, next]) store.delay("all", 10);
        const { term } = await world.until(doomed.election.campaign());
        const waiting = next.election.campaign();
        await clock.advance(random() * 40_000);
        doomed.store.hang("all");
        const died = clock.now();
        const leadership = await world.until(waiting);
        // The poll that finds it free and the requests that follow.
        expect(clock.now() - died).toBeLessThanOrEqual(leaseSeconds * 1_000 + POLL_MS + 50);
        expect(leadership.term).toBeGreaterThan(term);
        expect(here.store.count()).toBe(0);
      }
    },
  );

  it("goes to another candidate within one poll of a resignation", async () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const { world, clock, stand } = setup();
      const random = chance(seed);
      const first = stand({}, random);
      const next = stand({}, random);
      for (const { store } of [first, next]) store.delay("all", 10);
      const leadership = await world.until(first.election.campaign());
      const waiting = next.election.campaign();
      await clock.advance(1_000 + random() * 40_000);
      const began = clock.now();
      leadership.resign().catch(() => undefined);
      await world.until(waiting);
      expect(clock.now() - began).toBeLessThanOrEqual(STAY_AWAY_MS);
    }
  });

  it("goes to a candidate of the same process at once, who announces a term of its own", async () => {
    const { world, here, leader } = setup();
    const second = new LeaderElection(here.mutex, "office", { candidate: "second" });
    const first = await world.until(here.election.campaign());
    const waiting = second.campaign();
    await first.resign();
    const next = await world.until(waiting, 0);
    expect(next.term).toBeGreaterThan(first.term);
    expect(await leader()).toMatchObject({ candidate: "second", term: next.term });
  });

  it("is kept from candidates by a lock of an earlier version without a kind, and keeps it from others", async () => {
    const { world, here, there } = setup();
    const lock = await world.until(there.mutex.locker("office").lock());
    await withoutKind(world, "office", lock.leaseId);
    const waiting = here.election.campaign();
    await world.clock.advance(10_000);
    await lock.release();
    const leadership = await world.until(waiting, 1_000);
    expect(leadership.term).toBeGreaterThan(lock.fencingToken as number);
    expect(await world.until(there.mutex.locker("office").tryLock())).toBeUndefined();
    await leadership.resign();
    await withoutKind(world, "office");
    const later = await world.until(there.mutex.locker("office").lock());
    expect(later.fencingToken).toBeGreaterThan(leadership.term);
  });

  it.each([
    [{ candidate: "" }, /^candidate must be a string of 1 to 256 characters/],
    [{ candidate: "x".repeat(257) }, /^candidate must be a string of 1 to 256 characters, not one of 257/],
    [{ candidate: 7 }, /^candidate must be a string/],
    [{ data: 7 }, /^data must be a string, not 7/],
    [{ data: null }, /^data must be a string, not null/],
  ])("refuses the options %j", (options, message) => {
    const { here } = setup();
    expect(() => new LeaderElection(here.mutex, "office", options as LeaderElectionOptions)).toThrow(TypeError);
    expect(() => new LeaderElection(here.mutex, "office", options as LeaderElectionOptions)).toThrow(message);
  });
});

describe("leadership that is uncertain, as the machine slept", () => {
  it("can be proclaimed: the write itself tells whether it stands", async () => {
    for (const isLost of [false, true]) {
      const world = new World();
      const election = new LeaderElection(world.process().mutex, "office");
      const leadership = await world.until(election.campaign());
      await world.clock.advance(3_000);
      if (isLost) {
        await world.memory.break("office", { periodSeconds: 0 });
        await world.stranger("office");
      }
      world.clock.suspend(2_000);
      const proclaimed = leadership.proclaim("http://10.0.0.7");
      if (isLost) await expect(world.until(proclaimed, 100)).rejects.toMatchObject({ code: "LOCK_LOST" });
      else {
        await world.until(proclaimed, 100);
        expect((await world.until(election.leader()))?.data).toBe("http://10.0.0.7");
      }
    }
  });
});

import { describe, expect, it } from "vitest";
import { DifferingPermitsError } from "../../../../src/errors.ts";
import type { SemaphoreOptions } from "../../../../src/recipes/semaphore/semaphore.ts";
import { Semaphore } from "../../../../src/recipes/semaphore/semaphore.ts";
import type { LockStatus } from "../../../../src/status/lock-status.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { chance } from "../../../support/chaos.ts";
import type { World } from "../../../support/world.ts";
import { LEASE_MS, POLL_MS, setup } from "./setup.ts";

async function slots(world: World): Promise<{ name: string; leaseState: string; permits: unknown }[]> {
  const found: { name: string; leaseState: string; permits: unknown }[] = [];
  for await (const { key, leaseState, metadata } of world.memory.list(".azmutex/")) {
    const name = key.slice(key.lastIndexOf("/") + 1);
    if (key.includes("/semaphore/"))
      found.push({ name, leaseState, permits: JSON.parse(metadata.azmutex_semaphore as string).permits });
  }
  return found;
}

describe("a semaphore", () => {
  it("never has more holders than permits, in seeded crowds of processes, and all get through", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const random = chance(seed);
      const permits = 2 + Math.floor(random() * 4);
      const { world, clock, process } = setup({ permits, fair: seed % 2 === 0 });
      let holders = 0;
      let most = 0;
      let through = 0;
      const slotsInUse = new Set<number>();
      const task = async (semaphore: Semaphore): Promise<void> => {
        for (let turn = 0; turn < 3; turn += 1) {
          await sleep(clock, random() * 2_000);
          await semaphore.run(async ({ slot }) => {
            expect(slotsInUse.has(slot)).toBe(false);
            slotsInUse.add(slot);
            holders += 1;
            most = Math.max(most, holders);
            await sleep(clock, random() * 2_000);
            holders -= 1;
            slotsInUse.delete(slot);
          });
          through += 1;
        }
      };
      const tasks = Array.from({ length: 4 }, () => {
        const { store, semaphore } = process(random);
        store.delay("all", 1 + random() * 20);
        return [task(semaphore), task(semaphore), task(semaphore)];
      });
      await world.until(Promise.all(tasks.flat()), 600_000);
      expect(through).toBe(36);
      expect(most, `of ${permits}, seed ${seed}`).toBe(permits);
    }
  });

  it("gives each permit a slot of its own, and each holder of a slot a higher token than the one before", async () => {
    const { world, release, acquireAll, here, there } = setup({ permits: 3 });
    const tokens = new Map<number, number>();
    for (let round = 0; round < 4; round += 1) {
      const { semaphore } = round % 2 === 0 ? here : there;
      const permits = await acquireAll(semaphore, 3);
      expect(permits.map(({ slot }) => slot).sort()).toEqual([0, 1, 2]);
      for (const { key, slot, fencingToken } of permits) {
        expect(key).toBe("jobs");
        expect(fencingToken).toBeGreaterThan(tokens.get(slot) ?? 0);
        tokens.set(slot, fencingToken as number);
      }
      await release(permits);
      await world.clock.advance(3_000);
    }
  });

  it("gives all its permits to as many tries at once, of one process or of several, and no more", async () => {
    for (const processes of [1, 2, 5]) {
      const { world, process } = setup({ permits: 50 });
      const all = Array.from({ length: processes }, () => process());
      for (const { store } of all) store.delay("all", 5);
      const tries = Array.from({ length: 60 }, (_, n) => all[n % processes]?.semaphore.tryAcquire());
      const permits = (await world.until(Promise.all(tries))).filter((permit) => permit !== undefined);
      expect(permits).toHaveLength(50);
      expect(new Set(permits.map(({ slot }) => slot)).size).toBe(50);
    }
  });

  it("is another thing than a lock of the same name that leaves no record, and the two are listed as one", async () => {
    const { world, here, there } = setup({ permits: 1 });
    await world.until(here.mutex.locker("jobs", { fencing: false }).lock());
    expect((await world.until(there.semaphore.acquire())).isHeld).toBe(true);
    const listed: LockStatus[] = [];
    for await (const status of here.mutex.list()) listed.push(status);
    expect(listed).toMatchObject([{ key: "jobs", isHeld: true, semaphore: { permits: 1, held: [{ slot: 0 }] } }]);
  });

  it("has the permits of the dead again when their leases have run out", async () => {
    const { clock, acquireAll, here, there } = setup({ permits: 3 });
    await acquireAll(here.semaphore, 3);
    await clock.advance(10_001);
    here.store.hang("all");
    const died = clock.now();
    await acquireAll(there.semaphore, 3);
    expect(clock.now() - died).toBeLessThanOrEqual(LEASE_MS + POLL_MS);
  });

  it("has a permit of a dead holder again for a waiter in a fair queue", async () => {
    const { world, clock, here, there } = setup({ permits: 1, fair: true });
    await world.until(here.semaphore.acquire());
    const waiting = there.semaphore.acquire();
    await clock.advance(10_001);
    here.store.hang("all");
    const died = clock.now();
    await world.until(waiting);
    expect(clock.now() - died).toBeLessThanOrEqual(LEASE_MS + POLL_MS);
  });

  it.each([0, 1_001, 1.5, -1, Number.NaN, "3", undefined, null])("refuses %j permits", (permits) => {
    const { here } = setup({ permits: 1 });
    expect(() => new Semaphore(here.mutex, "jobs", { permits: permits as number })).toThrow(RangeError);
    expect(() => new Semaphore(here.mutex, "jobs", { permits: permits as number })).toThrow(
      /^permits must be a whole number from 1 to 1000, not /,
    );
    expect(() => new Semaphore(here.mutex, "jobs", undefined as unknown as SemaphoreOptions)).toThrow(RangeError);
  });
});

describe("users of a semaphore who state different numbers", () => {
  it("are told both, whatever they ask for, and get nothing", async () => {
    const { world, here, there } = setup({ permits: 3 });
    const held = await world.until(here.semaphore.acquire());
    for (const fair of [false, true]) {
      const wrong = new Semaphore(there.mutex, "jobs", { permits: 5, fair });
      for (const ask of [
        () => wrong.acquire(),
        () => wrong.acquire({ timeoutMs: 0 }),
        () => wrong.tryAcquire(),
        () => wrong.run(() => expect.fail("ran")),
        () => wrong.available(),
      ]) {
        const error = await world.until<unknown>(ask()).catch((thrown: unknown) => thrown);
        await world.clock.advance(1_000);
        expect(error).toBeInstanceOf(DifferingPermitsError);
        expect(error).toMatchObject({ code: "DIFFERING_PERMITS", key: "jobs", stated: 5, found: 3 });
        expect((error as Error).message).toBe(
          'semaphore "jobs" has 3 permits, not 5: all its users must state the same number',
        );
      }
    }
    await world.until(held.release());
    await world.clock.advance(1_000);
    expect((await slots(world)).every(({ leaseState }) => leaseState === "available")).toBe(true);
  });

  it("who come at the same instant never both get in, by seed: one number wins, the others hear it", async () => {
    const winners = new Map<number, number>();
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = chance(seed);
      const { world, clock, process } = setup({ permits: 1 });
      const users = [3, 3, 5, 5].map((permits) => {
        const { store, mutex } = process(random);
        for (const operation of ["list", "acquire", "create", "read", "writeMetadata", "release"] as const) {
          for (let after = 0; after < 6; after += 1) store.delay(operation, random() * 40, { after, times: 1 });
          for (let after = 0; after < 6; after += 1) store.delayAnswer(operation, random() * 40, { after, times: 1 });
        }
        return { permits, semaphore: new Semaphore(mutex, "jobs", { permits, fencing: random() < 0.5 }) };
      });
      const got: number[] = [];
      const outcomes = await world.until(
        Promise.allSettled(
          users.map(async ({ permits, semaphore }) => {
            await (random() < 0.5 ? semaphore.acquire() : semaphore.tryAcquire());
            got.push(permits);
          }),
        ),
      );
      expect(new Set(got).size, `seed ${seed}`).toBe(1);
      const [winner] = got as [number];
      winners.set(winner, (winners.get(winner) ?? 0) + 1);
      for (const [n, outcome] of outcomes.entries()) {
        const stated = users[n]?.permits as number;
        expect(outcome.status, `seed ${seed}`).toBe(stated === winner ? "fulfilled" : "rejected");
        if (outcome.status === "rejected")
          expect(outcome.reason).toMatchObject({ code: "DIFFERING_PERMITS", stated, found: winner });
      }
      await clock.advance(1_000);
      const made = await slots(world);
      expect(made.filter(({ leaseState }) => leaseState === "leased")).toHaveLength(2);
      expect(new Set(made.map(({ permits }) => permits))).toEqual(new Set([winner]));
    }
    expect(winners.size, "either may win").toBe(2);
  });

  it("may begin anew with another number when all slots were deleted", async () => {
    const { world, here, there } = setup({ permits: 3 });
    await world.until((await world.until(here.semaphore.acquire())).release());
    for await (const { key } of world.memory.list(".azmutex/")) await world.memory.remove(key);
    const other = new Semaphore(there.mutex, "jobs", { permits: 5 });
    expect((await world.until(other.acquire())).isHeld).toBe(true);
    await expect(world.until(here.semaphore.acquire())).rejects.toBeInstanceOf(DifferingPermitsError);
  });
});

describe("the first permit of all", () => {
  it("is given when it is certain to be held, also if the machine slept while it was confirmed", async () => {
    const { world, clock, here } = setup({ permits: 2 });
    here.store.delayAnswer("list", 100);
    const acquiring = here.semaphore.acquire();
    while (here.store.count("list") < 2) await clock.advance(1);
    clock.suspend(2_000);
    (await world.until(acquiring, 2_000)).assertHeld();
    expect([here.store.count("renew"), here.store.count("release")]).toEqual([1, 0]);
  });
});

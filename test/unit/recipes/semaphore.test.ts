import { describe, expect, it } from "vitest";
import { DifferingPermitsError, LockTimeoutError } from "../../../src/errors.ts";
import type { Permit, SemaphoreOptions } from "../../../src/recipes/semaphore.ts";
import { Semaphore } from "../../../src/recipes/semaphore.ts";
import type { LockStatus } from "../../../src/status/lock-status.ts";
import type { FaultyLeaseStore } from "../../../src/testing/index.ts";
import { sleep } from "../../../src/time/clock.ts";
import { chance } from "../../support/chaos.ts";
import { World } from "../../support/world.ts";

const LEASE_MS = 30_000;
/** Between two polls of a task that has waited for a while: at most. */
const POLL_MS = 850;
const HAND_OVER_MS = 3_000;
/** For how long a process leaves the others alone that had its share. */
const STAY_AWAY_MS = 935;

function setup(options: SemaphoreOptions) {
  const world = new World();
  const process = (random?: () => number) => {
    const { store, mutex } = world.process(random && { random });
    return { store, mutex, semaphore: new Semaphore(mutex, "jobs", options) };
  };
  const release = (permits: readonly (Permit | undefined)[]) =>
    world.until(Promise.all(permits.map((permit) => permit?.release())));
  const acquireAll = (semaphore: Semaphore, count: number) =>
    world.until(Promise.all(Array.from({ length: count }, () => semaphore.acquire())));
  return { world, clock: world.clock, process, release, acquireAll, here: process(), there: process() };
}

const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);

async function slots(world: World): Promise<{ name: string; leaseState: string; permits: unknown }[]> {
  const found: { name: string; leaseState: string; permits: unknown }[] = [];
  for await (const { key, leaseState, metadata } of world.memory.list(".azmutex/")) {
    const name = key.slice(key.lastIndexOf("/") + 1);
    if (key.includes("/semaphore/"))
      found.push({ name, leaseState, permits: JSON.parse(metadata.azmutex_semaphore as string).permits });
  }
  return found;
}

/** A semaphore of a thousand permits, in use, of which one is free; another process held that one last. */
async function busyThousand() {
  const { world, here, there, ...rest } = setup({ permits: 1_000 });
  const first = await world.until(here.semaphore.acquire());
  const [folder] = /^.*\//.exec(
    here.store.calls.find(({ key }) => key?.startsWith(".azmutex/"))?.key as string,
  ) as RegExpExecArray;
  const found = await world.memory.read(`${folder}000`);
  const { azmutex_semaphore } = found.kind === "found" ? found.blob.metadata : {};
  for (let slot = 1; slot < 1_000; slot += 1) {
    const name = `${folder}${String(slot).padStart(3, "0")}`;
    await world.memory.create(name, { azmutex_semaphore: azmutex_semaphore as string });
    if (slot !== 777) await world.memory.acquire(name, world.newId(), 60);
  }
  await world.clock.advance(3_000);
  await world.until((await world.until(there.semaphore.acquire())).release());
  here.store.forgetCalls();
  return { world, here, there, first, ...rest };
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

describe("requests of a semaphore", () => {
  it("are 6 to acquire the first permit ever, and 1 to give it back", async () => {
    const { world, here } = setup({ permits: 3 });
    const permit = await world.until(here.semaphore.acquire());
    expect(operations(here.store)).toEqual(["list", "create", "acquire", "create", "acquire", "list"]);
    here.store.forgetCalls();
    await world.until(permit.release());
    expect(operations(here.store)).toEqual(["release"]);
  });

  it("are 4 to acquire a permit that was never used, when another was", async () => {
    const { world, here } = setup({ permits: 3 });
    await world.until(here.semaphore.acquire());
    here.store.forgetCalls();
    await world.until(here.semaphore.acquire());
    expect(operations(here.store)).toEqual(["list", "acquire", "create", "acquire"]);
  });

  it("are 2 to acquire a permit that this process held last, and 4 if another did", async () => {
    const { world, clock, here, there } = setup({ permits: 1 });
    for (const [holder, expected] of [
      [here, undefined],
      [here, ["list", "acquire"]],
      [there, ["list", "acquire", "read", "writeMetadata"]],
      [here, ["list", "acquire", "read", "writeMetadata"]],
    ] as const) {
      holder.store.forgetCalls();
      const permit = await world.until(holder.semaphore.acquire());
      if (expected) expect(operations(holder.store)).toEqual(expected);
      await world.until(permit.release());
      await clock.advance(3_000);
    }
  });

  it("are 2 to acquire and 1 to give back without fencing, also after another holder", async () => {
    const { world, here, there } = setup({ permits: 1, fencing: false });
    const theirs = await world.until(there.semaphore.acquire());
    expect(theirs.fencingToken).toBeUndefined();
    await world.until(theirs.release());
    const ours = await world.until(here.semaphore.tryAcquire());
    await world.until(ours?.release() ?? expect.fail("no permit"));
    expect(operations(here.store)).toEqual(["list", "acquire", "release"]);
  });

  it("are at most 4 for tryAcquire with 1,000 permits of which one is free, and 1 when none is", async () => {
    const { world, here } = await busyThousand();
    const permit = await world.until(here.semaphore.tryAcquire());
    expect(permit?.slot).toBe(777);
    expect(operations(here.store)).toEqual(["list", "acquire", "read", "writeMetadata"]);
    here.store.forgetCalls();
    expect(await world.until(here.semaphore.tryAcquire())).toBeUndefined();
    expect(operations(here.store)).toEqual(["list"]);
  });

  it("are 1 for each poll, however many tasks of the process wait", async () => {
    const polls = async (tasks: number): Promise<number> => {
      const { world, clock, acquireAll, here, there } = setup({ permits: 2 });
      await acquireAll(there.semaphore, 2);
      for (let n = 0; n < tasks; n += 1) here.semaphore.acquire({ timeoutMs: 60_000 }).catch(() => undefined);
      await clock.advance(10_000);
      expect(new Set(operations(here.store))).toEqual(new Set(["list"]));
      expect(await world.leaseState("jobs")).toBe("available");
      return here.store.count();
    };
    expect(await polls(10)).toBe(await polls(1));
  });

  it("are 1 to learn how many are free", async () => {
    const { world, clock, release, acquireAll, here, there } = setup({ permits: 3 });
    const available = async (): Promise<number> => {
      there.store.forgetCalls();
      const free = await world.until(there.semaphore.available());
      expect(operations(there.store)).toEqual(["list"]);
      return free;
    };
    expect(await available()).toBe(3);
    const permits = await acquireAll(here.semaphore, 2);
    expect(await available()).toBe(1);
    await release(permits.slice(1));
    expect(await available()).toBe(2);
    here.store.hang("all");
    await clock.advance(LEASE_MS);
    expect(await available()).toBe(3);
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

  it("who come at the same instant never both get in, in seeded interleavings: one number wins, and the others are told", async () => {
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

describe("a permit that is given back while a task of the same process waits", () => {
  it("is that task's at once, by two requests", async () => {
    const { world, clock, acquireAll, here } = setup({ permits: 3 });
    const [first] = (await acquireAll(here.semaphore, 3)) as [Permit, Permit, Permit];
    const waiting = here.semaphore.acquire();
    await clock.advance(400);
    here.store.forgetCalls();
    const released = first.release();
    const next = await world.until(waiting, 0);
    await released;
    expect(next.slot).toBe(first.slot);
    expect(next.fencingToken).toBeGreaterThan(first.fencingToken as number);
    expect(operations(here.store)).toEqual(["release", "acquire"]);
  });

  it("is not missed, also if several are given back at the same instant", async () => {
    const { world, clock, acquireAll, here } = setup({ permits: 4 });
    const held = await acquireAll(here.semaphore, 4);
    const waiting = Array.from({ length: 4 }, () => here.semaphore.acquire());
    await clock.advance(2_000);
    here.store.delay("all", 5);
    const began = clock.now();
    await world.until(Promise.all([...waiting, ...held.map((permit) => permit.release())]), POLL_MS);
    expect(clock.now() - began).toBeLessThanOrEqual(100);
  });

  it("goes to the next task if the first gave up", async () => {
    const { world, clock, here } = setup({ permits: 1 });
    const held = await world.until(here.semaphore.acquire());
    const stop = new AbortController();
    const given = expect(here.semaphore.acquire({ signal: stop.signal })).rejects.toBe("enough");
    const waiting = here.semaphore.acquire();
    await clock.advance(1_000);
    stop.abort("enough");
    await given;
    await held.release();
    expect((await world.until(waiting, 0)).isHeld).toBe(true);
  });

  it("goes to tasks in the order of their calls", async () => {
    const { world, here } = setup({ permits: 1 });
    const order: number[] = [];
    const tasks = Array.from({ length: 10 }, (_, n) => here.semaphore.run(() => void order.push(n)));
    await world.until(Promise.all(tasks));
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("wakes no waiter when it is released again", async () => {
    const { world, clock, here } = setup({ permits: 1 });
    const first = await world.until(here.semaphore.acquire());
    const second = here.semaphore.acquire();
    await first.release();
    (await world.until(second)).assertHeld();
    here.semaphore.acquire({ timeoutMs: 60_000 }).catch(() => undefined);
    // Half-way between two polls of the one who waits.
    await clock.advance(10_000);
    const polled = here.store.count();
    while (here.store.count() === polled) await clock.advance(10);
    here.store.forgetCalls();
    await first.release();
    await first[Symbol.asyncDispose]();
    await clock.settle();
    expect(operations(here.store)).toEqual([]);
  });

  it("leaves other processes their chance: none of them waits longer than a hand-over budget, a pause and a hold", async () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const random = chance(seed);
      const { world, clock, process } = setup({ permits: 1 });
      const [greedy, modest] = [process(random), process(random)];
      for (const { store } of [greedy, modest]) store.delay("all", 5);
      const holdMs = 100;
      let stop = false;
      const busy = Array.from({ length: 3 }, async () => {
        while (!stop) await greedy.semaphore.run(() => sleep(clock, holdMs));
      });
      let longestMs = 0;
      const waits = async (): Promise<void> => {
        for (let turn = 0; turn < 10; turn += 1) {
          const began = clock.now();
          await modest.semaphore.run(() => {
            longestMs = Math.max(longestMs, clock.now() - began);
          });
          await sleep(clock, 1_000);
        }
        stop = true;
      };
      await world.until(Promise.all([waits(), ...busy]), 600_000);
      expect(longestMs, `seed ${seed}`).toBeLessThanOrEqual(HAND_OVER_MS + STAY_AWAY_MS + holdMs + POLL_MS);
    }
  });

  it("is not taken over with handOverMs: 0, but left to others for a moment, and polled for then", async () => {
    const { world, clock, here } = setup({ permits: 1, handOverMs: 0 });
    const held = await world.until(here.semaphore.acquire());
    const waiting = here.semaphore.acquire();
    await clock.advance(2_000);
    here.store.forgetCalls();
    await held.release();
    await world.until(waiting, STAY_AWAY_MS + 10);
    expect(operations(here.store).filter((operation) => operation !== "list")).toEqual(["release", "acquire"]);
  });

  it("is taken over again and again, and left to others only once in each hand-over budget", async () => {
    const { world, clock, here } = setup({ permits: 1 });
    let turns = 0;
    const task = async (): Promise<void> => {
      while (clock.now() < 30_000) {
        await here.semaphore.run(() => sleep(clock, 100));
        turns += 1;
      }
    };
    await world.until(Promise.all([task(), task(), task()]));
    const perBudget = HAND_OVER_MS / 100;
    expect(turns).toBeGreaterThan((30_000 / (HAND_OVER_MS + POLL_MS + STAY_AWAY_MS)) * perBudget);
  });

  it("is asked for once before a time-out that ends while it is left to others", async () => {
    const { world, clock, here } = setup({ permits: 1, handOverMs: 0 });
    const held = await world.until(here.semaphore.acquire());
    const waiting = here.semaphore.acquire({ timeoutMs: 1_000 });
    await clock.advance(600);
    await held.release();
    expect((await world.until(waiting, 400)).isHeld).toBe(true);
  });

  it("is left to no other process while there are others to be had: a task that need not wait never does", async () => {
    const { world, clock, here } = setup({ permits: 100 });
    here.store.delay("all", 5);
    let over = false;
    let longestMs = 0;
    const tasks = Array.from({ length: 10 }, async () => {
      while (!over) {
        const began = clock.now();
        const permit = await here.semaphore.acquire();
        longestMs = Math.max(longestMs, clock.now() - began);
        await sleep(clock, 50);
        await permit.release();
      }
    });
    await clock.advance(10_000);
    over = true;
    await world.until(Promise.all(tasks));
    // Ten tasks, one after the other, with a few requests each.
    expect(longestMs).toBeLessThanOrEqual(10 * 30);
  });
});

describe("a permit whose release is not answered", () => {
  it("has no task of the process ask for it over and over", async () => {
    for (const ask of ["acquire", "tryAcquire"] as const) {
      const { world, clock, here } = setup({ permits: 1 });
      // Without it the test would go round without end, and never come to an end itself.
      here.store.delay("all", 10);
      const held = await world.until(here.semaphore.acquire());
      here.store.hangAfter("release", { times: 1 });
      const released = held.release();
      await clock.advance(100);
      here.store.forgetCalls();
      const asked = here.semaphore[ask]();
      await clock.advance(2_000);
      expect(here.store.count("list"), ask).toBeLessThanOrEqual(10);
      await world.until(Promise.all([asked, released]));
    }
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

describe("a fair semaphore", () => {
  it.each([1, 2, 3])("with %i permits serves tasks of all processes in the order they came", async (permits) => {
    const { world, clock, process } = setup({ permits, fair: true });
    const processes = [process(), process(), process()];
    for (const { store } of processes) store.delay("all", 5);
    const order: number[] = [];
    const tasks: Promise<void>[] = [];
    for (let n = 0; n < 9; n += 1) {
      const { semaphore } = processes[n % 3] as (typeof processes)[0];
      tasks.push(
        semaphore.run(async () => {
          order.push(n);
          await sleep(clock, 10_000);
        }),
      );
      await clock.advance(1_500);
    }
    await world.until(Promise.all(tasks), 300_000);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("does not leave a permit idle while others wait for one", async () => {
    const { world, clock, process } = setup({ permits: 3, fair: true });
    const processes = [process(), process(), process()];
    let busyMs = 0;
    const began = clock.now();
    const tasks = Array.from({ length: 30 }, (_, n) =>
      processes[n % 3]?.semaphore.run(async () => {
        await sleep(clock, 5_000);
        busyMs += 5_000;
      }),
    );
    await world.until(Promise.all(tasks), 600_000);
    expect(busyMs / (3 * (clock.now() - began))).toBeGreaterThan(0.8);
  });

  it("gives tryAcquire nothing while others are in line, also if a permit is free", async () => {
    const { world, clock, acquireAll, release, process, here, there } = setup({ permits: 2, fair: true });
    const held = await acquireAll(here.semaphore, 2);
    const waiting = there.semaphore.acquire();
    await clock.advance(3_000);
    there.store.hang("list");
    await release(held);
    await clock.advance(1_000);
    const third = process();
    expect(await world.until(third.semaphore.tryAcquire(), 1_000)).toBeUndefined();
    there.store.heal();
    expect((await world.until(waiting)).isHeld).toBe(true);
  });

  it("gives one free permit after the other to tries that come one after the other", async () => {
    const { world, here } = setup({ permits: 3, fair: true });
    here.store.delay("all", 5);
    const got = [];
    for (let n = 0; n < 4; n += 1) got.push(await world.until(here.semaphore.tryAcquire()));
    expect(got.map((permit) => permit !== undefined)).toEqual([true, true, true, false]);
  });

  it("lets no task into the queue that gave up, and serves the next", async () => {
    const { world, clock, process, here, there } = setup({ permits: 1, fair: true });
    const third = process();
    const held = await world.until(here.semaphore.acquire());
    const given = expect(there.semaphore.acquire({ timeoutMs: 4_000 })).rejects.toBeInstanceOf(LockTimeoutError);
    await clock.advance(2_000);
    const waiting = third.semaphore.acquire();
    await clock.advance(4_000);
    await given;
    await world.until(held.release());
    expect((await world.until(waiting, 5_000)).isHeld).toBe(true);
  });
});

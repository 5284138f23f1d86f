import { describe, expect, it } from "vitest";
import { LockTimeoutError } from "../../../../src/errors.ts";
import type { Permit } from "../../../../src/recipes/semaphore/semaphore.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { chance } from "../../../support/chaos.ts";
import { operations, POLL_MS, setup } from "./setup.ts";

const HAND_OVER_MS = 3_000;
/** For how long a process leaves the others alone that had its share. */
const STAY_AWAY_MS = 935;

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

  it("leaves other processes their chance: none waits longer than a hand-over budget, a pause and a hold", async () => {
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

import { describe, expect, it } from "vitest";
import { AccessDeniedError, LockLostError, StoreUnavailableError } from "../../../../src/errors.ts";
import type { ElectionRunOptions } from "../../../../src/recipes/election/election-run.ts";
import type { Leadership } from "../../../../src/recipes/election/leadership.ts";
import type { FaultyLeaseStore } from "../../../../src/testing/index.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { chance } from "../../../support/chaos.ts";
import { GOOD_FOR_MS, LEASE_MS, POLL_MS, STAY_AWAY_MS, setup } from "./setup.ts";

const RENEW_EVERY_MS = 10_000;
/** A leadership of this length has not ended at once. */
const STEADY_MS = 10_000;

describe("run", () => {
  /** A candidate that leads whenever it can, and what becomes of that. */
  const running = (work: (leadership: Leadership, turn: number) => unknown, options: ElectionRunOptions = {}) => {
    const scene = setup();
    const stop = new AbortController();
    const begins: number[] = [];
    const errors: unknown[] = [];
    const outcome: { error?: unknown } = {};
    const run = scene.here.election.run(
      async (leadership) => {
        begins.push(scene.clock.now());
        return await work(leadership, begins.length);
      },
      { signal: stop.signal, onError: (error) => void errors.push(error), ...options },
    );
    run.catch((error: unknown) => {
      outcome.error = error;
    });
    const gaps = (): number[] => begins.slice(1).map((at, n) => Math.round(at - (begins[n] as number)));
    return { ...scene, store: scene.here.store, stop, begins, gaps, errors, outcome };
  };
  const untilLost = ({ signal }: Leadership): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

  it("campaigns again after the work returned, in a moment in which others may win", async () => {
    const { world, clock, here, there, begins, gaps, errors } = running(() => sleep(clock, STEADY_MS));
    await clock.advance(120_000);
    expect(begins.length).toBeGreaterThan(8);
    for (const gap of gaps()) expect(gap).toBeGreaterThanOrEqual(STEADY_MS + POLL_MS);
    for (const gap of gaps()) expect(gap).toBeLessThanOrEqual(STEADY_MS + STAY_AWAY_MS + 10);
    expect(errors).toEqual([]);

    const turns = begins.length;
    const theirs = await world.until(there.election.campaign(), STEADY_MS + 2 * STAY_AWAY_MS);
    await clock.advance(60_000);
    expect(begins.length - turns).toBeLessThanOrEqual(2);
    await theirs.resign();
    const resigned = clock.now();
    await clock.advance(STAY_AWAY_MS);
    expect(begins.at(-1)).toBeGreaterThanOrEqual(resigned);
    expect(here.election.candidate).toBe("here");
  });

  it.each([
    { how: "returns", throws: (_turn: number) => false, told: [] },
    { how: "throws", throws: (_turn: number) => true, told: ["turn 1", "turn 2"] },
    { how: "now returns and now throws", throws: (turn: number) => turn % 2 === 0, told: ["turn 2", "turn 4"] },
  ])(
    "campaigns again after a second at first and a minute at most when the work at once $how",
    async ({ throws, told }) => {
      const { clock, gaps, errors, world } = running((_leadership, turn) => {
        if (throws(turn)) throw new Error(`turn ${turn}`);
      });
      await clock.advance(600_000);
      // With half of each left to chance, which is in the middle here; but never before the others have polled.
      expect(gaps().slice(0, 9)).toEqual([893, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 45_000]);
      expect(errors.slice(0, 2)).toEqual(told.map((message) => new Error(message)));
      expect(world.log.slice(0, 2)).toEqual([
        'leading "office": a pause of 1500 ms after 2 turns in a row that ended at once or failed',
        'leading "office": a pause of 3000 ms after 3 turns in a row that ended at once or failed',
      ]);
      expect(world.log.filter((line) => line.includes("Error"))).toEqual([]);
    },
  );

  it("starts anew with a second after it has led for ten seconds, however that ended", async () => {
    const { clock, gaps } = running(async (_leadership, turn) => {
      if (turn === 4 || turn === 7) await sleep(clock, STEADY_MS);
      if (turn === 6) await sleep(clock, STEADY_MS - 1);
      if (turn < 7) throw new Error(`turn ${turn}`);
    });
    await clock.advance(200_000);
    const STEADY = STEADY_MS + 893;
    expect(gaps().slice(0, 9)).toEqual([893, 1_500, 3_000, STEADY, 1_500, STEADY_MS - 1 + 3_000, STEADY, 1_500, 3_000]);
  });

  it("takes its pauses from backoffMs", async () => {
    const { clock, gaps } = running(() => undefined, { backoffMs: [4_000, 10_000] });
    await clock.advance(60_000);
    expect(gaps().slice(0, 4)).toEqual([3_000, 6_000, 7_500, 7_500]);
  });

  it.each([0, null, "1s", [], [1_000], [0, 1_000], [2_000, 1_000], [1_000, Number.POSITIVE_INFINITY], ["1", "2"]])(
    "refuses a backoffMs of %j, and sends nothing",
    async (backoffMs) => {
      const { here } = setup();
      const run = here.election.run(() => undefined, { backoffMs: backoffMs as [number, number] });
      await expect(run).rejects.toThrow(RangeError);
      await expect(run).rejects.toThrow(/^backoffMs must be two numbers of milliseconds/);
      expect(here.store.count()).toBe(0);
    },
  );

  it("pauses also for losses that follow each other at once", async () => {
    const { world, clock, gaps } = running(async (leadership) => {
      await world.memory.break("office", { periodSeconds: 0 });
      await leadership.proclaim("who reads this?").catch(() => undefined);
    });
    await clock.advance(60_000);
    expect(gaps().length).toBeGreaterThan(4);
    expect(gaps()[0]).toBeLessThan(100);
    expect(
      gaps()
        .slice(1, 5)
        .map((gap) => Math.round(gap / 100) * 100),
    ).toEqual([1_500, 3_000, 6_000, 12_000]);
  });

  it("gives leadership up while it rests after a failure", async () => {
    const { world, clock, there } = running(() => {
      throw new Error("again");
    });
    await clock.advance(20_000);
    expect((await world.until(there.election.campaign(), STAY_AWAY_MS)).isHeld).toBe(true);
  });

  it.each([
    ["does not call it an error that the work noticed", undefined, []],
    ["tells what else the work threw", new Error("half done"), [new Error("half done")]],
  ] as const)("campaigns again at once after a loss, and %s", async (_what, thrown, told) => {
    const { world, clock, begins, gaps, errors } = running((leadership) =>
      untilLost(leadership).catch((reason: unknown) => {
        throw thrown ?? reason;
      }),
    );
    await clock.advance(1_000);
    await world.memory.break("office", { periodSeconds: 0 });
    await clock.advance(RENEW_EVERY_MS);
    expect(begins).toHaveLength(2);
    // It learns of it by its first renewal, which here is due after three quarters of the time.
    expect(gaps()).toEqual([0.75 * RENEW_EVERY_MS]);
    expect(errors).toEqual(told);
  });

  it("campaigns until the lease of a leadership that expired has run out, and leads then", async () => {
    const { clock, store, begins, errors } = running(untilLost);
    await clock.advance(1_000);
    const silence = store.hang("all");
    await clock.advance(GOOD_FOR_MS);
    silence.heal();
    await clock.advance(LEASE_MS - GOOD_FOR_MS + POLL_MS);
    expect(begins).toHaveLength(2);
    expect(errors).toEqual([]);
  });

  it("waits for work that does not notice the loss, and never runs two at once", async () => {
    let atOnce = 0;
    let most = 0;
    const { clock, store, begins } = running(async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await sleep(clock, 90_000);
      atOnce -= 1;
    });
    await clock.advance(1_000);
    const silence = store.hang("all");
    await clock.advance(40_000);
    silence.heal();
    await clock.advance(48_000);
    expect(begins).toHaveLength(1);
    await clock.advance(10_000);
    expect(begins).toHaveLength(2);
    expect(most).toBe(1);
  });

  it("takes the loss of another lock for a failure of the work: tells it, and backs off", async () => {
    const foreign = new LockLostError("another", "broken", "made up");
    const { clock, gaps, errors } = running(() => {
      throw foreign;
    });
    await clock.advance(10_000);
    expect(errors.slice(0, 2)).toEqual([foreign, foreign]);
    expect(gaps().slice(0, 3)).toEqual([893, 1_500, 3_000]);
  });

  it("takes the loss of another lock for a failure also when leadership was lost too", async () => {
    const foreign = new LockLostError("another", "broken", "made up");
    const { clock, store, errors } = running((leadership) =>
      untilLost(leadership).catch(() => {
        throw foreign;
      }),
    );
    await clock.advance(1_000);
    store.hang("all");
    await clock.advance(GOOD_FOR_MS);
    expect(errors).toEqual([foreign]);
  });

  it.each([
    [
      "credentials are refused",
      (store: FaultyLeaseStore) => store.failBefore("all", { error: new AccessDeniedError("403", "office") }),
      AccessDeniedError,
    ],
    ["the service cannot be reached", (store: FaultyLeaseStore) => store.hang("all"), StoreUnavailableError],
  ] as const)("tells when %s, and goes on campaigning", async (_what, begin, kind) => {
    const scene = setup();
    const errors: unknown[] = [];
    const trouble = begin(scene.here.store);
    let leads = false;
    scene.here.election
      .run(
        async (leadership) => {
          leads = true;
          await untilLost(leadership);
        },
        { onError: (error) => void errors.push(error) },
      )
      .catch(() => undefined);
    await scene.clock.advance(300_000);
    expect(errors.length).toBeGreaterThan(3);
    expect(errors.length).toBeLessThan(20);
    for (const error of errors) expect(error).toBeInstanceOf(kind);
    trouble.heal();
    await scene.clock.advance(60_000);
    expect(leads).toBe(true);
  });

  it("writes what goes wrong into the log if there is no listener", async () => {
    const { world, clock, here } = setup();
    here.election
      .run(() => {
        throw new Error("not its business");
      })
      .catch(() => undefined);
    await clock.advance(500);
    expect(world.log).toContain('leading "office": Error: not its business');
  });

  it("waits for onError, and rejects with what that throws; leadership is given up before", async () => {
    const told: string[] = [];
    const { world, clock, outcome, begins } = running(
      () => {
        throw new Error("the work's");
      },
      {
        onError: async (error) => {
          told.push(`${String(error)}, ${await world.leaseState("office")}`);
          await sleep(clock, 5_000);
          if (told.length === 2) throw new Error("enough of that");
        },
      },
    );
    await clock.advance(4_999);
    expect(begins).toHaveLength(1);
    await clock.advance(20_000);
    expect(told).toEqual(["Error: the work's, available", "Error: the work's, available"]);
    expect(outcome.error).toEqual(new Error("enough of that"));
    expect(clock.pendingTimers()).toBe(0);
  });

  it("rejects with an abort's reason, at once while it waits or rests; sends nothing if that came before", async () => {
    const waiting = running(() => expect.fail("led"));
    await waiting.world.stranger("office");
    await waiting.clock.advance(5_000);
    waiting.stop.abort("enough");
    await waiting.clock.settle();
    expect(waiting.outcome.error).toBe("enough");

    const resting = running(() => {
      throw new Error("rest");
    });
    await resting.clock.advance(100);
    resting.stop.abort("enough");
    await resting.clock.settle();
    expect(resting.outcome.error).toBe("enough");
    expect(resting.clock.pendingTimers()).toBe(0);

    const { store, clock, outcome } = running(() => expect.fail("led"), { signal: AbortSignal.abort("no") });
    await clock.settle();
    expect(outcome.error).toBe("no");
    expect(store.count()).toBe(0);
  });

  it("aborts the work's signal with the reason, leads until the work has ended, then rejects", async () => {
    let reason: unknown;
    const scene = running(async (leadership) => {
      await untilLost(leadership).catch((error: unknown) => {
        reason = error;
      });
      await sleep(scene.clock, 5_000);
      leadership.assertHeld();
      expect(leadership.isHeld).toBe(true);
    });
    const { world, clock, stop, outcome, errors } = scene;
    await clock.advance(20_000);
    stop.abort("enough");
    await clock.advance(4_999);
    expect(reason).toBe("enough");
    expect(outcome.error).toBeUndefined();
    expect(await world.leaseState("office")).toBe("leased");
    await clock.advance(1);
    expect(outcome.error).toBe("enough");
    expect(await world.leaseState("office")).toBe("available");
    expect(errors).toEqual([]);
    await clock.advance(1_000);
    expect(clock.pendingTimers()).toBe(0);
  });

  it("calls it no error that stopped work throws the abort's reason, but anything else", async () => {
    for (const [thrown, told] of [
      [undefined, []],
      [new Error("could not save"), [new Error("could not save")]],
    ] as const) {
      const { clock, stop, outcome, errors } = running((leadership) =>
        untilLost(leadership).catch((reason: unknown) => {
          throw thrown ?? reason;
        }),
      );
      await clock.advance(1_000);
      stop.abort("enough");
      await clock.settle();
      expect(outcome.error).toBe("enough");
      expect(errors).toEqual(told);
    }
  });

  it("has a signal for the work that tells a loss from an abort, and says nothing after a resignation", async () => {
    const kept: Leadership[] = [];
    const { clock, store, stop } = running(async (leadership, turn) => {
      kept.push(leadership);
      if (turn === 1) return leadership.resign();
      await untilLost(leadership).catch(() => undefined);
    });
    await clock.advance(5_000);
    expect(kept).toHaveLength(2);
    store.hang("all");
    await clock.advance(GOOD_FOR_MS);
    stop.abort("enough");
    await clock.settle();
    expect(kept[0]?.signal.aborted).toBe(false);
    expect(kept[1]?.signal.reason).toBeInstanceOf(LockLostError);
  });

  it("refuses what is no work, no signal or no listener, and sends nothing", async () => {
    const { here } = setup();
    const { election } = here;
    await expect(election.run("work" as unknown as () => void)).rejects.toThrow(/^work must be a function, not "work"/);
    await expect(election.run(() => undefined, { signal: {} as AbortSignal })).rejects.toThrow(
      /^signal must be an AbortSignal/,
    );
    await expect(election.run(() => undefined, { onError: "log" as unknown as () => void })).rejects.toThrow(
      /^onError must be a function/,
    );
    expect(here.store.count()).toBe(0);
  });

  it("has exactly one leader among candidates of several processes, whatever becomes of them", async () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const { clock, stand } = setup();
      const random = chance(seed);
      const stop = new AbortController();
      let leading = 0;
      let most = 0;
      const led = new Set<number>();
      const candidates = Array.from({ length: 4 }, (_, n) => {
        const { store, election } = stand({ leaseSeconds: 15 }, random);
        store.delay("all", random() * 30);
        election
          .run(
            async ({ term, isHeld }) => {
              expect(isHeld).toBe(true);
              expect(led.has(term)).toBe(false);
              led.add(term);
              leading += 1;
              most = Math.max(most, leading);
              await sleep(clock, random() * 2_000);
              leading -= 1;
              if (random() < 0.3) throw new Error(`candidate ${n}`);
            },
            { signal: stop.signal, onError: () => undefined },
          )
          .catch(() => undefined);
        return store;
      });
      await clock.advance(60_000);
      stop.abort("over");
      await clock.advance(RENEW_EVERY_MS);
      expect([most, led.size > 10], `seed ${seed}`).toEqual([1, true]);
      expect(candidates.every((store) => store.count("acquire") > 0)).toBe(true);
      expect(clock.pendingTimers()).toBe(0);
    }
  });
});

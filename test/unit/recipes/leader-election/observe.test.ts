import { hostname } from "node:os";
import { pid } from "node:process";
import { describe, expect, it } from "vitest";
import { AccessDeniedError, StoreRefusedError, StoreUnavailableError } from "../../../../src/errors.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { chance } from "../../../support/chaos.ts";
import { withoutKind } from "../../../support/earlier-version.ts";
import { LEASE_MS, operations, setup } from "./setup.ts";

describe("leader", () => {
  it("is the present one: term, candidate, where it runs, since when, and its data; for one read", async () => {
    const { world, clock, stand, onlooker } = setup();
    await clock.advance(3_456);
    const { election } = stand({ candidate: "primary", data: "10.0.0.7" });
    const { term } = await world.until(election.campaign());
    await clock.advance(60_000);
    const leader = await world.until(onlooker.election.leader());
    expect(leader).toEqual({
      term,
      candidate: "primary",
      holder: { name: "primary", host: hostname(), pid },
      since: new Date("2026-01-01T00:00:03Z"),
      data: "10.0.0.7",
    });
    expect(operations(onlooker.store)).toEqual(["read"]);
  });

  it("is undefined before the first election, without a container, after a resignation, crash or break", async () => {
    const { world, clock, here, there, leader } = setup();
    expect(await leader()).toBeUndefined();
    await (await world.until(here.election.campaign())).resign();
    expect(await leader()).toBeUndefined();

    await world.until(there.election.campaign());
    there.store.hang("all");
    expect(await leader()).toBeDefined();
    await clock.advance(LEASE_MS);
    expect(await leader()).toBeUndefined();

    await world.until(here.election.campaign());
    expect(await leader()).toBeDefined();
    await world.memory.break("office", { periodSeconds: 0 });
    expect(await leader()).toBeUndefined();
    await world.memory.deleteContainer();
    expect(await leader()).toBeUndefined();
  });

  const foreigners: readonly (readonly [who: string, hold: (scene: ReturnType<typeof setup>) => Promise<unknown>])[] = [
    [
      "a lock of an earlier version",
      async ({ world, there }) => {
        await withoutKind(world, "office");
        const lock = await there.mutex.locker("office").lock();
        await withoutKind(world, "office", lock.leaseId);
      },
    ],
    ["a lock without fencing", ({ there }) => there.mutex.locker("office", { fencing: false }).lock()],
    ["a lease that is acquired by hand", ({ there }) => there.mutex.acquire("office", 60)],
    ["a program that knows nothing of azmutex", ({ world }) => world.stranger("office")],
  ];
  it.each(foreigners)("is undefined while %s has the key", async (_who, hold) => {
    const scene = setup();
    await scene.world.memory.create("office", {});
    await scene.clock.advance(3_000);
    await scene.world.until(hold(scene));
    expect(await scene.leader()).toBeUndefined();
  });
  it.each(foreigners)("is undefined while %s has the key, also if there was a leader before", async (_who, hold) => {
    const scene = setup();
    await (await scene.world.until(scene.here.election.campaign())).resign();
    await scene.clock.advance(3_000);
    await scene.world.until(hold(scene));
    expect(await scene.leader()).toBeUndefined();
  });

  it("rejects with the signal's reason, AccessDeniedError, StoreUnavailableError after three tries", async () => {
    const { world, clock, onlooker } = setup();
    await expect(onlooker.election.leader({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
    expect(onlooker.store.count()).toBe(0);
    const denied = onlooker.store.failBefore("read", { error: new AccessDeniedError("403", "office") });
    await expect(onlooker.election.leader()).rejects.toBeInstanceOf(AccessDeniedError);
    denied.heal();
    onlooker.store.forgetCalls();
    const silent = onlooker.store.hang("read");
    await expect(world.until(onlooker.election.leader())).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(onlooker.store.count("read")).toBe(3);
    const stop = new AbortController();
    const caught = expect(onlooker.election.leader({ signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(100);
    stop.abort("enough");
    await caught;
    silent.heal();
    await expect(onlooker.election.leader({ signal: {} as AbortSignal })).rejects.toThrow(/^signal must be/);
  });
});

describe("observe", () => {
  it("shows the present leader first, then each next one, and none in between", async () => {
    const { world, clock, here, there, observe } = setup();
    const early = observe();
    await clock.advance(5_000);
    expect(early.seen).toEqual([undefined]);
    const first = await world.until(here.election.campaign());
    const late = observe();
    await clock.advance(5_000);
    await first.resign();
    await clock.advance(5_000);
    const second = await world.until(there.election.campaign());
    await clock.advance(5_000);
    expect(early.seen.map((leader) => leader?.term)).toEqual([undefined, first.term, undefined, second.term]);
    expect(late.seen.map((leader) => leader?.term)).toEqual([first.term, undefined, second.term]);
    expect(early.seen[1]).toMatchObject({ candidate: "here" });
  });

  it("takes one read for each look, every second if nothing is said, and nothing else", async () => {
    for (const [options, everyMs] of [
      [{}, 1_000],
      [{ everyMs: 200 }, 200],
      [{ everyMs: 30_000 }, 30_000],
    ] as const) {
      const { clock, observe } = setup();
      const { store } = observe(options);
      await clock.advance(300_000);
      expect(new Set(operations(store))).toEqual(new Set(["read"]));
      expect(store.count() / (300_000 / everyMs)).toBeGreaterThan(0.9);
      expect(store.count() / (300_000 / everyMs)).toBeLessThan(1.12);
    }
  });

  it("never shows a term twice or backwards, nor no leader twice, in seeded careers of three candidates", async () => {
    let changes = 0;
    for (let seed = 1; seed <= 10; seed += 1) {
      const { world, clock, stand, observe } = setup();
      const random = chance(seed);
      const observers = [observe({ everyMs: 100 }), observe({ everyMs: 300 }), observe()];
      for (const { store } of observers) {
        store.delayAnswer("read", random() * 400);
        store.failBefore("read", { after: 20, times: 3 });
      }
      let over = false;
      const careers = Array.from({ length: 3 }, async () => {
        const { store, election } = stand({ leaseSeconds: 15 }, random);
        store.delay("all", random() * 50);
        store.delay("writeMetadata", random() * 2_000);
        while (!over) {
          const leadership = await election.campaign();
          await sleep(clock, random() * 3_000);
          if (random() < 0.2) {
            const silence = store.hang("all");
            await sleep(clock, 20_000);
            silence.heal();
          }
          await leadership.resign().catch(() => undefined);
          await sleep(clock, random() * 3_000);
        }
      });
      await clock.advance(120_000);
      over = true;
      await world.until(Promise.all(careers));
      for (const { seen } of observers) {
        changes += seen.length;
        const terms = seen.flatMap((leader) => leader?.term ?? []);
        expect(terms, `seed ${seed}`).toEqual([...new Set(terms)].sort((a, b) => a - b));
        for (let n = 1; n < seen.length; n += 1) expect(seen[n] ?? seen[n - 1], `seed ${seed}`).toBeDefined();
      }
    }
    expect(changes).toBeGreaterThan(250);
  });

  it("shows none again whose end it has shown, while the next writes its record or a lock has the key", async () => {
    const { world, clock, here, there, observe } = setup();
    const { seen } = observe({ everyMs: 100 });
    const first = await world.until(here.election.campaign());
    await clock.advance(1_000);
    await first.resign();
    await clock.advance(1_000);
    there.store.delay("writeMetadata", 2_500, { times: 1 });
    const second = await world.until(there.election.campaign());
    await clock.advance(1_000);
    await second.resign();
    await clock.advance(1_000);
    await world.until(here.mutex.acquire("office", 60));
    await clock.advance(5_000);
    expect(seen.map((leader) => leader?.term)).toEqual([undefined, first.term, undefined, second.term, undefined]);
  });

  it("does not show what is proclaimed under a term that it has shown", async () => {
    const { world, clock, here, observe } = setup();
    const { seen } = observe();
    const leadership = await world.until(here.election.campaign());
    await clock.advance(3_000);
    await world.until(leadership.proclaim("news"));
    await clock.advance(3_000);
    expect(seen).toHaveLength(2);
  });

  it("goes on through failures and silence of the service, and leaves it alone for as long as it asks", async () => {
    const { world, clock, here, observe } = setup();
    const { store, seen, outcome } = observe();
    await clock.advance(2_000);
    const failing = store.failBefore("read", { answered: true });
    await clock.advance(60_000);
    failing.heal();
    const silent = store.hang("read");
    await clock.advance(60_000);
    silent.heal();
    await world.until(here.election.campaign());
    await clock.advance(3_000);
    expect(seen.map((leader) => leader?.candidate)).toEqual([undefined, "here"]);

    store.failBefore("read", { answered: true, retryAfterMs: 20_000, times: 1 });
    await clock.advance(1_100);
    store.forgetCalls();
    await clock.advance(18_000);
    expect(store.count()).toBe(0);
    await clock.advance(3_000);
    expect(store.count()).toBeGreaterThan(0);
    expect(outcome.error).toBeUndefined();
  });

  it.each([
    ["the credentials", new AccessDeniedError("403", "office")],
    ["it for good", new StoreRefusedError("409", "office")],
  ])("ends when the service refuses %s", async (_what, error) => {
    const { clock, observe } = setup();
    const { store, outcome } = observe();
    await clock.advance(2_000);
    store.failBefore("read", { error });
    await clock.advance(2_000);
    expect(outcome.error).toBe(error);
    expect(clock.pendingTimers()).toBe(0);
  });

  it("ends at once with its signal's own reason: before, in a pause, and in mid-request", async () => {
    for (const when of ["before", "in a pause", "in mid-request"]) {
      const { clock, observe } = setup();
      const stop = new AbortController();
      if (when === "before") stop.abort("enough");
      const { store, seen, outcome } = observe({ signal: stop.signal });
      if (when === "in mid-request") store.hang("read");
      await clock.advance(2_500);
      stop.abort("enough");
      await clock.settle();
      expect(outcome.error, when).toBe("enough");
      if (when === "before") expect([seen, store.count()]).toEqual([[], 0]);
      expect(clock.pendingTimers()).toBe(0);
    }
  });

  it("looks again after a minute at most, whatever the service asks for", async () => {
    const { clock, observe } = setup();
    const { store, seen } = observe();
    await clock.advance(5_000);
    expect(seen).toEqual([undefined]);
    store.failBefore("read", { times: 1, answered: true, retryAfterMs: 86_400_000 });
    await clock.advance(2_000);
    const looks = store.count("read");
    await clock.advance(58_000);
    expect(store.count("read")).toBe(looks);
    await clock.advance(5_000);
    expect(store.count("read")).toBeGreaterThan(looks);
  });

  it("leaves nothing behind when its reader breaks off, and sends nothing before it is read", async () => {
    const { world, clock, stand } = setup();
    const { store, election } = stand();
    const observed = election.observe();
    await clock.advance(5_000);
    expect(store.count()).toBe(0);
    const work = async (): Promise<void> => {
      for await (const _ of observed) break;
    };
    await world.until(work());
    await clock.advance(5_000);
    expect(store.count()).toBe(1);
    expect(clock.pendingTimers()).toBe(0);
  });

  it.each([99, 0, -1, Number.NaN, "1s", null])("refuses to look every %j ms", (everyMs) => {
    const { onlooker } = setup();
    expect(() => onlooker.election.observe({ everyMs: everyMs as number })).toThrow(RangeError);
    expect(() => onlooker.election.observe({ everyMs: everyMs as number })).toThrow(
      /^everyMs must be a number of milliseconds of at least 100/,
    );
    expect(() => onlooker.election.observe({ signal: "stop" as unknown as AbortSignal })).toThrow(
      /^signal must be an AbortSignal/,
    );
  });
});

import { hostname } from "node:os";
import { pid } from "node:process";
import { describe, expect, it } from "vitest";
import {
  AccessDeniedError,
  LockLostError,
  NotHeldError,
  StoreRefusedError,
  StoreUnavailableError,
} from "../../../src/errors.ts";
import {
  type ElectionRunOptions,
  type Leader,
  LeaderElection,
  type LeaderElectionOptions,
  type Leadership,
  type ObserveOptions,
} from "../../../src/recipes/leader-election.ts";
import type { FaultyLeaseStore } from "../../../src/testing/index.ts";
import { sleep } from "../../../src/time/clock.ts";
import { chance } from "../../support/chaos.ts";
import { withoutKind } from "../../support/earlier-version.ts";
import { World } from "../../support/world.ts";

const LEASE_MS = 30_000;
const GOOD_FOR_MS = 25_000;
const RENEW_EVERY_MS = 10_000;
const TRY_TIMEOUT_MS = 3_000;
/** Between two polls of a candidate that has waited for a while: at most. */
const POLL_MS = 850;
/** For how long a candidate that had its turn leaves the office to others: at most. */
const STAY_AWAY_MS = 935;
/** A leadership of this length has not ended at once. */
const STEADY_MS = 10_000;

function setup() {
  const world = new World();
  const stand = (options: LeaderElectionOptions = {}, random?: () => number) => {
    const { store, mutex } = world.process(random && { random });
    return { store, mutex, election: new LeaderElection(mutex, "office", options) };
  };
  const observe = (options?: ObserveOptions) => {
    const { store, election } = stand();
    const seen: (Leader | undefined)[] = [];
    const ended = (async () => {
      for await (const leader of election.observe(options)) seen.push(leader);
    })();
    const outcome: { error?: unknown } = {};
    ended.catch((error: unknown) => {
      outcome.error = error;
    });
    return { store, seen, outcome };
  };
  /** The next process to lead, after what others wrote is old enough for its token. */
  const campaign = (election: LeaderElection) => world.until(election.campaign());
  const here = stand({ candidate: "here" });
  const there = stand({ candidate: "there" });
  const onlooker = stand();
  const leader = () => world.until(onlooker.election.leader());
  return { world, clock: world.clock, stand, observe, campaign, leader, here, there, onlooker };
}

const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);

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

  it("is kept from candidates by a lock of an earlier version, which bears no kind, and keeps it from others", async () => {
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

describe("a leader's data", () => {
  const longest: readonly (readonly [what: string, text: string, perCharacter: number])[] = [
    ["ASCII", "x", 1],
    ["letters beyond ASCII", "é", 6],
    ["emoji", "\u{1F680}", 12],
    ["halves of emoji", "\ud83d", 6],
    ["quotes", '"', 2],
    ["control characters", "\u0001", 6],
    ["deletions", "\u007f", 6],
  ];
  it.each(longest)("may take 4,096 bytes as it is stored, and no more: of %s", async (_what, text, perCharacter) => {
    const { world, here, leader } = setup();
    const most = Math.floor((4_096 - 2) / perCharacter);
    const data = text.repeat(most);
    const tooMuch = text.repeat(most + 1);
    const candidate = new LeaderElection(here.mutex, "office", { data });
    expect(() => new LeaderElection(here.mutex, "office", { data: tooMuch })).toThrow(
      new TypeError(
        `data must take at most 4096 bytes as a JSON string in ASCII, not ${2 + (most + 1) * perCharacter}`,
      ),
    );
    const leadership = await world.until(candidate.campaign());
    expect((await leader())?.data).toBe(data);
    await world.until(leadership.proclaim(data));
    await expect(leadership.proclaim(tooMuch)).rejects.toBeInstanceOf(TypeError);
    expect((await leader())?.data).toBe(data);
  });

  it("fits into the metadata of a blob together with everything else a record may say", async () => {
    const { world, here } = setup();
    const candidate = new LeaderElection(here.mutex, "office", { candidate: "é".repeat(256), data: "é".repeat(682) });
    await world.until(candidate.campaign());
    const found = await world.memory.read("office");
    const { azmutex } = found.kind === "found" ? found.blob.metadata : {};
    expect(azmutex?.length).toBeGreaterThan(5_500);
    // https://learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources
    expect("azmutex".length + (azmutex?.length ?? 0)).toBeLessThanOrEqual(8_192);
  });

  it("comes back as it was, whatever is in it", async () => {
    const { world, here, leader } = setup();
    const leadership = await world.until(here.election.campaign());
    expect((await leader())?.data).toBeUndefined();
    for (const data of [
      "",
      " ",
      "a\r\nb",
      '{"url":"http://10.0.0.7"}',
      "\\u0041",
      "ünï \u{1F680}",
      "\ud83d",
      "\u2028",
    ]) {
      await world.until(leadership.proclaim(data));
      expect((await leader())?.data).toBe(data);
    }
  });
});

describe("proclaim", () => {
  const leading = async () => {
    const scene = setup();
    const leadership = await scene.world.until(scene.here.election.campaign());
    scene.here.store.forgetCalls();
    return { ...scene, leadership, store: scene.here.store };
  };

  it("replaces the data for everybody by one request, and neither term nor beginning", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    const before = await leader();
    await clock.advance(5_000);
    await world.until(leadership.proclaim("one"));
    await clock.advance(5_000);
    await world.until(leadership.proclaim("two"));
    expect(await leader()).toEqual({ ...before, data: "two" });
    expect(operations(store).filter((operation) => operation !== "renew")).toEqual(["writeMetadata", "writeMetadata"]);
  });

  it("keeps to the order of the calls, one after the other", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    store.delay("writeMetadata", 300, { times: 1 });
    const proclaimed = ["one", "two", "three"].map((data) => leadership.proclaim(data));
    await clock.advance(150);
    expect(operations(store)).toEqual(["writeMetadata"]);
    await world.until(Promise.all(proclaimed));
    expect(operations(store)).toEqual(["writeMetadata", "writeMetadata", "writeMetadata"]);
    expect((await leader())?.data).toBe("three");
  });

  it("finds out that it was done when the answer is lost, and does not do it twice", async () => {
    const { world, leadership, leader, store } = await leading();
    store.failAfter("writeMetadata", { times: 1 });
    await world.until(leadership.proclaim("once"));
    expect(operations(store)).toEqual(["writeMetadata", "read"]);
    expect((await leader())?.data).toBe("once");
    await world.until(leadership.proclaim("twice"));
    expect((await leader())?.data).toBe("twice");
  });

  it("is tried again until it is answered", async () => {
    const { world, leadership, leader, store } = await leading();
    store.failBefore("writeMetadata", { times: 2, answered: true });
    store.hang("read", { times: 1 });
    await world.until(leadership.proclaim("at last"));
    expect((await leader())?.data).toBe("at last");
  });

  it("takes the last word, also if an earlier one arrives late", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    store.applyLate("writeMetadata", 4_000, { times: 1 });
    const first = leadership.proclaim("early");
    const second = leadership.proclaim("late");
    await world.until(Promise.all([first, second]));
    await clock.advance(10_000);
    expect((await leader())?.data).toBe("late");
  });

  it("rejects with NotHeldError after a resignation, and sends nothing", async () => {
    const { leadership, store } = await leading();
    await leadership.resign();
    store.forgetCalls();
    await expect(leadership.proclaim("too late")).rejects.toBeInstanceOf(NotHeldError);
    expect(store.count()).toBe(0);
  });

  it("rejects at once with NotHeldError if the leader resigns meanwhile, those in line too; the resignation waits for one try at most", async () => {
    const { world, clock, leadership, here, store, leader } = await leading();
    store.hang("writeMetadata");
    const proclaimed = Promise.allSettled(["one", "two"].map((data) => leadership.proclaim(data)));
    await clock.advance(100);
    const resigned = leadership.resign();
    for (const { reason } of (await world.until(proclaimed, 0)) as PromiseRejectedResult[])
      expect(reason).toBeInstanceOf(NotHeldError);
    await world.until(resigned, TRY_TIMEOUT_MS);
    expect(await world.leaseState("office")).toBe("available");
    store.heal();
    const next = await world.until(here.election.campaign());
    expect(await leader()).toMatchObject({ term: next.term });
    expect((await leader())?.data).toBeUndefined();
  });

  it("rejects with LockLostError once leadership is lost, before and in the middle of it", async () => {
    const { clock, leadership, store } = await leading();
    store.hang(["renew", "writeMetadata"]);
    const proclaimed = Promise.allSettled(["in the middle", "in line"].map((data) => leadership.proclaim(data)));
    await clock.advance(GOOD_FOR_MS);
    const { reason } = leadership.signal;
    expect(reason).toBeInstanceOf(LockLostError);
    expect(await proclaimed).toEqual([
      { status: "rejected", reason },
      { status: "rejected", reason },
    ]);
    await expect(leadership.proclaim("after")).rejects.toBe(reason);
  });

  it("rejects with LockLostError when it is the first to be told of the loss, and then everything says so", async () => {
    const { world, leadership } = await leading();
    await world.memory.break("office", { periodSeconds: 0 });
    await world.stranger("office");
    await expect(world.until(leadership.proclaim("refused"))).rejects.toMatchObject({
      code: "LOCK_LOST",
      why: "taken",
    });
    expect(leadership.isHeld).toBe(false);
    expect(leadership.signal.aborted).toBe(true);
    expect(() => leadership.assertHeld()).toThrow(LockLostError);
  });

  it("rejects at once with its signal's own reason; leadership and later proclamations take no harm", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    const hanging = store.hang("writeMetadata", { times: 1 });
    const stop = new AbortController();
    const caught = expect(leadership.proclaim("one", { signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(100);
    stop.abort("enough");
    await caught;
    await expect(leadership.proclaim("never", { signal: AbortSignal.abort("no") })).rejects.toBe("no");
    hanging.heal();
    await world.until(leadership.proclaim("two"));
    expect((await leader())?.data).toBe("two");
    await clock.advance(60_000);
    leadership.assertHeld();
  });

  it.each([7, undefined, null, {}])("refuses %j, and sends nothing", async (data) => {
    const { leadership, store } = await leading();
    await expect(leadership.proclaim(data as string)).rejects.toThrow(/^data must be a string, not /);
    await expect(leadership.proclaim("fine", { signal: "stop" as unknown as AbortSignal })).rejects.toThrow(
      /^signal must be an AbortSignal/,
    );
    expect(store.count()).toBe(0);
  });
});

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

  it("is undefined before the first election, without a container, and after a resignation, a crash or a break", async () => {
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

  it("rejects with the signal's own reason, with AccessDeniedError, and with StoreUnavailableError after three tries", async () => {
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

  it("does not show again whose end it has shown, while the next leader still writes its record or a plain lock has the key", async () => {
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

  it("rejects with the reason of an abort, at once while it waits or rests, and sends nothing if that came before", async () => {
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

  it("aborts the work's signal with the reason, keeps leading until the work has ended, gives leadership up, and then rejects", async () => {
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

  it("does not call it an error that the work throws the reason of the abort, but tells anything else that it throws while it is stopped", async () => {
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

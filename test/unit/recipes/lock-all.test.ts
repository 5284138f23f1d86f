import { describe, expect, it } from "vitest";
import { type TakeAllOptions, takeAll } from "../../../lab/shared/take-all.ts";
import {
  AccessDeniedError,
  InvalidKeyError,
  LockLostError,
  LockTimeoutError,
  NotHeldError,
  StoreUnavailableError,
} from "../../../src/errors.ts";
import type { RenewAnswer } from "../../../src/store/lease-store.ts";
import { FakeClock, type FaultyLeaseStore, MemoryLeaseStore } from "../../../src/testing/index.ts";
import { sleep } from "../../../src/time/clock.ts";
import { chance } from "../../support/chaos.ts";
import { Outcome } from "../../support/holding-contract/scene.ts";
import { storeWith } from "../../support/store-with.ts";
import { FIRST_RENEWAL_LAST, World } from "../../support/world.ts";

const LEASE_MS = 30_000;
const GOOD_FOR_MS = 25_000;
const RENEW_EVERY_MS = 10_000;
const POLL_MS = 850;
const TRY_TIMEOUT_MS = 3_000;

function setup() {
  const world = new World();
  const process = (random?: () => number) => {
    const { store, mutex } = world.process(random && { random });
    return {
      store,
      mutex,
      lockAll: (keys: Iterable<string>, options?: TakeAllOptions) => takeAll(mutex, keys, options),
    };
  };
  const leased = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { key, leaseState } of world.memory.list("")) if (leaseState === "leased") found.push(key);
    return found;
  };
  return { world, clock: world.clock, process, leased, here: process(), there: process() };
}

const acquired = (store: FaultyLeaseStore): (string | undefined)[] =>
  store.calls.filter(({ operation }) => operation === "acquire").map(({ key }) => key);

describe("lockAll", () => {
  it("takes the locks one by one in the order of their names, each once, whatever the keys come in", async () => {
    const given: readonly (readonly [how: string, keys: () => Iterable<string>])[] = [
      ["an array", () => ["c", "a", "b"]],
      ["a set", () => new Set(["b", "c", "a"])],
      ["a map's keys", () => new Map([...["c", "b", "a"].entries()].map(([n, key]) => [key, n])).keys()],
      ["an array with keys named twice", () => ["c", "a", "c", "b", "a", "a"]],
    ];
    for (const [how, keys] of given) {
      const { world, here } = setup();
      for (const key of ["a", "b", "c"]) await world.memory.create(key, {});
      await world.clock.advance(3_000);
      const set = await world.until(here.lockAll(keys()));
      expect(acquired(here.store), how).toEqual(["a", "b", "c"]);
      expect([...set.locks.keys()]).toEqual(["a", "b", "c"]);
      expect(set.key).toBe("a, b, c");
    }
  });

  it("orders keys by their UTF-16 code units, which is the same everywhere", async () => {
    const { world, here } = setup();
    const set = await world.until(here.lockAll(["\uff5e", "é", "b", "\u{1F680}", "B", "a10", "a9"]));
    expect([...set.locks.keys()]).toEqual(["B", "a10", "a9", "b", "é", "\u{1F680}", "\uff5e"]);
  });

  it("gives each lock by its key, with a lease and a token of its own", async () => {
    const { world, here } = setup();
    const set = await world.until(here.lockAll(["a", "b"]));
    const [a, b] = [set.locks.get("a"), set.locks.get("b")];
    expect([a?.key, b?.key]).toEqual(["a", "b"]);
    expect(a?.leaseId).not.toBe(b?.leaseId);
    expect([a?.isHeld, b?.isHeld]).toEqual([true, true]);
    expect(a?.fencingToken).toBeGreaterThan(0);
    expect(b?.conditions).toEqual({ leaseId: b?.leaseId });
    await world.until(set.release());
    expect([a?.isHeld, b?.isHeld]).toEqual([false, false]);
  });

  it("takes one request for each key that this process held last, and one to give it back", async () => {
    const { world, here } = setup();
    await world.until((await world.until(here.lockAll(["a", "b", "c"]))).release());
    here.store.forgetCalls();
    await world.until((await world.until(here.lockAll(["c", "b", "a"]))).release());
    expect(here.store.calls.map(({ operation, key }) => `${operation} ${key}`)).toEqual([
      "acquire a",
      "acquire b",
      "acquire c",
      "release a",
      "release b",
      "release c",
    ]);
  });

  it("gets the lock it waits for from a task of the process without a request, then the rest", async () => {
    const { world, here } = setup();
    const first = await world.until(here.lockAll(["a", "b"]));
    const waiting = here.lockAll(["b", "a"]);
    here.store.forgetCalls();
    await first.release();
    expect((await world.until(waiting, 0)).isHeld).toBe(true);
    expect(here.store.calls.map(({ operation, key }) => `${operation} ${key}`)).toEqual(["release b", "acquire b"]);
  });

  it("passes its options on to each lock", async () => {
    const { world, here } = setup();
    const set = await world.until(here.lockAll(["a", "b"], { leaseSeconds: 15, fencing: false, holder: "me" }));
    expect(set.remainingMs).toBeLessThanOrEqual(12_500);
    expect(set.locks.get("b")?.fencingToken).toBeUndefined();
  });

  it("never waits in a circle: with opposite orders and any subsets all get through, in seeded delays", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = chance(seed);
      const { world, clock, process } = setup();
      const names = ["a", "b", "c", "d"];
      const inUse = new Set<string>();
      const sides = Array.from({ length: 4 }, (_, n) => {
        const side = process(random);
        for (const operation of ["acquire", "create", "read", "writeMetadata", "release"] as const) {
          side.store.delay(operation, random() * 60);
          side.store.delayAnswer(operation, random() * 60);
        }
        return Array.from({ length: 2 }, async () => {
          for (let turn = 0; turn < 4; turn += 1) {
            const ordered = n % 2 === 0 ? names : [...names].reverse();
            const wanted = seed % 2 === 0 ? ordered : ordered.filter(() => random() < 0.6);
            if (wanted.length === 0) continue;
            const set = await side.lockAll(wanted);
            for (const key of wanted) {
              if (inUse.has(key)) throw new Error(`seed ${seed}: two have "${key}"`);
              inUse.add(key);
            }
            await sleep(clock, random() * 200);
            for (const key of wanted) inUse.delete(key);
            await set.release();
          }
        });
      });
      await world.until(Promise.all(sides.flat()), 300_000);
      await clock.advance(RENEW_EVERY_MS);
      expect(clock.pendingTimers(), `seed ${seed}`).toBe(0);
    }
  });

  it("keeps what it has for as long as it waits for the rest, however long", async () => {
    const { world, clock, leased, here, there } = setup();
    const theirs = await world.until(there.mutex.locker("b").lock());
    const waiting = here.lockAll(["a", "b", "c"]);
    await clock.advance(120_000);
    expect(await leased()).toEqual(["a", "b"]);
    await world.until(theirs.release());
    const set = await world.until(waiting, POLL_MS);
    expect(set.remainingMs).toBeGreaterThanOrEqual(LEASE_MS / 3);
    expect(acquired(here.store).filter((key) => key === "a")).toHaveLength(2);
    await clock.advance(60_000);
    set.assertHeld();
  });
});

describe("lockAll that cannot have all", () => {
  const failures: readonly (readonly [
    how: string,
    options: TakeAllOptions,
    fail: (scene: ReturnType<typeof setup>, stop: AbortController) => unknown,
    outcome: unknown,
  ])[] = [
    ["at its time-out", { timeoutMs: 5_000 }, () => undefined, { code: "LOCK_TIMEOUT", key: "b" }],
    ["when it asks only once", { timeoutMs: 0 }, () => undefined, { code: "LOCK_TIMEOUT", key: "b" }],
    [
      "when it is called off",
      {},
      (_scene, stop) => stop.abort(new NotHeldError("made up")),
      { code: "NOT_HELD", key: "made up" },
    ],
    [
      "when the credentials are refused",
      {},
      ({ here }) => here.store.failBefore("acquire", { key: "b", error: new AccessDeniedError("403", "b") }),
      { code: "ACCESS_DENIED", key: "b" },
    ],
    [
      "when the service says no more of it",
      {},
      ({ here }) => here.store.hang("acquire", { key: "b" }),
      { code: "STORE_UNAVAILABLE", key: "b" },
    ],
  ];
  it.each(failures)("gives back what it has, %s, and says why", async (_how, options, fail, outcome) => {
    const scene = setup();
    const { world, clock, leased, here, there } = scene;
    const theirs = await world.until(there.mutex.locker("b").lock());
    const stop = new AbortController();
    const waiting = here.lockAll(["a", "b", "c"], { ...options, signal: stop.signal });
    const caught = expect(world.until(waiting)).rejects.toMatchObject(outcome as object);
    if (options.timeoutMs !== 0) {
      clock.setTimer(2_000, () => fail(scene, stop));
      clock.setTimer(1_999, () => expect(here.store.count("release")).toBe(0));
    }
    await caught;
    await clock.advance(TRY_TIMEOUT_MS + 500);
    expect(await leased()).toEqual(["b"]);
    expect(acquired(here.store)).not.toContain("c");
    here.store.heal();
    await world.until(theirs.release());
    await clock.advance(70_000);
    expect(await leased()).toEqual([]);
    expect(clock.pendingTimers()).toBe(0);
    const again = await world.until(here.lockAll(["a", "b", "c"]));
    expect(again.isHeld).toBe(true);
  });

  it("has one time-out for all of them together", async () => {
    const { world, clock, here, there } = setup();
    const a = await world.until(there.mutex.locker("a").lock());
    await world.until(there.mutex.locker("b").lock());
    const began = clock.now();
    const caught = expect(world.until(here.lockAll(["a", "b"], { timeoutMs: 5_000 }))).rejects.toThrow(
      'lock on "b" was not free within 5000 ms',
    );
    clock.setTimer(3_000, () => void a.release());
    await caught;
    expect(clock.now() - began).toBe(5_000);
    // The last look is taken just before.
    expect(
      began + 5_000 - Math.max(...here.store.calls.map(({ at, key }) => (key === "b" ? at : 0))),
    ).toBeLessThanOrEqual(20);
  });

  it("keeps to its time-out also if one of the locks has to be renewed at the end", async () => {
    const { world, clock, process, there } = setup();
    const here = process(FIRST_RENEWAL_LAST.random);
    const theirs = await world.until(there.mutex.locker("b").lock());
    const began = clock.now();
    const waiting = here.lockAll(["a", "b"], { timeoutMs: 20_000 }).then(
      () => "got them",
      (error: unknown) => error,
    );
    await clock.advance(9_000);
    // From here on the lease on "a" cannot be renewed; "b" is free when a third of that lease is gone by a second.
    here.store.hang("renew");
    await clock.advance(7_000);
    await theirs.release();
    const outcome = await world.until(waiting);
    expect(outcome).toBeInstanceOf(LockTimeoutError);
    expect(clock.now() - began).toBeLessThanOrEqual(20_010);
  });

  it("begins anew when one of the locks is lost while it waits for another, and says nothing of that", async () => {
    const { world, clock, here, there } = setup();
    const theirs = await world.until(there.mutex.locker("b").lock());
    const waiting = here.lockAll(["a", "b"]);
    await clock.advance(3_000);
    await world.memory.break("a", { periodSeconds: 0 });
    expect(await world.stranger("a")).toBe("acquired");
    await clock.advance(12_000);
    expect(here.store.calls.at(-1)).toMatchObject({ operation: "acquire", key: "a" });
    await world.until(theirs.release());
    const set = await world.until(waiting, 20_000);
    await clock.advance(60_000);
    set.assertHeld();
    expect(set.locks.get("a")?.isHeld).toBe(true);
  });

  it("waits a moment before it begins anew", async () => {
    const { world, clock, here, there } = setup();
    const blocking = await world.until(there.lockAll(["b"]));
    const locking = here.lockAll(["a", "b"]);
    await clock.advance(1_000);
    await world.memory.break("a", { periodSeconds: 0 });
    await clock.advance(RENEW_EVERY_MS);
    await world.until(blocking.release());
    await world.until(locking);
    const calls = here.store.calls.filter(({ key }) => key === "a");
    const lostAt = calls.find(({ operation }) => operation === "renew")?.at ?? expect.fail("it was not renewed");
    const again =
      calls.find(({ operation, at }) => operation === "acquire" && at >= lostAt) ??
      expect.fail("it was not taken again");
    expect(again.at - lostAt).toBeGreaterThanOrEqual(100);
  });

  it("rejects with its signal's reason also if one of the locks is lost at the same time", async () => {
    const { world, clock, leased, here, there } = setup();
    await world.until(there.mutex.locker("b").lock());
    const stop = new AbortController();
    const caught = expect(here.lockAll(["a", "b"], { signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(1_000);
    await world.memory.break("a", { periodSeconds: 0 });
    await clock.advance(RENEW_EVERY_MS - 1_000);
    stop.abort("enough");
    await caught;
    await clock.advance(1_000);
    expect(await leased()).toEqual(["b"]);
  });
});

describe("a set of locks", () => {
  it("is lost as soon as one of them is, whichever, and says which", async () => {
    for (const lost of ["a", "b", "c"]) {
      const { world, clock, here } = setup();
      const set = await world.until(here.lockAll(["a", "b", "c"]));
      const { signal } = set;
      await world.memory.break(lost, { periodSeconds: 0 });
      await clock.advance(RENEW_EVERY_MS);
      expect(signal.reason).toBeInstanceOf(LockLostError);
      expect(signal.reason).toMatchObject({ why: "broken", key: lost });
      expect(set.isHeld).toBe(false);
      expect(set.remainingMs).toBe(0);
      expect(() => set.assertHeld()).toThrow(signal.reason);
      expect([...set.locks.values()].filter(({ isHeld }) => !isHeld).map(({ key }) => key)).toEqual([lost]);
    }
  });

  it("is lost, and renews nothing, when one of them is lost in the very moment in which the set is made", async () => {
    let made = 0;
    for (let microtasks = 0; microtasks < 60; microtasks += 1) {
      const { world, clock, there } = setup();
      const { memory } = world;
      const blocking = await world.until(there.lockAll(["b"]));
      let answerRenewal: ((answer: RenewAnswer) => void) | undefined;
      let answerAcquire: (() => void) | undefined;
      const store = storeWith(memory, {
        renew: (name, id, call) =>
          name === "a" && !answerRenewal
            ? new Promise((resolve) => {
                answerRenewal = resolve;
              })
            : memory.renew(name, id, call),
        acquire: async (name, id, length, call) => {
          const answer = await memory.acquire(name, id, length, call);
          if (name !== "b" || answer.kind !== "acquired") return answer;
          return await new Promise((resolve) => {
            answerAcquire = () => resolve(answer);
          });
        },
      });
      const { mutex } = world.process({ store });
      const locking = new Outcome(takeAll(mutex, ["a", "b"], { fencing: false }));
      while (!answerRenewal) await clock.advance(50);
      await world.until(blocking.release());
      while (!answerAcquire) await clock.advance(10);
      (answerAcquire as () => void)();
      for (let k = 0; k < microtasks; k += 1) await undefined;
      answerRenewal({ kind: "refused", why: "broken", status: "409" });
      await clock.settle();
      if (!locking.value) continue;
      made += 1;
      expect([locking.value.signal.aborted, locking.value.isHeld], `${microtasks} microtasks later`).toEqual([
        true,
        false,
      ]);
      await clock.advance(LEASE_MS);
      expect(await world.leaseState("b"), `${microtasks} microtasks later`).not.toBe("leased");
    }
    expect(made).toBeGreaterThan(10);
  });

  it("keeps no process out for longer than a lease once it is lost, also if it is not given back", async () => {
    const { world, clock, here, there } = setup();
    const set = await world.until(here.lockAll(["a", "b"]));
    await world.memory.break("a", { periodSeconds: 0 });
    await clock.advance(RENEW_EVERY_MS);
    expect(set.signal.aborted).toBe(true);
    expect((await world.until(there.mutex.locker("b").lock(), LEASE_MS + POLL_MS)).isHeld).toBe(true);
  });

  it("gives back all that is left when one is lost and the work has stopped", async () => {
    const { world, clock, leased, here } = setup();
    const set = await world.until(here.lockAll(["a", "b", "c"]));
    await world.memory.break("b", { periodSeconds: 0 });
    await clock.advance(RENEW_EVERY_MS);
    await world.until(set.release());
    expect(await leased()).toEqual([]);
  });

  it("can be given back to a fair queue when one is lost and little of the others is left", async () => {
    /** A clock that is not asked without end. */
    class AttentiveClock extends FakeClock {
      #asked = 0;

      override uptime(): number {
        this.#asked += 1;
        if (this.#asked > 100_000) throw new Error("asked for the time again and again");
        return super.uptime();
      }

      get asked(): number {
        return this.#asked;
      }
    }
    const clock = new AttentiveClock();
    const store = new MemoryLeaseStore({ clock, containerExists: true });
    const taking = takeAll({ store, clock, random: () => 0.5 }, ["a", "b"], { fair: true });
    await clock.advance(5_000);
    const set = await taking;
    await store.break("a", { periodSeconds: 0 });
    await clock.advance(15_000);
    expect(set.signal.reason).toMatchObject({ key: "a" });
    const before = clock.asked;
    const released = set.release();
    await clock.advance(1_000);
    await released;
    expect(clock.asked - before).toBeLessThan(1_000);
  });

  it("is good for as long as the one of them that is good for the shortest", async () => {
    const { world, clock, here } = setup();
    here.store.delay("all", 500);
    const set = await world.until(here.lockAll(["a", "b"]));
    const [a, b] = [...set.locks.values()];
    expect(a?.remainingMs).not.toBe(b?.remainingMs);
    expect(set.remainingMs).toBe(Math.min(a?.remainingMs ?? 0, b?.remainingMs ?? 0));
    here.store.hang("renew", { key: "b" });
    await clock.advance(GOOD_FOR_MS);
    expect(set.signal.reason).toMatchObject({ key: "b", why: "expired" });
    expect(a?.isHeld).toBe(true);
  });

  it("is not held when one of its locks was given back by itself; the others are, until it is given back", async () => {
    const { world, leased, here } = setup();
    const set = await world.until(here.lockAll(["a", "b"]));
    await world.until(set.locks.get("a")?.release() ?? expect.fail("no lock"));
    expect(set.isHeld).toBe(false);
    expect(() => set.assertHeld()).toThrow(NotHeldError);
    expect(await leased()).toEqual(["b"]);
    await world.until(set.release());
    expect(await leased()).toEqual([]);
  });

  it("gives back what it can, and throws StoreUnavailableError for the rest, which lapses by itself", async () => {
    const { world, clock, leased, here } = setup();
    const set = await world.until(here.lockAll(["a", "b", "c"]));
    here.store.failBefore("release", { key: "b" });
    await expect(world.until(set.release())).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await leased()).toEqual(["b"]);
    await set[Symbol.asyncDispose]();
    await clock.advance(LEASE_MS);
    expect(await leased()).toEqual([]);
  });
});

describe("lockAll refuses, and sends nothing:", () => {
  it.each([
    ["a string", "abc", TypeError, /^keys must be several keys, in an array say, not "abc"/],
    ["what is not iterable", 7, TypeError, /^keys must be several keys, in an array say, not 7/],
    ["an object", { a: 1 }, TypeError, /^keys must be several keys, in an array say, not an object/],
    ["nothing", undefined, TypeError, /^keys must be several keys/],
    ["null", null, TypeError, /^keys must be several keys/],
    ["no keys", [], TypeError, /^keys must be at least one key, not none/],
    ["an empty set", new Set<string>(), TypeError, /^keys must be at least one key, not none/],
    ["a bad key among good ones", ["a", "b/../c"], InvalidKeyError, /"b\/\.\.\/c"/],
    ["an empty key", ["a", ""], InvalidKeyError, /is empty/],
    ["a key that is no string", ["a", 7], InvalidKeyError, /^key must be a string, not number/],
    ["a key that cannot be compared", ["a", Symbol("b")], InvalidKeyError, /^key must be a string, not symbol/],
  ])("%s", async (_what, keys, kind, message) => {
    const { here } = setup();
    const refused = here.lockAll(keys as Iterable<string>);
    await expect(refused).rejects.toBeInstanceOf(kind);
    await expect(refused).rejects.toThrow(message);
    expect(here.store.count()).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { DeadlockError, isMutexError } from "../../../src/errors.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import type { Lockable } from "../../../src/locks/lockable.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { lockAll } from "../../../src/recipes/lock-all.ts";
import { Once } from "../../../src/recipes/once/once.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";
import { World } from "../../support/world.ts";

type Open = (mutex: AzureMutex) => Lockable<Holding>;

const lock: Open = (mutex) => mutex.locker("job");
const read: Open = (mutex) => new ReaderWriterLock(mutex, "job").read;
const write: Open = (mutex) => new ReaderWriterLock(mutex, "job").write;
const several: Open = (mutex) => lockAll(mutex, ["a", "job"]);

describe("a wait below a run that holds", () => {
  it.each<readonly [string, Open, Open]>([
    ["a lock, for the same lock by another locker", lock, lock],
    ["a lock, for several of which it is one", lock, several],
    ["several locks, for one of them", several, lock],
    ["a read lock, for the write lock", read, write],
    ["a write lock, for a read lock", write, read],
  ])("%s, rejects at once", async (_what, held, wanted) => {
    const world = new World();
    const { mutex } = world.process();
    const work = held(mutex).run(async () => {
      await expect(wanted(mutex).lock()).rejects.toEqual(new DeadlockError("job"));
    });
    await world.until(work, 2_000);
  });

  it.each<readonly [string, Open, Open]>([
    ["a read lock, for another", read, read],
    ["one lock, for another", lock, (mutex) => mutex.locker("other")],
  ])("%s, gets it", async (_what, held, wanted) => {
    const world = new World();
    const { mutex } = world.process();
    await world.until(held(mutex).run(() => wanted(mutex).run(({ isHeld }) => expect(isHeld).toBe(true))));
  });

  it("permits rejects if it holds all of them, and not before", async () => {
    const world = new World();
    const { mutex } = world.process();
    const pool = new Semaphore(mutex, "pool", { permits: 2 });
    let innermost: unknown;
    const nested = pool.run(() => pool.run(() => pool.run(() => undefined)).catch((error) => (innermost = error)));
    await world.until(nested, 5_000);
    expect(innermost).toEqual(new DeadlockError("pool"));
    // Another task, which it does not await, is below it, too; one beside it is not.
    const beside = world.until(Promise.all([pool.run(() => undefined), pool.run(() => undefined)]));
    await expect(beside).resolves.toHaveLength(2);
  });

  it("leadership, or the lock of a slot, rejects as well", async () => {
    const world = new World();
    const { mutex } = world.process();
    const election = new LeaderElection(mutex, "office");
    const over = new AbortController();
    let thrown: unknown;
    const leading = election.run(
      async (leadership) => {
        expect(mutex.currentLock("office")).toBe(leadership);
        thrown = await election.campaign().catch((error) => error);
        over.abort(new Error("enough"));
      },
      { signal: over.signal },
    );
    await expect(world.until(leading)).rejects.toThrow("enough");
    expect(thrown).toEqual(new DeadlockError("office"));
    const once = new Once(mutex, "nightly", { whileRunning: "wait" });
    const slot = once.run(1, async (held) => {
      expect(mutex.currentLock("nightly")).toBe(held);
      await once.run(2, () => undefined);
    });
    await expect(world.until(slot)).rejects.toEqual(new DeadlockError("nightly"));
  });

  it("the lock by another mutex of the same store, or of the same address, rejects", async () => {
    const world = new World();
    const { clock } = world;
    const stores = [1, 2].map(() =>
      Object.assign(new MemoryLeaseStore({ clock, containerExists: true }), {
        address: { name: "acme/locks", account: "acme", host: "acme.blob.core.windows.net", container: "locks" },
      }),
    );
    const [first, other] = stores.map((store) => new AzureMutex({ store, clock })) as [AzureMutex, AzureMutex];
    const same = new AzureMutex({ store: world.memory, clock });
    const nested = [
      first.locker("job").run(() => other.locker("job").lock()),
      same.locker("job").run(() => new AzureMutex({ store: world.memory, clock }).locker("job").lock()),
    ];
    for (const outcome of await world.until(Promise.allSettled(nested)))
      expect(outcome).toMatchObject({ reason: { code: "DEADLOCK", key: "job" } });
  });
});

describe("currentLock", () => {
  it("is that of the innermost run of the key, and of no other task", async () => {
    const world = new World();
    const { mutex } = world.process();
    const pool = new Semaphore(mutex, "pool", { permits: 2 });
    const work = pool.run((outer) =>
      mutex.locker("job").run(async (held) => {
        expect([mutex.currentLock("pool"), mutex.currentLock("job")]).toEqual([outer, held]);
        expect(mutex.currentLock("job")?.fencingToken).toBe(held.fencingToken);
        await pool.run((inner) => expect(mutex.currentLock("pool")).toBe(inner));
        expect(mutex.currentLock("pool")).toBe(outer);
      }),
    );
    expect(mutex.currentLock("pool")).toBeUndefined();
    await world.until(work);
  });

  it("is refused for what is no key", () => {
    const { mutex } = new World().process();
    for (const call of [() => mutex.currentLock("a/"), () => mutex.assertLocked("")])
      expect(call).toThrow(expect.objectContaining({ code: "INVALID_KEY" }));
  });

  it("finds nothing of lock(), which an assertion says", async () => {
    const world = new World();
    const { mutex } = world.process();
    const held = await world.until(mutex.locker("job").lock());
    const thrown = (() => {
      try {
        mutex.assertLocked("job");
        return undefined;
      } catch (error) {
        return error;
      }
    })();
    expect(isMutexError(thrown) && [thrown.code, thrown.message]).toEqual([
      "NOT_HELD",
      'lock on "job" is not held here: no run around this call holds it',
    ]);
    await world.until(held.release());
  });
});

it("asyncContext must be true or false", () => {
  const store = new MemoryLeaseStore();
  expect(() => new AzureMutex({ store, asyncContext: "no" as never })).toThrow(
    new TypeError('asyncContext must be true or false, not "no"'),
  );
});

import { describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { spaceOf } from "../../../src/locks/mutex.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { sleep } from "../../../src/time/clock.ts";
import { takeOneOfEach } from "../../support/one-of-each.ts";
import { World } from "../../support/world.ts";

const CLOSED = { name: "MutexClosedError", code: "MUTEX_CLOSED" };

/** Every way to ask for something to hold, all of another key. */
const WAYS: Readonly<Record<string, (mutex: AzureMutex) => Promise<unknown>>> = {
  "Locker.lock": (mutex) => mutex.locker("lock").lock(),
  "Locker.lock with a signal": (mutex) => mutex.locker("signal").lock({ signal: new AbortController().signal }),
  "Locker.lock with a time-out": (mutex) => mutex.locker("time-out").lock({ timeoutMs: 600_000 }),
  "Locker.lock, fair": (mutex) => mutex.locker("fair", { fair: true }).lock(),
  "Locker.run": (mutex) => mutex.locker("run").run(() => new Promise(() => undefined)),
  lockAll: (mutex) => takeAll(mutex, ["a", "b"]),
  "Semaphore.acquire": (mutex) => new Semaphore(mutex, "permits", { permits: 1 }).acquire(),
  "Semaphore.acquire, fair": (mutex) => new Semaphore(mutex, "fair permits", { permits: 1, fair: true }).acquire(),
  "read.lock": (mutex) => new ReaderWriterLock(mutex, "read").read.lock(),
  "write.lock": (mutex) => new ReaderWriterLock(mutex, "write").write.lock(),
  "LeaderElection.campaign": (mutex) => new LeaderElection(mutex, "campaign").campaign(),
  "LeaderElection.run": (mutex) => new LeaderElection(mutex, "elections").run(() => new Promise(() => undefined)),
};

/** Those that ask once. */
const TRIES: Readonly<Record<string, (mutex: AzureMutex) => Promise<unknown>>> = {
  "AzureMutex.acquire": (mutex) => mutex.acquire("by hand", 60),
  "Locker.tryLock": (mutex) => mutex.locker("lock").tryLock(),
  "Semaphore.tryAcquire": (mutex) => new Semaphore(mutex, "permits", { permits: 1 }).tryAcquire(),
  "read.tryLock": (mutex) => new ReaderWriterLock(mutex, "read").read.tryLock(),
  "write.tryLock": (mutex) => new ReaderWriterLock(mutex, "write").write.tryLock(),
};

/** The names of all blobs that are leased. */
async function leased(world: World): Promise<string[]> {
  const names: string[] = [];
  for await (const { key, leaseState } of world.memory.list("")) if (leaseState === "leased") names.push(key);
  return names;
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "fulfilled",
    (error) => error,
  );

describe("AzureMutex.releaseAll", () => {
  it("releases what is held, of whatever kind, and resolves when the service has been told", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    const holdings = await world.until(takeOneOfEach(mutex));
    const byHand = await world.until(mutex.acquire("by hand", "infinite"));
    store.delayAnswer("release", 500);
    let isDone = false;
    const releasing = mutex.releaseAll().then(() => {
      isDone = true;
    });
    await world.clock.advance(400);
    expect(isDone).toBe(false);
    await world.until(releasing);
    expect(await leased(world)).toEqual([]);
    expect([...holdings, byHand].map(({ isHeld }) => isHeld)).toEqual([...holdings, byHand].map(() => false));
    expect(holdings.map(({ signal }) => signal.reason)).toMatchObject(
      holdings.map(() => ({ code: "LOCK_LOST", why: "released" })),
    );
    // Their holders may release them too: nothing comes of it.
    for (const holding of holdings) await holding.release();
    expect(world.log).toEqual([]);
  });

  it.each(Object.entries(WAYS))("ends a wait of %s, and leaves nothing behind", async (name, ask) => {
    const world = new World();
    const { mutex: other } = world.process();
    const { mutex } = world.process();
    // Readers are no obstacle to each other.
    const held = name === "read.lock" ? new ReaderWriterLock(other, "read").write.lock() : ask(other);
    // "run" does not settle while it holds.
    held.catch(() => undefined);
    await world.clock.advance(1_000);
    const before = await leased(world);
    const waiting = rejection(ask(mutex));
    await world.clock.advance(3_000);
    await world.until(mutex.releaseAll());
    expect(await waiting).toMatchObject({ ...CLOSED, message: "the mutex releases everything it holds" });
    expect(await leased(world)).toEqual(before);
    expect(world.log).toEqual([]);
  });

  it.each(Object.entries({ ...WAYS, ...TRIES }))(
    "refuses %s until it is done, and grants it afterwards",
    async (name, ask) => {
      const world = new World();
      const { mutex, store } = world.process();
      await world.until(mutex.locker("slow").lock());
      store.delayAnswer("release", 500);
      const releasing = mutex.releaseAll();
      expect(await world.until(rejection(ask(mutex)))).toMatchObject(CLOSED);
      await world.until(releasing);
      const asked = ask(mutex);
      asked.catch(() => undefined);
      await world.clock.advance(1_000);
      expect(await leased(world)).not.toEqual([]);
      if (!name.endsWith("run")) expect(await asked).toBeDefined();
    },
  );

  it("tells work that still runs, and the caller of run", async () => {
    const world = new World();
    const { mutex } = world.process();
    const asks = [
      (work: () => Promise<void>) => mutex.locker("job").run(work),
      (work: () => Promise<void>) => new Semaphore(mutex, "permits", { permits: 2 }).run(work),
      (work: () => Promise<void>) => new ReaderWriterLock(mutex, "config").read.run(work),
    ];
    const running = asks.map((run) => rejection(run(() => sleep(world.clock, 5_000))));
    await world.clock.advance(1_000);
    await world.until(mutex.releaseAll());
    expect(await leased(world)).toEqual([]);
    expect(await world.until(Promise.all(running))).toMatchObject(
      asks.map(() => ({ code: "LOCK_LOST", why: "released" })),
    );
  });

  it.each(Object.entries({ ...WAYS, ...TRIES }))(
    "leaves nothing held, in whichever moment of %s it comes",
    async (name, ask) => {
      for (let moments = 0, isOver = false; !isOver; moments += 1) {
        const world = new World();
        const { mutex } = world.process();
        const outcome = ask(mutex).then(
          (holding) => ({ holding }),
          (error) => ({ error }),
        );
        let isSettled = false;
        void outcome.then(() => {
          isSettled = true;
        });
        for (let moment = 0; moment < moments; moment += 1) await null;
        // "run" does not settle while it holds.
        isOver = isSettled || moments === 300;
        await world.until(mutex.releaseAll());
        expect(await leased(world), `${moments} moments`).toEqual([]);
        expect(world.log, `${moments} moments`).toEqual([]);
        if (name.endsWith("run")) continue;
        const { holding, error } = (await world.until(outcome, 100)) as {
          holding?: { isHeld: boolean };
          error?: unknown;
        };
        if (holding) expect(holding.isHeld).toBe(false);
        // A try may answer that it got nothing.
        else if (error !== undefined || !(name in TRIES)) expect(error, `${moments} moments`).toMatchObject(CLOSED);
      }
    },
  );

  it("refuses a try for what is just being released, or read elsewhere", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    const read = new ReaderWriterLock(mutex, "config").read;
    await world.until(new ReaderWriterLock(world.process().mutex, "config").write.lock());
    expect(await world.until(read.tryLock())).toBeUndefined();
    await world.until(mutex.locker("job").lock());
    store.delayAnswer("release", 500);
    const releasing = mutex.releaseAll();
    expect(await rejection(mutex.locker("job").tryLock())).toMatchObject(CLOSED);
    expect(await rejection(read.tryLock())).toMatchObject(CLOSED);
    await world.until(releasing);
  });

  it("hands nothing to the tasks of this process that wait in line", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.until(mutex.locker("job").lock());
    const waiting = [1, 2, 3].map(() => rejection(mutex.locker("job").lock()));
    await world.clock.advance(100);
    await world.until(mutex.releaseAll());
    expect(await Promise.all(waiting)).toMatchObject([CLOSED, CLOSED, CLOSED]);
    expect(store.count("release")).toBe(1);
    expect(await leased(world)).toEqual([]);
  });

  it.each([
    ["lock", (mutex: AzureMutex) => mutex.locker("job").lock()],
    ["acquire", (mutex: AzureMutex) => mutex.acquire("job", 60)],
  ] as const)("gives back what %s is granted while it goes on", async (_, ask) => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.until(mutex.locker("job").run(() => undefined));
    store.delayAnswer("acquire", 1_000);
    const asked = rejection(ask(mutex));
    await world.clock.advance(500);
    await world.until(mutex.releaseAll());
    expect(await asked).toMatchObject(CLOSED);
    expect(await leased(world)).toEqual([]);
  });

  it("resolves after timeoutMs though the service does not answer, and says so", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    const lock = await world.until(mutex.locker("job").lock());
    store.hang("release");
    const began = world.clock.now();
    await world.until(mutex.releaseAll({ timeoutMs: 2_000 }), 10_000, 100);
    expect(world.clock.now() - began).toBe(2_000);
    expect(lock.isHeld).toBe(false);
    expect(world.log).toEqual(["not everything was released within 2000 ms; what is held lapses by itself"]);
  });

  it("may be called again while it goes on: nothing is granted until both are done", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.until(mutex.locker("slow").lock());
    store.delayAnswer("release", 500);
    const both = [mutex.releaseAll({ timeoutMs: 100 }), mutex.releaseAll()];
    await world.until(both[0] as Promise<void>);
    expect(await rejection(mutex.locker("job").lock())).toMatchObject(CLOSED);
    await world.until(both[1] as Promise<void>);
    expect(await world.until(mutex.locker("job").tryLock())).toBeDefined();
  });

  it.each([Number.NaN, -1, "soon"])("refuses a timeoutMs of %s", async (timeoutMs) => {
    const { mutex } = new World().process();
    await expect(mutex.releaseAll({ timeoutMs } as never)).rejects.toThrow(RangeError);
    expect(spaceOf(mutex).closing.signal.aborted).toBe(false);
  });

  it("leaves no timer behind", async () => {
    const world = new World();
    const { mutex } = world.process();
    await world.until(mutex.locker("job").lock());
    await world.until(mutex.releaseAll());
    expect(world.clock.pendingTimers({ keepAlive: true })).toBe(0);
  });
});

describe("AzureMutex.close", () => {
  it.each(Object.entries({ ...WAYS, ...TRIES }))("refuses %s from then on, without a request", async (_, ask) => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.until(mutex.locker("job").lock());
    await world.until(mutex.close());
    expect(await leased(world)).toEqual([]);
    const requests = store.count();
    expect(await world.until(rejection(ask(mutex)))).toMatchObject({ ...CLOSED, message: "the mutex is closed" });
    expect(store.count()).toBe(requests);
  });

  it("ends an election that waits between two terms", async () => {
    const world = new World();
    const { mutex } = world.process();
    const running = rejection(new LeaderElection(mutex, "office").run(() => undefined));
    await world.clock.advance(300);
    await world.until(mutex.close());
    expect(await world.until(running)).toMatchObject(CLOSED);
  });

  it("during a releaseAll says that the mutex is closed, and stays so", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.until(mutex.locker("slow").lock());
    store.delayAnswer("release", 500);
    const releasing = mutex.releaseAll();
    const closing = mutex.close();
    expect(await rejection(mutex.locker("job").lock())).toMatchObject({ message: "the mutex is closed" });
    await world.until(Promise.all([releasing, closing]));
    expect(await rejection(mutex.locker("job").lock())).toMatchObject({ message: "the mutex is closed" });
  });

  it("leaves looking and breaking alone", async () => {
    const world = new World();
    const { mutex } = world.process();
    const { mutex: other } = world.process();
    await world.until(other.locker("job").lock());
    await world.until(mutex.close());
    expect(await world.until(mutex.inspect("job"))).toMatchObject({ isHeld: true });
    expect(await world.until(mutex.break("job"))).toMatchObject({ outcome: "broken" });
    // Called again, there is nothing to do.
    await world.until(mutex.close());
  });

  it("comes at the end of an await using block, and does not throw", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    store.hang("release");
    const scope = async (): Promise<void> => {
      await using closed = mutex;
      await closed.locker("job").lock();
    };
    await world.until(scope());
    expect(await rejection(mutex.locker("job").lock())).toMatchObject(CLOSED);
  });
});

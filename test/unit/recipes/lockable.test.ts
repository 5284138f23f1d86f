import { describe, expect, it } from "vitest";
import type { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Holding } from "../../../src/locks/holding.ts";
import type { Lockable } from "../../../src/locks/lockable.ts";
import { Locker } from "../../../src/locks/locker.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { lockAll } from "../../../src/recipes/lock-all.ts";
import { ReaderWriterLock } from "../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import type { LockEvents } from "../../../src/telemetry/lock-events.ts";
import { World } from "../../support/world.ts";

interface Events {
  on<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): unknown;
}

const NAMES: readonly (keyof LockEvents)[] = ["acquired", "renewed", "renewFailed", "handedOver", "lost", "released"];

/** What can be held, each with a task of another process that is in the way of it. */
const LOCKABLES: readonly (readonly [
  name: string,
  open: (mutex: AzureMutex) => Lockable<Holding>,
  block: (mutex: AzureMutex) => Promise<Holding>,
  key: string,
])[] = [
  ["a locker", (mutex) => new Locker(mutex, "job"), (mutex) => mutex.locker("job").lock(), "job"],
  [
    "a semaphore",
    (mutex) => new Semaphore(mutex, "job", { permits: 1 }),
    (mutex) => new Semaphore(mutex, "job", { permits: 1 }).acquire(),
    "job",
  ],
  [
    "a read side",
    (mutex) => new ReaderWriterLock(mutex, "job").read,
    (mutex) => new ReaderWriterLock(mutex, "job").write.lock(),
    "job",
  ],
  [
    "a write side",
    (mutex) => new ReaderWriterLock(mutex, "job").write,
    (mutex) => new ReaderWriterLock(mutex, "job").read.lock(),
    "job",
  ],
  ["several locks", (mutex) => lockAll(mutex, ["job", "other"]), (mutex) => mutex.locker("other").lock(), "job, other"],
];

/** The events that are told from now on, as `name key`. */
function heard(of: Events): string[] {
  const told: string[] = [];
  for (const name of NAMES) of.on(name, ({ key }) => told.push(`${name} ${key}`));
  return told;
}

describe.each(LOCKABLES)("whatever can be held: %s", (_name, open, block, key) => {
  it("is locked, is tried for, and runs work, with events of each", async () => {
    const world = new World();
    const lockable = open(world.process().mutex);
    const told = heard(lockable);
    const holding = await world.until(lockable.lock());
    expect(holding).toMatchObject({ key, isHeld: true });
    await world.until(holding.release());
    const tried = await world.until(lockable.tryLock());
    await world.until(tried?.release() ?? Promise.reject(new Error("it is free")));
    expect(await world.until(lockable.run((one) => one.isHeld))).toBe(true);
    await world.clock.settle();
    expect(told).toEqual(Array.from({ length: 3 }, () => [`acquired ${key}`, `released ${key}`]).flat());
  });

  it("is not had while another is in the way: undefined, or LOCK_TIMEOUT within the wait's own timeoutMs", async () => {
    const world = new World();
    const blocking = await world.until(block(world.process().mutex));
    const lockable = open(world.process().mutex);
    const told = heard(lockable);
    expect(await world.until(lockable.tryLock())).toBeUndefined();
    await expect(world.until(lockable.lock({ timeoutMs: 0 }))).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
    const since = world.clock.now();
    await expect(world.until(lockable.run(() => undefined, { timeoutMs: 3_000 }))).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
    });
    expect(world.clock.now() - since).toBeGreaterThanOrEqual(3_000);
    expect(told).toEqual([]);
    const waiting = lockable.lock();
    await world.until(blocking.release());
    expect((await world.until(waiting, 20_000)).isHeld).toBe(true);
  });

  it("tells of nothing once it is not listened to", async () => {
    const world = new World();
    const lockable = open(world.process().mutex);
    const told: unknown[] = [];
    const listener = (event: unknown): unknown => told.push(event);
    expect(lockable.on("acquired", listener)).toBe(lockable);
    expect(lockable.off("acquired", listener)).toBe(lockable);
    await world.until((await world.until(lockable.lock())).release());
    expect(told).toEqual([]);
    expect(() => lockable.on("stolen" as never, listener)).toThrow(TypeError);
  });

  it("tells of a loss", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    const lockable = open(mutex);
    const told = heard(lockable);
    const holding = await world.until(lockable.lock());
    store.hang("all");
    await world.clock.advance(40_000);
    expect(holding.isHeld).toBe(false);
    expect(told.filter((event) => !event.startsWith("renewFailed"))).toEqual([`acquired ${key}`, `lost ${key}`]);
  });
});

describe("an election", () => {
  it("gives a leadership whose fencing token is its term", async () => {
    const leadership = await new LeaderElection(new World().process().mutex, "office").campaign();
    expect(leadership.fencingToken).toBe(leadership.term);
  });

  it("has the events of each term, of a campaign and of run", async () => {
    const world = new World();
    const election = new LeaderElection(world.process().mutex, "office");
    const told = heard(election);
    await world.until((await world.until(election.campaign())).release());
    const stop = new AbortController();
    const running = election.run(() => stop.abort("enough"), { signal: stop.signal });
    await expect(world.until(running)).rejects.toBe("enough");
    expect(told).toEqual(["acquired office", "released office", "acquired office", "released office"]);
  });
});

describe("lockAll", () => {
  it.each(["timeoutMs", "signal", "until"])("refuses %s, which is an option of the wait", (name) => {
    const { mutex } = new World().process();
    expect(() => lockAll(mutex, ["a"], { [name]: undefined })).toThrow(
      `${name} is an option of lock(), tryLock() and run()`,
    );
  });
});

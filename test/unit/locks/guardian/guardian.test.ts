import { describe, expect, it, vi } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { spaceOf } from "../../../../src/locks/mutex.ts";
import { MemoryLeaseStore } from "../../../../src/testing/index.ts";
import { takeOneOfEach } from "../../../support/one-of-each.ts";
import { World } from "../../../support/world.ts";
import { GuardedProcess } from "./fake-guardian.ts";

/** In milliseconds. */
const START_EVERY_MS = 10_000;

describe("the guardian of a process", () => {
  it("is started with the first lease, and is told which process it watches", async () => {
    const { world, mutex, links } = new GuardedProcess();
    await world.until(mutex.inspect("job"));
    await world.clock.advance(60_000);
    expect(links).toEqual([]);
    const lock = await world.until(mutex.locker("job").lock());
    expect(links).toHaveLength(1);
    const [first] = links[0]?.news ?? [];
    expect(first?.parent?.pid).toBe(process.pid);
    if (process.platform === "linux") expect(first?.parent?.startedAt).toBeGreaterThan(0);
    expect(links[0]?.news.filter(({ parent }) => parent)).toHaveLength(1);
    expect([...(links[0]?.known.keys() ?? [])]).toEqual([lock.leaseId]);
  });

  it("knows of all that the process has, of whatever kind, and of nothing that it has given back", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex } = guarded;
    const [held] = await world.until(
      Promise.all([
        takeOneOfEach(mutex),
        mutex.locker("fair", { fair: true }).lock(),
        mutex.acquire("by hand", 60),
        mutex.acquire("infinite", "infinite"),
      ]),
    );
    expect((await guarded.leased()).length).toBeGreaterThan(9);
    expect(guarded.link.known.size).toBe((await guarded.leased()).length);
    await world.until(Promise.all(held.map((one) => one.release())));
    expect(guarded.link.known.size).toBe((await guarded.leased()).length);
    await guarded.release();
    expect(await guarded.leased()).toEqual([]);
    await world.until(mutex.releaseAll());
    expect([...guarded.link.known]).toEqual([]);
  });

  it("knows of a lease before the service can have granted it, and until its release is answered", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex } = guarded;
    const lock = await world.until(mutex.locker("going").lock());
    vi.spyOn(world.memory, "acquire").mockReturnValue(new Promise(() => undefined));
    vi.spyOn(world.memory, "release").mockReturnValue(new Promise(() => undefined));
    void mutex.locker("coming").lock();
    void lock.release();
    await world.clock.settle();
    const known = [...guarded.link.known.values()];
    expect(known.map(({ request, isUnsure }) => [(request as { url: string }).url, isUnsure])).toEqual([
      ["going", true],
      ["coming", true],
    ]);
  });

  it("is never told that a lease is gone which is granted, or is being released, at that moment", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex } = guarded;
    await world.until(mutex.locker("job").run(() => undefined));
    const { link } = guarded;
    const ids = link.news.flatMap(({ gone }) => gone);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(1);
    expect([...link.known]).toEqual([]);
    await world.until(mutex.releaseAll());
  });

  it("hears of each renewal, with a request that is as new, and with the time that the lease has", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex } = guarded;
    await world.until(mutex.locker("job", { leaseSeconds: 30 }).lock());
    const { link } = guarded;
    const told = link.news.length;
    await world.clock.advance(60_000);
    const renewals = link.news.slice(told).flatMap(({ stand }) => stand);
    expect(renewals.length).toBeGreaterThanOrEqual(5);
    for (const { ms, isUnsure } of renewals) expect([ms, isUnsure]).toEqual([30_000, false]);
    const [infinite] = await world.until(Promise.all([mutex.acquire("infinite", "infinite")]));
    expect(link.known.get(infinite.leaseId)?.ms).toBeNull();
  });

  it("is told the latest once it has taken what it was told before, and waits with nothing", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex } = guarded;
    await world.until(mutex.locker("first").lock());
    const { link } = guarded;
    link.isBusy = true;
    const told = link.news.length;
    await world.until(mutex.locker("come and gone").run(() => undefined));
    const second = await world.until(mutex.locker("second").lock());
    expect(link.news).toHaveLength(told);
    link.take();
    expect(link.news).toHaveLength(told + 1);
    expect(link.news.at(-1)?.stand.map(({ id }) => id)).toEqual([second.leaseId]);
  });

  it("ends where it takes nothing, once there is nothing to guard: it keeps the process alive", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex, links } = guarded;
    const [first, second] = await world.until(Promise.all([mutex.acquire("first", 60), mutex.acquire("second", 60)]));
    guarded.link.isBusy = true;
    await world.until(first.release());
    await world.clock.advance(5_000);
    expect(guarded.link.hasEnded).toBe(false);
    await world.until(second.release());
    // It may only be slow.
    await world.clock.advance(500);
    expect(guarded.link.hasEnded).toBe(false);
    await world.clock.advance(500);
    expect([guarded.link.hasEnded, world.log]).toEqual([true, []]);
    await world.until(mutex.locker("third").lock());
    expect([links.length, guarded.link.known.size]).toEqual([2, 1]);
  });

  it("serves several mutexes, ends with the last of them, and begins anew with the next", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex, links, guardian } = guarded;
    const other = guarded.another();
    const leaveOther = guardian.watch(spaceOf(other));
    await world.until(Promise.all([mutex.locker("one").lock(), other.locker("two").lock()]));
    expect(links).toHaveLength(1);
    expect(links[0]?.known.size).toBe(2);
    await world.until(mutex.close());
    guarded.leave();
    // A mutex may be closed twice.
    guarded.leave();
    expect(links[0]?.hasEnded).toBe(false);
    await world.until(other.close());
    leaveOther();
    expect(links[0]?.hasEnded).toBe(true);
    // What it is told of after that is another's.
    const again = guarded.another();
    guardian.watch(spaceOf(again));
    await world.until(again.locker("three").lock());
    expect(links).toHaveLength(2);
    expect([links[1]?.known.size, links[1]?.news[0]?.parent?.pid]).toEqual([1, process.pid]);
  });

  it("has a successor that knows everything, when it has ended", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex, links } = guarded;
    // Nothing renews the first one.
    const [first, second] = await world.until(Promise.all([mutex.acquire("first", 60), mutex.locker("second").lock()]));
    links[0]?.die();
    expect(world.log).toEqual([expect.stringMatching(/^the guardian process has ended \(killed by SIGKILL\): /)]);
    await world.clock.advance(2 * START_EVERY_MS);
    expect(links).toHaveLength(2);
    expect([...guarded.link.known.keys()].sort()).toEqual([first.leaseId, second.leaseId].sort());
    // What the first one says later is of no account.
    links[0]?.die();
    await world.clock.advance(2 * START_EVERY_MS);
    expect([links.length, world.log.length]).toEqual([2, 1]);
    expect([first.isHeld, second.isHeld]).toEqual([true, true]);
  });

  it("is not started again and again where each ends at once, nor is each told of", async () => {
    const { world, mutex, links } = new GuardedProcess();
    for (let locks = 0; locks < 300; locks += 1) {
      const lock = await world.until(mutex.locker("job").lock());
      await world.clock.advance(200);
      await world.until(lock.release());
      links.at(-1)?.die("with exit code 9");
    }
    const tookMs = world.clock.now();
    expect(links.length).toBeGreaterThan(2);
    expect(links.length).toBeLessThanOrEqual(1 + tookMs / START_EVERY_MS);
    expect(world.log.length).toBeLessThanOrEqual(1);
  });
});

describe("without a guardian that can be started", () => {
  it("a lock is a lock, and the log says why", async () => {
    const guarded = new GuardedProcess();
    guarded.failure = new Error("not permitted");
    const { world, mutex, links } = guarded;
    const lock = await world.until(mutex.locker("job").lock());
    await world.clock.advance(60_000);
    expect(lock.isHeld).toBe(true);
    await world.until(lock.release());
    expect(await guarded.leased()).toEqual([]);
    expect(links).toEqual([]);
    expect(world.log).toEqual([
      expect.stringMatching(/^no guardian process can be started \(Error: not permitted\): /),
    ]);
    // The reason may have passed.
    guarded.failure = undefined;
    await world.clock.advance(START_EVERY_MS);
    await world.until(mutex.locker("job").lock());
    expect(links).toHaveLength(1);
  });

  it("none is started for a store that has no request to hand on, and the log says so", async () => {
    const { world, mutex, links } = new GuardedProcess(new World(), { hasRequests: false });
    await world.until(mutex.locker("job").lock());
    await world.until(mutex.locker("other").lock());
    await world.clock.advance(60_000);
    expect(links).toEqual([]);
    expect(world.log).toEqual([expect.stringMatching(/^the guardian has nothing to release a lease with: /)]);
  });
});

describe("what a guardian releases", () => {
  it("is never another's, however late it comes, and however often", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex } = guarded;
    await world.until(mutex.locker("job", { leaseSeconds: 15 }).lock());
    const known = [...guarded.link.known.values()];
    await world.until(mutex.close());
    const { mutex: other } = world.process();
    const lock = await world.until(other.locker("job", { leaseSeconds: 15 }).lock());
    for (let times = 0; times < 3; times += 1) {
      for (const { id, request } of known) {
        expect(id).not.toBe(lock.leaseId);
        expect((await world.memory.release((request as { url: string }).url, id)).kind).toBe("refused");
      }
      await world.clock.advance(20_000);
      expect([lock.isHeld, await world.leaseState("job")]).toEqual([true, "leased"]);
    }
    expect(await guarded.leased()).toEqual(["job"]);
  });

  it("is never another's where the line goes on under another id", async () => {
    const guarded = new GuardedProcess();
    const { world, mutex } = guarded;
    const first = await world.until(mutex.locker("job", { fair: true }).lock());
    const { mutex: other } = world.process();
    const next = other.locker("job", { fair: true }).lock();
    await world.clock.advance(2_000);
    const known = [...guarded.link.known.values()];
    await world.until(first.release());
    const lock = await world.until(next);
    for (const { id, request } of known) await world.memory.release((request as { url: string }).url, id);
    await world.clock.advance(60_000);
    expect([lock.isHeld, await world.leaseState("job")]).toEqual([true, "leased"]);
  });
});

describe("the option guardian", () => {
  it.each([1, "yes", null, {}])("is a boolean, and not %j", (guardian) => {
    const options = { store: new MemoryLeaseStore(), guardian: guardian as unknown as boolean };
    expect(() => new AzureMutex(options)).toThrow(/^guardian must be true or false, not /);
  });

  it("is false by default: nothing listens to what the process has", () => {
    const { mutex } = new World().process();
    const listening = vi.spyOn(spaceOf(mutex).standing, "onChange");
    expect(listening).not.toHaveBeenCalled();
    expect(() => new World().process({ guardian: undefined })).not.toThrow();
  });
});

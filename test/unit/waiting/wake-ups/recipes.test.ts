import { describe, expect, it } from "vitest";
import { LeaderElection } from "../../../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { type Permit, Semaphore } from "../../../../src/recipes/semaphore/semaphore.ts";
import { WokenWorld } from "../../../support/woken.ts";

const MINUTE = 60_000;

describe("a waiter for a permit whose holders are on the channel", () => {
  it.each([false, true])(
    "polls less than once in three seconds, and has it soon after a release (fair: %s)",
    async (fair) => {
      const world = new WokenWorld();
      const semaphoreOf = () => new Semaphore(world.member().mutex, "exports", { permits: 2, fair });
      const first = await world.until(semaphoreOf().acquire());
      await world.until(semaphoreOf().acquire());
      const { store, mutex } = world.member();
      const waiting = new Semaphore(mutex, "exports", { permits: 2, fair }).acquire();
      await world.pass(10_000);
      store.forgetCalls();
      await world.pass(5 * MINUTE);
      expect(store.count("list") / 300).toBeLessThan(1 / 3);
      const releasedAt = world.clock.now();
      await world.until(first.release(), MINUTE, 1);
      const permit = await world.until(waiting, MINUTE, 1);
      expect(permit.slot).toBe(first.slot);
      expect(world.clock.now() - releasedAt).toBeLessThan(60);
    },
  );

  it("queues with fair as for a lock: all look seldom, and each has its permit in its turn, soon", async () => {
    const world = new WokenWorld();
    const members = Array.from({ length: 5 }, () => world.member());
    const semaphores = members.map(({ mutex }) => new Semaphore(mutex, "exports", { permits: 1, fair: true }));
    const order: number[] = [];
    const waiting: Promise<Permit>[] = [];
    for (const [index, semaphore] of semaphores.entries()) {
      const permit = semaphore.acquire();
      void permit.then(() => order.push(index));
      waiting.push(permit);
      await world.pass(1_500);
    }
    await world.pass(2 * MINUTE);
    for (const { store } of members) store.forgetCalls();
    await world.pass(5 * MINUTE);
    // The holder renews its lease, the first waiter that of the gate.
    for (const { store } of members.slice(2)) expect(store.count() / 300).toBeLessThan(1 / 4);
    for (const [index, permit] of waiting.entries()) {
      const releasedAt = world.clock.now();
      void (await permit).release();
      const next = waiting[index + 1];
      if (next) await world.until(next, MINUTE, 1);
      expect(world.clock.now() - releasedAt).toBeLessThan(100);
    }
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it("is woken by each of two releases at once", async () => {
    const world = new WokenWorld();
    const semaphoreOf = () => new Semaphore(world.member().mutex, "exports", { permits: 2 });
    const held = [await world.until(semaphoreOf().acquire()), await world.until(semaphoreOf().acquire())];
    const waiting = [semaphoreOf().acquire(), semaphoreOf().acquire(), semaphoreOf().acquire()];
    let served = 0;
    for (const one of waiting) void one.then(() => (served += 1));
    await world.pass(20_000);
    for (const permit of held) void permit.release();
    await world.pass(400);
    expect(served).toBe(2);
  });
});

describe("a reader-writer lock on the channel", () => {
  it("wakes all readers when the writer is done", async () => {
    const world = new WokenWorld();
    const writer = await world.until(new ReaderWriterLock(world.member().mutex, "config").write.lock());
    const members = Array.from({ length: 6 }, () => world.member());
    let reading = 0;
    for (const { mutex } of members) void new ReaderWriterLock(mutex, "config").read.lock().then(() => (reading += 1));
    await world.pass(20_000);
    for (const { store } of members) store.forgetCalls();
    await world.pass(MINUTE);
    for (const { store } of members) expect(store.count() / 60).toBeLessThan(1 / 3);
    expect(reading).toBe(0);
    void writer.release();
    await world.pass(200);
    expect(reading).toBe(6);
  });

  it("wakes a writer when the last reader is done", async () => {
    const world = new WokenWorld();
    const read = () => new ReaderWriterLock(world.member().mutex, "config").read.lock();
    const [first, last] = [await world.until(read()), await world.until(read())];
    const { store, mutex } = world.member();
    const waiting = new ReaderWriterLock(mutex, "config").write.lock();
    await world.pass(20_000);
    store.forgetCalls();
    await world.pass(MINUTE);
    expect(store.count("list") / 60).toBeLessThan(1 / 3);
    await world.until(first.release());
    await world.pass(1_000);
    const releasedAt = world.clock.now();
    void last.release();
    await world.until(waiting, MINUTE, 1);
    expect(world.clock.now() - releasedAt).toBeLessThan(60);
  });
});

describe("an election on the channel", () => {
  const electionOf = ({ mutex }: ReturnType<WokenWorld["member"]>, candidate: string): LeaderElection =>
    new LeaderElection(mutex, "office", { candidate });

  it("tells an observer that looks once a minute of each change, within a second", async () => {
    const world = new WokenWorld();
    const observer = world.member();
    const seen: (string | undefined)[] = [];
    const stop = new AbortController();
    const observing = (async () => {
      for await (const leader of electionOf(observer, "none").observe({ everyMs: MINUTE, signal: stop.signal }))
        seen.push(leader?.candidate);
    })();
    observing.catch(() => undefined);
    await world.pass(1_000);
    const first = await world.until(electionOf(world.member(), "a").campaign());
    await world.pass(1_000);
    expect(seen).toEqual([undefined, "a"]);
    await world.until(first.release());
    await world.pass(1_000);
    expect(seen).toEqual([undefined, "a", undefined]);
    await world.until(electionOf(world.member(), "b").campaign());
    await world.pass(1_000);
    expect(seen).toEqual([undefined, "a", undefined, "b"]);
    // No further messages, no further looks.
    observer.store.forgetCalls();
    await world.pass(10 * MINUTE);
    expect(observer.store.count()).toBeLessThanOrEqual(12);
    stop.abort();
    await expect(observing).rejects.toThrow();
  });

  it("tells no observer more often than twice a second, whatever messages are forged", async () => {
    const world = new WokenWorld();
    await world.until(electionOf(world.member(), "a").campaign());
    const observer = world.member();
    const observing = electionOf(observer, "none").observe({ everyMs: MINUTE });
    await world.until(observing.next());
    const waiting = observing.next();
    const forge = (): void => {
      world.wakeUps.publish(world.topic, "taken 0-0-0-0");
      if (world.clock.now() < 40_000) world.clock.setTimer(5, forge);
    };
    observer.store.forgetCalls();
    forge();
    await world.pass(30_000);
    expect(observer.store.count()).toBeLessThan(30 * 2 + 15);
    void waiting.catch(() => undefined);
    await world.until(observer.mutex.close());
  });

  it("costs a stand-by at most a request in four seconds, however long a leader leads", async () => {
    const world = new WokenWorld();
    await world.until(electionOf(world.member(), "a").campaign());
    const standBy = world.member();
    const waiting = electionOf(standBy, "b").campaign();
    waiting.catch(() => undefined);
    await world.pass(10_000);
    standBy.store.forgetCalls();
    await world.pass(60 * MINUTE);
    expect(standBy.store.count() / 3_600).toBeLessThanOrEqual(0.25);
    await world.until(standBy.mutex.close());
  });
});

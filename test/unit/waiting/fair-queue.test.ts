import { describe, expect, it } from "vitest";
import { AccessDeniedError } from "../../../src/errors.ts";
import type { Lock } from "../../../src/locks/lock.ts";
import { World } from "../../support/world.ts";

function setup(count: number) {
  const world = new World();
  const processes = Array.from({ length: count }, () => world.process());
  const lockers = processes.map(({ mutex }) => mutex.locker("job", { fair: true }));
  return { world, clock: world.clock, processes, lockers };
}

async function tickets(world: World): Promise<string[]> {
  const found = await world.helperBlobs();
  return found.filter(({ key }) => key.includes("/queue/")).map(({ key, leaseState }) => `${leaseState} ${key}`);
}

describe("with fair: true", () => {
  it("processes get the lock in the order they came", async () => {
    const { world, clock, lockers } = setup(8);
    const order: number[] = [];
    const done = lockers.map(async (locker, n) => {
      await new Promise<void>((resolve) => clock.setTimer(n * 1_500, resolve));
      const lock = await locker.lock();
      order.push(n);
      await new Promise<void>((resolve) => clock.setTimer(3_000, resolve));
      await lock.release();
    });
    await world.until(Promise.all(done));
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await clock.advance(1_000);
    expect(await tickets(world)).toEqual([]);
    expect(await world.leaseState("job")).toBe("available");
    expect(clock.pendingTimers()).toBe(0);
  });

  it("a lock and unlock without a waiter costs exactly one request more", async () => {
    const { world, processes, lockers } = setup(1);
    await world.until((lockers[0] as (typeof lockers)[0]).run(() => undefined));
    const [{ store }] = processes as [(typeof processes)[0]];
    store.forgetCalls();
    await world.until((lockers[0] as (typeof lockers)[0]).run(() => undefined));
    expect(store.calls.map(({ operation }) => operation)).toEqual(["acquire", "list", "release"]);
  });

  it("an acquisition that waits costs 2 requests to join, 1 to leave, and its polls", async () => {
    const { world, clock, processes, lockers } = setup(2);
    const [holder, waiter] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(holder.lock());
    const { store } = processes[1] as (typeof processes)[0];
    const waiting = waiter.lock();
    await clock.advance(5_000);
    await held.release();
    await world.until(waiting);
    await clock.settle();
    expect(store.count("create")).toBe(1);
    expect(store.count("remove")).toBe(1);
    expect(store.calls.slice(0, 4).map(({ operation }) => operation)).toEqual(["acquire", "create", "acquire", "list"]);
  });

  describe("the next in the queue", () => {
    async function nextInLine() {
      const { world, clock, processes, lockers } = setup(2);
      const [holder, waiter] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
      const held = await world.until(holder.lock());
      const { store } = processes[1] as (typeof processes)[0];
      const waiting = waiter.lock();
      /** What it asks for from the hand-over on. */
      const handOver = async (): Promise<Lock> => {
        store.forgetCalls();
        await held.release();
        return await world.until(waiting);
      };
      return { world, clock, store, held, handOver };
    }

    it("reads the record once while it waits, and not when it is handed the lock", async () => {
      const { clock, store, held, handOver } = await nextInLine();
      await clock.advance(5_000);
      expect(store.count("read")).toBe(1);
      const lock = await handOver();
      expect(store.count("read")).toBe(0);
      expect(store.count("writeMetadata")).toBe(1);
      expect(lock.fencingToken).toBeGreaterThan(held.fencingToken as number);
    });

    it("reads it again if it was written since", async () => {
      const { world, clock, store, held, handOver } = await nextInLine();
      await clock.advance(5_000);
      const before = await world.memory.read("job");
      if (before.kind !== "found") throw new Error("the blob is gone");
      const { metadata, etag } = before.blob;
      await world.memory.writeMetadata(
        "job",
        { ...metadata, theirs: "kept" },
        { leaseId: held.leaseId, ifMatch: etag },
      );
      const lock = await handOver();
      // Once more for the entry of another, as it is written.
      expect(store.count("read")).toBe(2);
      expect(lock.fencingToken).toBeGreaterThan(held.fencingToken as number);
      expect(await world.memory.read("job")).toMatchObject({ blob: { metadata: { theirs: "kept" } } });
    });

    it.each(["refused", "hanging"])("has the lock all the same if that read is %s", async (how) => {
      const { clock, store, handOver } = await nextInLine();
      const fault = how === "refused" ? store.failBefore("read") : store.hang("read");
      await clock.advance(5_000);
      fault.heal();
      const lock = await handOver();
      expect(store.count("read")).toBe(1);
      expect(lock.isHeld).toBe(true);
    });
  });

  it("tasks of one process wait in line with those of others", async () => {
    const { world, clock, lockers } = setup(2);
    const [here, there] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    const order: string[] = [];
    const take = async (name: string, waiting: Promise<Lock>) => {
      const lock = await waiting;
      order.push(name);
      await new Promise<void>((resolve) => clock.setTimer(100, resolve));
      await lock.release();
    };
    const first = await world.until(here.lock());
    const tasks: Promise<void>[] = [];
    for (const [name, locker] of [
      ["here 1", here],
      ["there 1", there],
      ["here 2", here],
      ["there 2", there],
    ] as const) {
      tasks.push(take(name, locker.lock()));
      await clock.advance(2_000);
    }
    await first.release();
    await world.until(Promise.all(tasks));
    expect(order).toEqual(["here 1", "there 1", "here 2", "there 2"]);
  });

  it("a waiter that gives up leaves no ticket, and the next one is served", async () => {
    const { world, clock, lockers } = setup(3);
    const [a, b, c] = lockers as [(typeof lockers)[0], (typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const stop = new AbortController();
    const given = expect(b.lock({ signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(2_000);
    const waiting = c.lock();
    await clock.advance(2_000);
    expect(await tickets(world)).toHaveLength(2);
    stop.abort("enough");
    await given;
    await clock.advance(10);
    expect(await tickets(world)).toHaveLength(1);
    await held.release();
    expect((await world.until(waiting, 20_000)).isHeld).toBe(true);
  });

  describe("credentials that may not delete", () => {
    const denied = { error: new AccessDeniedError("403 AuthorizationPermissionMismatch") };

    function undeletable(count: number) {
      const given = setup(count);
      for (const { store } of given.processes) store.failBefore("remove", denied);
      return given;
    }

    it("release at once, in order, and their tickets are out of the queue without a lease", async () => {
      const { world, clock, lockers } = undeletable(3);
      const order: number[] = [];
      const take = async (n: number) => {
        const lock = await lockers[n]?.lock();
        order.push(n);
        await lock?.release();
      };
      const first = await world.until((lockers[0] as (typeof lockers)[0]).lock());
      const waiting = [1, 2].map(async (n) => {
        await new Promise<void>((resolve) => clock.setTimer(n * 2_000, resolve));
        await take(n);
      });
      await clock.advance(6_000);
      await first.release();
      await world.until(Promise.all(waiting), 10_000);
      expect(order).toEqual([1, 2]);
      await clock.advance(3_000);
      expect((await tickets(world)).map((ticket) => ticket.split(" ")[0])).toEqual(["available", "available"]);
      expect(await world.leaseState("job")).toBe("available");
    });

    it("give up waiting at once, and say once in each process that blobs stay", async () => {
      const { world, clock, lockers, processes } = undeletable(2);
      const [holder, waiter] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
      for (let round = 0; round < 3; round += 1) {
        const held = await world.until(holder.lock());
        await expect(world.until(waiter.lock({ timeoutMs: 3_000 }))).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
        await clock.advance(2_000);
        expect((await tickets(world)).filter((ticket) => ticket.startsWith("leased"))).toEqual([]);
        await world.until(held.release(), 1_000);
        await clock.advance(61_000);
      }
      // The tickets of the first rounds are dead, and would be swept by each listing.
      expect((processes[1] as (typeof processes)[0]).store.count("remove")).toBe(3);
      expect(world.log.filter((line) => line.includes("cannot be deleted"))).toHaveLength(processes.length);
    });

    it("try one deletion every two minutes while they are refused, and sweep all once one is answered", async () => {
      const { world, clock, lockers, processes } = undeletable(2);
      const [holder, waiter] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
      const { store } = processes[1] as (typeof processes)[0];
      const held = await world.until(holder.lock());
      for (let round = 0; round < 4; round += 1)
        await expect(world.until(waiter.lock({ timeoutMs: 1_000 }))).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
      await world.until(held.release());
      // Each look at the queue sees the tickets that stayed.
      const look = async (forMs: number): Promise<void> => {
        for (let ms = 0; ms < forMs; ms += 10_000) {
          await world.until(waiter.run(() => undefined));
          await clock.advance(10_000);
        }
      };
      store.forgetCalls();
      await look(110_000);
      expect(store.count("remove")).toBe(0);
      await look(610_000);
      expect(store.count("remove")).toBe(5);
      expect(await tickets(world)).toHaveLength(4);
      store.heal();
      await look(140_000);
      expect(await tickets(world)).toEqual([]);
      expect(store.count("remove")).toBe(9);
    });

    it.each([
      ["is still on its way", 1_500],
      ["is still on its way, and a later one was answered", 6_000],
    ])("wait for the ticket's lease where an acquire of it %s", async (_, afterMs) => {
      const { world, clock, lockers, processes } = undeletable(2);
      const [holder, waiter] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
      const held = await world.until(holder.lock());
      const { store } = processes[1] as (typeof processes)[0];
      // Its own acquire of the lock is the first, that of its ticket the second.
      store.applyLate("acquire", 20_000, { after: 1, times: 1 });
      const stop = new AbortController();
      clock.setTimer(afterMs, () => stop.abort("enough"));
      await expect(world.until(waiter.lock({ signal: stop.signal }))).rejects.toBe("enough");
      await clock.advance(35_000);
      expect((await tickets(world)).filter((ticket) => ticket.startsWith("leased"))).toEqual([]);
      await world.until(held.release(), 1_000);
    });
  });

  it("a waiter that gives up just as it is given the lock passes it on", async () => {
    const { world, clock, lockers } = setup(3);
    const [a, b, c] = lockers as [(typeof lockers)[0], (typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const stop = new AbortController();
    const given = expect(b.lock({ signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(2_000);
    const waiting = c.lock();
    await clock.advance(2_000);
    await held.release();
    stop.abort("enough");
    await given;
    expect((await world.until(waiting, 12_000)).isHeld).toBe(true);
  });

  it("a dead waiter keeps the others for its ticket's lease and the lock's at most", async () => {
    const { world, clock, processes, lockers } = setup(3);
    const [a, b, c] = lockers as [(typeof lockers)[0], (typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    void b.lock().catch(() => undefined);
    await clock.advance(2_000);
    const waiting = c.lock();
    await clock.advance(2_000);
    processes[1]?.store.hang("all");
    await held.release();
    const before = clock.now();
    await world.until(waiting);
    expect(clock.now() - before).toBeLessThanOrEqual(90_000);
    await clock.advance(130_000);
    // The next one that lists the queue sweeps what the dead left behind.
    await c.unlock();
    await clock.advance(1_000);
    expect(await tickets(world)).toEqual([]);
  });

  it("a dead holder keeps the others for its lease at most", async () => {
    const { world, clock, processes, lockers } = setup(3);
    const [a, b] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    await world.until(a.lock());
    const waiting = b.lock();
    await clock.advance(2_000);
    processes[0]?.store.hang("all");
    const before = clock.now();
    await world.until(waiting);
    expect(clock.now() - before).toBeLessThanOrEqual(30_250);
  });

  it("only the first in line asks for the lock, so it enters first when a dead holder's lease runs out", async () => {
    const { world, clock, processes, lockers } = setup(4);
    await world.until((lockers[0] as (typeof lockers)[0]).lock());
    const order: number[] = [];
    for (const n of [1, 2, 3]) {
      void lockers[n]?.run(() => {
        order.push(n);
      });
      await clock.advance(1_500);
    }
    processes[0]?.store.hang("all");
    await clock.advance(60_000);
    expect(order).toEqual([1, 2, 3]);
    // Refused once at first, granted once at the end.
    expect(
      processes[3]?.store.calls.filter(({ operation, key }) => operation === "acquire" && key === "job").length,
    ).toBeLessThan(10);
  });

  it("no renewal is sent between the look at the queue and the hand-over", async () => {
    const { world, clock, processes, lockers } = setup(2);
    const [a, b] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const waiting = b.lock();
    await clock.advance(9_800);
    const [{ store }] = processes as [(typeof processes)[0]];
    store.delay("list", 500);
    store.forgetCalls();
    await world.until(held.release());
    expect(store.calls.map(({ operation }) => operation)).toEqual(["list", "change"]);
    await world.until(waiting);
  });

  it("tokens grow from hand-over to hand-over", async () => {
    const { world, clock, lockers } = setup(4);
    const tokens: number[] = [];
    const tasks = lockers.map(async (locker) => {
      for (let turn = 0; turn < 10; turn += 1) {
        await locker.run(async (lock) => {
          tokens.push(lock.fencingToken as number);
          await new Promise<void>((resolve) => clock.setTimer(50, resolve));
        });
      }
    });
    await world.until(Promise.all(tasks));
    expect(tokens).toHaveLength(40);
    expect(tokens).toEqual([...new Set(tokens)].sort((x, y) => x - y));
  });

  it("leaves the order to itself when the holder may not look at the queue, and releases", async () => {
    const { world, clock, processes, lockers } = setup(2);
    const [a, b] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const waiting = b.lock();
    await clock.advance(2_000);
    processes[0]?.store.failBefore("list");
    await world.until(held.release());
    expect((await world.until(waiting, 12_000)).isHeld).toBe(true);
  });

  it("inspect and list show who waits, in order, since when, and change nothing", async () => {
    const { world, clock } = setup(0);
    const names = ["holder", "first", "second"];
    const mutexes = names.map(() => world.process());
    const lock = (n: number) => mutexes[n]?.mutex.locker("job", { fair: true, holder: names[n] as string }).lock();
    await world.until(lock(0) as Promise<Lock>);
    void lock(1)?.catch(() => undefined);
    await clock.advance(2_000);
    void lock(2)?.catch(() => undefined);
    await clock.advance(2_000);
    const onlooker = world.process();
    const status = await world.until(onlooker.mutex.inspect("job"));
    expect(status.waiting?.map(({ holder }) => holder.name)).toEqual(["first", "second"]);
    const [first, second] = status.waiting ?? [];
    expect((second?.since.getTime() as number) - (first?.since.getTime() as number)).toBe(2_000);
    for await (const { key, waiting } of onlooker.mutex.list()) {
      expect([key, waiting?.map(({ holder }) => holder.name)]).toEqual(["job", ["first", "second"]]);
    }
    expect(new Set(onlooker.store.calls.map(({ operation }) => operation))).toEqual(new Set(["read", "list"]));
  });

  it("a winner's release waits until its ticket is gone, or it would be handed the lock again", async () => {
    const { world, clock, processes, lockers } = setup(2);
    const [a, b] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const waiting = b.lock();
    await clock.advance(2_000);
    processes[1]?.store.hang("remove", { times: 1 });
    await held.release();
    const won = await world.until(waiting);
    const before = clock.now();
    await world.until(won.release());
    expect(clock.now() - before).toBeGreaterThan(2_000);
    expect(await tickets(world)).toEqual([]);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("a lease that runs out is renewed before it is handed over, and not between the look and that", async () => {
    const { world, clock, processes, lockers } = setup(2);
    const [a, b] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const waiting = b.lock();
    await clock.advance(2_000);
    const [{ store }] = processes as [(typeof processes)[0]];
    const hanging = store.hang("renew");
    // Now it is between two tries.
    await clock.advance(18_600);
    hanging.heal();
    store.forgetCalls();
    await world.until(held.release());
    const sent = store.calls.map(({ operation }) => operation);
    expect(sent.slice(sent.indexOf("list"))).toEqual(["list", "change"]);
    expect(sent.slice(0, sent.indexOf("list"))).toContain("renew");
    expect((await world.until(waiting, 10_500)).isHeld).toBe(true);
  });

  it("a hand-over that arrives after its waiter gave up is passed on, well before the lease would lapse", async () => {
    const { world, clock, processes, lockers } = setup(3);
    const [a, b, c] = lockers as [(typeof lockers)[0], (typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const stop = new AbortController();
    const given = expect(b.lock({ signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(2_000);
    const waiting = c.lock();
    await clock.advance(2_000);
    processes[0]?.store.applyLate("change", 5_000, { times: 1 });
    processes[0]?.store.hang("change", { after: 1 });
    const before = clock.now();
    held.release().catch(() => undefined);
    await clock.settle();
    stop.abort("enough");
    await given;
    await world.until(waiting, 60_000);
    expect(clock.now() - before).toBeLessThan(20_000);
  });

  it("a ticket is renewed every 30 s, by one request", async () => {
    const { world, clock, processes, lockers } = setup(2);
    const [a, b] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
    await world.until(a.lock());
    void b.lock().catch(() => undefined);
    await clock.advance(65_000);
    const renewals = processes[1]?.store.calls.filter(({ operation }) => operation === "renew") ?? [];
    expect(renewals).toHaveLength(2);
    expect(await tickets(world)).toHaveLength(1);
  });

  it("a ticket that lapsed while its owner was stopped is taken again, in its old place", async () => {
    const { world, clock, processes, lockers } = setup(3);
    const [a, b, c] = lockers as [(typeof lockers)[0], (typeof lockers)[0], (typeof lockers)[0]];
    const held = await world.until(a.lock());
    const second = b.lock();
    await clock.advance(2_000);
    const third = c.lock();
    await clock.advance(2_000);
    const stopped = processes[1]?.store.failBefore("all", { answered: true });
    await clock.advance(90_000);
    stopped?.heal();
    await clock.advance(15_000);
    await held.release();
    const first = await world.until(Promise.race([second.then(() => "second"), third.then(() => "third")]));
    expect(first).toBe("second");
  });

  for (const operation of ["acquire", "create", "list", "remove"] as const) {
    it(`an abort or a time-out amid ${operation} rejects within 50 ms, and nothing stays held`, async () => {
      for (const how of ["signal", "timeout"] as const) {
        const { world, clock, processes, lockers } = setup(2);
        const [a, b] = lockers as [(typeof lockers)[0], (typeof lockers)[0]];
        const held = await world.until(a.lock());
        const stop = new AbortController();
        const hanging = processes[1]?.store.hang(operation, { after: operation === "acquire" ? 3 : 0 });
        const waiting = how === "signal" ? b.lock({ signal: stop.signal }) : b.lock({ timeoutMs: 2_000 });
        const rejected = expect(waiting).rejects.toBeDefined();
        await clock.advance(1_999);
        const before = clock.now();
        stop.abort("enough");
        await world.until(rejected);
        expect(clock.now() - before).toBeLessThanOrEqual(50);
        hanging?.heal();
        await held.release();
        await clock.advance(130_000);
        expect(await world.leaseState("job")).toBe("available");
        await (await world.until(a.lock())).release();
        await clock.advance(1_000);
        expect(await tickets(world)).toEqual([]);
        expect(clock.pendingTimers()).toBe(0);
      }
    });
  }
});

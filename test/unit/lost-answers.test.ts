import { describe, expect, it } from "vitest";
import type { StoreOperation } from "../../src/testing/index.ts";
import { World } from "../support/world.ts";

/** How long after the service's last word an abandoned lease may still stand. */
const FREE_WITHIN_MS = 2_000;

function setup() {
  const world = new World();
  const here = world.process();
  return { world, clock: world.clock, ...here, locker: here.mutex.locker("job"), there: world.process().mutex.locker("job") };
}

describe("an answer that is lost", () => {
  const operations: StoreOperation[] = ["acquire", "renew", "release", "create", "read", "writeMetadata"];
  for (const operation of operations) {
    for (const times of [1, 2]) {
      it(`to ${operation}, ${times} time(s), neither loses the lock nor blocks it, and tokens stay unique and growing`, async () => {
        const { world, clock, store, locker, there } = setup();
        const tokens: unknown[] = [];
        for (let round = 0; round < 4; round += 1) {
          store.failAfter(operation, { times });
          const ours = await world.until(locker.lock(), 10_000);
          tokens.push(ours.fencingToken);
          await clock.advance(35_000);
          expect(ours.isHeld).toBe(true);
          await world.until(locker.unlock());
          expect(await world.leaseState("job")).toBe("available");

          const theirs = await world.until(there.lock(), 10_000);
          tokens.push(theirs.fencingToken);
          await there.unlock();
          if (round === 1) await world.memory.remove("job");
          await clock.advance(1_500);
        }
        expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => Number(a) - Number(b)));
      });
    }
  }

  it("to createContainer does not matter", async () => {
    const { world, store, locker } = setup();
    await world.memory.deleteContainer();
    store.failAfter("createContainer", { times: 1 });
    expect((await world.until(locker.lock())).isHeld).toBe(true);
  });

  it("to the acquire of tryLock is asked for again under the same id", async () => {
    const { world, store, locker } = setup();
    store.failAfter("acquire", { times: 2 });
    expect((await world.until(locker.tryLock()))?.isHeld).toBe(true);
  });

  it("to a release is not taken for a loss", async () => {
    const { world, store, locker } = setup();
    store.failAfter("release", { times: 2 });
    expect(await world.until(locker.run(() => "done"))).toBe("done");
    expect(await world.leaseState("job")).toBe("available");
  });

  it("to a record write is found to have been done, by the record itself", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.lock());
    await there.unlock();
    store.failAfter("writeMetadata", { times: 1 });
    await world.until(locker.lock());
    expect(store.calls.map(({ operation }) => operation)).toEqual(["acquire", "read", "writeMetadata", "read"]);
  });

  it("to a record write does not cost a token twice when the write arrives after all", async () => {
    const { world, clock, store, locker, there } = setup();
    const theirs = await world.until(there.lock());
    await there.unlock();
    store.applyLate("writeMetadata", 3_500, { times: 1 });
    const ours = await world.until(locker.lock());
    await clock.advance(10_000);
    await locker.unlock();
    const again = await world.until(there.lock());
    expect(ours.fencingToken).toBeGreaterThan(theirs.fencingToken as number);
    expect(again.fencingToken).toBeGreaterThan(ours.fencingToken as number);
  });
});

describe("a wait that is given up with the acquire under way", () => {
  for (const answersAfterMs of [50, 1_000, 2_900, 5_000, 12_000, 29_000]) {
    it(`leaves the lease free within 2 s of an answer that comes after ${answersAfterMs} ms`, async () => {
      for (const how of ["signal", "timeout"] as const) {
        const { world, clock, store, locker } = setup();
        await world.memory.create("job", {});
        store.applyLate("acquire", answersAfterMs, { times: 1 });
        const stop = new AbortController();
        const giveUpMs = Math.min(answersAfterMs, 1_000) / 2;
        const waiting = how === "signal" ? locker.lock({ signal: stop.signal }) : locker.lock({ timeoutMs: giveUpMs });
        const rejected = expect(waiting).rejects.toBeDefined();
        await clock.advance(giveUpMs);
        stop.abort("enough");
        await rejected;
        await clock.advance(answersAfterMs - giveUpMs + FREE_WITHIN_MS);
        expect(await world.leaseState("job")).toBe("available");
      }
    });
  }

  it("leaves the lease free when the acquire was applied and its answer never comes", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.hangAfter("acquire", { times: 1 });
    const rejected = expect(locker.lock({ timeoutMs: 500 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
    await clock.advance(500);
    await rejected;
    await clock.advance(3_000);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("releases nothing between two polls of one acquisition", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.lock());
    store.failAfter("acquire", { after: 1, times: 3 });
    const waiting = locker.lock();
    await world.clock.advance(5_000);
    await there.unlock();
    await world.until(waiting);
    expect(store.count("release")).toBe(0);
  });

  it("gives back a lock whose record is still being written", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    await clock.advance(3_000);
    store.hang("writeMetadata");
    const stop = new AbortController();
    const rejected = expect(locker.lock({ signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(100);
    expect(await world.leaseState("job")).toBe("leased");
    stop.abort("enough");
    await rejected;
    await clock.settle();
    expect(await world.leaseState("job")).toBe("available");
    expect(clock.pendingTimers()).toBe(0);
  });

  it("leaves no timer once its cleaning is through", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.hangAfter("acquire", { times: 1 });
    const rejected = expect(locker.lock({ timeoutMs: 500 })).rejects.toBeDefined();
    await clock.advance(500);
    await rejected;
    await clock.advance(31_000);
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("a lock with a try for it still under way", () => {
  it("is released once more after a time-out, in case that try arrives after the release", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    store.applyLate("acquire", 6_000, { times: 1 });
    const lock = await world.until(locker.lock(), 5_000);
    await clock.advance(1_000);
    await lock.release();
    expect(await world.leaseState("job")).toBe("available");
    await clock.advance(6_000);
    expect(await world.leaseState("job")).toBe("available");
  });
});

describe("a service that cannot be reached at all", () => {
  it("is left with nothing under way soon after the wait was given up", async () => {
    const { world, clock, store, locker } = setup();
    store.hang("all");
    await expect(world.until(locker.lock())).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", answered: false });
    await clock.advance(10_000);
    expect(clock.pendingTimers()).toBe(0);
  });
});

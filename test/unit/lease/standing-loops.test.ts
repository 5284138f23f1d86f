import { describe, expect, it } from "vitest";
import { Renewer } from "../../../src/lease/renewer.ts";
import { resolveTerms } from "../../../src/lease/terms.ts";
import { spaceOf } from "../../../src/locks/mutex.ts";
import { LeaderElection } from "../../../src/recipes/election/leader-election.ts";
import { Semaphore } from "../../../src/recipes/semaphore/semaphore.ts";
import { loadAzureLog } from "../../../src/store/azure/sdk-log.ts";
import type { LeaseStore } from "../../../src/store/lease-store.ts";
import { FaultyLeaseStore } from "../../../src/testing/index.ts";
import { Stopwatch } from "../../../src/time/clock.ts";
import { storeWith } from "../../support/store-with.ts";
import { World } from "../../support/world.ts";

const MINUTE_MS = 60_000;

/**
 * Every answer comes in a microtask, so that nothing but the library itself lets the event loop turn: the clock of
 * these worlds throws when it does not. Calls that end in the middle of what they gather are in the contract of all
 * that is held.
 */
describe("with a service that answers in microtasks, the event loop turns", () => {
  /** A lease that is kept, of a process of its own. */
  async function kept() {
    const world = new World();
    const { store, mutex } = world.process();
    await world.memory.create("job", {});
    const blob = spaceOf(mutex).blob({ key: "job" });
    const leaseId = world.newId();
    const answer = await world.memory.acquire("job", leaseId, 30);
    if (answer.kind !== "acquired") return expect.fail(answer.kind);
    const asked = new Stopwatch(world.clock);
    const origin = { isSettled: true, conclude: () => undefined };
    const renewer = new Renewer(blob, {
      origin,
      granted: { ...answer, leaseId, asked },
      terms: resolveTerms({}, 3_000),
    });
    return { world, clock: world.clock, store, renewer };
  }

  /** A process whose service answers some requests in its own way. */
  function answered(own: Partial<LeaseStore>) {
    const world = new World();
    const store = new FaultyLeaseStore(storeWith(world.memory, own), { clock: world.clock });
    return { world, store, mutex: world.process({ store }).mutex };
  }

  it("when a lease is waited for that is released, or let lapse", async () => {
    for (const stop of ["release", "pause"] as const) {
      const { clock, renewer } = await kept();
      await clock.advance(10);
      if (stop === "pause") renewer.pause();
      else void renewer.lease.release();
      await expect(renewer.ensure(24_999), stop).rejects.toMatchObject({ code: "NOT_HELD" });
    }
  });

  it("when a lease is waited for whose renewals fail", async () => {
    const { world, clock, store, renewer } = await kept();
    store.failBefore("renew");
    await clock.advance(10);
    const ensured = renewer.ensure(24_999);
    await expect(world.until(ensured, 30_000)).rejects.toMatchObject({ code: "LOCK_LOST" });
  });

  it("while ten thousand tasks hand a lock to each other that do nothing under it", async () => {
    const world = new World();
    // While the SDK's log is being loaded, each wait is timed for it.
    await loadAzureLog();
    const { store, mutex } = world.process({ telemetry: false });
    const locker = mutex.locker("job");
    let turns = 0;
    const tasks = Array.from({ length: 10_000 }, () =>
      locker.run(() => {
        turns += 1;
      }),
    );
    // To call for so many looks at the clock as often, and does not count.
    await new Promise((resolve) => setImmediate(resolve));
    await world.until(Promise.all(tasks));
    expect(turns).toBe(10_000);
    expect(store.count("acquire")).toBeLessThan(4);
  });

  it("while leadership is lost at once, again and again", async () => {
    const { world, store, mutex } = answered({
      release: async (name, id, call) => {
        await world.memory.release(name, id, call);
        return { kind: "refused", why: "taken", status: "409" };
      },
    });
    let turns = 0;
    const stop = new AbortController();
    const leading = new LeaderElection(mutex, "job").run(
      () => {
        turns += 1;
      },
      { signal: stop.signal },
    );
    leading.catch(() => undefined);
    await world.clock.advance(MINUTE_MS);
    expect(turns).toBeGreaterThan(1);
    expect(store.count("acquire")).toBeLessThan(30);
    stop.abort();
    await world.until(leading.catch(() => undefined));
  });

  it("while every permit looks free and is not", async () => {
    let isTaken = false;
    const { world, store, mutex } = answered({
      acquire: async (name, id, length, call) =>
        isTaken ? { kind: "held", date: 0 } : await world.memory.acquire(name, id, length, call),
    });
    const semaphore = new Semaphore(mutex, "job", { permits: 3 });
    const first = await world.until(semaphore.acquire());
    store.forgetCalls();
    isTaken = true;
    expect(await world.until(semaphore.tryAcquire(), 1_000)).toBeUndefined();
    await expect(world.until(semaphore.acquire({ timeoutMs: 5_000 }), 6_000)).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
    });
    expect(store.count()).toBeLessThan(400);
    await world.until(first.release());
  });
});

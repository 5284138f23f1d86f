import { describe, expect, it } from "vitest";
import {
  AccessDeniedError,
  InvalidKeyError,
  LockLostError,
  LockTimeoutError,
  NotHeldError,
  StoreUnavailableError,
} from "../../../src/errors.ts";
import { spaceOf } from "../../../src/locks/lock-space.ts";
import { type Lock, Locker } from "../../../src/locks/locker.ts";
import { sleep } from "../../../src/time/clock.ts";
import { gate } from "../../support/gate.ts";
import { World } from "../../support/world.ts";

function setup() {
  const world = new World();
  const here = world.process();
  const there = world.process();
  return {
    world,
    clock: world.clock,
    ...here,
    there: there.mutex,
    thereStore: there.store,
    locker: here.mutex.locker("job"),
  };
}

describe("lock", () => {
  it("gives a lock that is held and tells all about itself", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.lock());
    expect(lock.key).toBe("job");
    expect(lock.isHeld).toBe(true);
    expect(lock.leaseId).toMatch(/^[0-9a-f-]{36}$/);
    expect(lock.conditions).toEqual({ leaseId: lock.leaseId });
    expect(lock.fencingToken).toBeGreaterThan(1e15);
    expect(lock.remainingMs).toBeLessThanOrEqual(25_000);
    lock.assertHeld();
  });

  it("waits until another process lets go", async () => {
    const { world, locker, there, clock } = setup();
    const theirs = await world.until(there.locker("job").lock());
    const waiting = locker.lock();
    await clock.advance(60_000);
    await theirs.release();
    const ours = await world.until(waiting, 1_000);
    expect(ours.isHeld).toBe(true);
  });

  it("takes over from a crashed process when its lease has lapsed", async () => {
    const { world, locker } = setup();
    await world.memory.createContainer();
    await world.memory.create("job", {});
    expect(await world.stranger("job")).toBe("acquired");
    const before = world.clock.now();
    await world.until(locker.lock());
    expect(world.clock.now() - before).toBeLessThan(15_000 + 1_000 + 2_000);
  });

  it("works any number of times, and unlock gives back what it got", async () => {
    const { world, locker } = setup();
    for (let round = 0; round < 5; round += 1) {
      const lock = await world.until(locker.lock());
      await locker.unlock();
      expect(lock.isHeld).toBe(false);
      expect(await world.leaseState("job")).toBe("available");
    }
  });

  it("queues the tasks of one process in the order of their calls, lockers of one mutex together", async () => {
    const { world, mutex, locker } = setup();
    const order: number[] = [];
    const tasks = Array.from({ length: 10 }, (_, n) =>
      (n % 2 === 0 ? locker : mutex.locker("job")).run(() => {
        order.push(n);
      }),
    );
    await world.until(Promise.all(tasks));
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("lets the next task of the process contend when the lock is lost and never released", async () => {
    const { world, clock, store, locker } = setup();
    const lost = await world.until(locker.lock());
    const next = locker.lock();
    store.hang("renew");
    await clock.advance(25_000);
    expect(lost.signal.aborted).toBe(true);
    store.heal();
    const lock = await world.until(next, 10_000);
    expect(lock.isHeld).toBe(true);
    expect(lock.fencingToken).toBeGreaterThan(lost.fencingToken as number);
  });

  it("resolves only with a lock that is good for a third of its lease, however long the record took", async () => {
    const { world, store, clock, locker } = setup();
    store.delayAnswer("writeMetadata", 2_900);
    store.failBefore("read", { times: 6 });
    const theirs = await world.until(world.process().mutex.locker("job").lock());
    await theirs.release();
    const lock = await world.until(locker.lock());
    expect(lock.remainingMs).toBeGreaterThan(10_000);
    await clock.advance(60_000);
    expect(lock.isHeld).toBe(true);
  });

  it("does not resolve with a lock that is about to run out, but renews it first", async () => {
    const { world, store, clock, locker } = setup();
    await world.memory.create("job", {});
    const reading = store.hang("read");
    const renewing = store.hang("renew");
    let resolved = false;
    const waiting = locker.lock().finally(() => {
      resolved = true;
    });
    await clock.advance(20_000);
    reading.heal();
    await clock.advance(2_000);
    expect(resolved).toBe(false);
    renewing.heal();
    expect((await world.until(waiting, 2_000)).remainingMs).toBeGreaterThan(10_000);
  });

  it("begins anew if the lease was lost before the caller saw it", async () => {
    const { world, store, clock, locker } = setup();
    await world.memory.create("job", {});
    await clock.advance(5_000);
    const stuck = store.hang("read");
    const waiting = locker.lock();
    await clock.advance(50);
    await world.memory.break("job", { periodSeconds: 0 });
    await clock.advance(10_500);
    stuck.heal();
    const lock = await world.until(waiting);
    expect(lock.isHeld).toBe(true);
    expect(store.count("acquire")).toBeGreaterThan(1);
  });
});

describe("a wait with a time-out or a signal", () => {
  it("ends with LockTimeoutError at the time-out, after a last poll just before", async () => {
    const { world, clock, store, locker, there } = setup();
    await world.until(there.locker("job").lock());
    store.forgetCalls();
    const before = clock.now();
    await expect(world.until(locker.lock({ timeoutMs: 5_000 }))).rejects.toBeInstanceOf(LockTimeoutError);
    expect(clock.now() - before).toBe(5_000);
    expect(before + 5_000 - (store.calls.at(-1)?.at ?? 0)).toBeLessThanOrEqual(20);
  });

  it("says at the time-out that the service does not answer, if it does not", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.locker("job").lock());
    const timedOut = { code: "LOCK_TIMEOUT", message: 'lock on "job" was not free within 5000 ms' };
    await expect(world.until(locker.lock({ timeoutMs: 5_000 }))).rejects.toMatchObject(timedOut);
    // What failed and was answered later is forgotten.
    store.failBefore("acquire", { times: 1 });
    await expect(world.until(locker.lock({ timeoutMs: 5_000 }))).rejects.toMatchObject(timedOut);
    store.hang("acquire");
    await expect(world.until(locker.lock({ timeoutMs: 5_000 }))).rejects.toMatchObject({
      message: `${timedOut.message}, and the service does not answer`,
      cause: { code: "STORE_UNAVAILABLE", answered: false },
    });
  });

  it("says so too if not one request was answered or failed by then, and not because one has just been sent", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.locker("job").lock());
    store.hang("acquire");
    await expect(world.until(locker.lock({ timeoutMs: 2_500 }))).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
      cause: { message: 'waiting for "job": no answer from the service for 2500 ms', answered: false },
    });
    store.heal();
    store.delay("acquire", 900);
    const error = await world.until(locker.lock({ timeoutMs: 1_500 }).catch((thrown) => thrown));
    expect(error).toBeInstanceOf(LockTimeoutError);
    expect(error.cause).toBeUndefined();
  });

  it.each([1, 100, 1_999])(
    "says so after %d ms if the service has never said that the lock is held",
    async (timeoutMs) => {
      const { world, store, locker } = setup();
      store.hang("acquire");
      await expect(world.until(locker.lock({ timeoutMs }))).rejects.toMatchObject({
        code: "LOCK_TIMEOUT",
        message: `lock on "job" was not free within ${timeoutMs} ms, and the service does not answer`,
        cause: { message: `waiting for "job": no answer from the service for ${timeoutMs} ms`, answered: false },
      });
    },
  );

  it("says so if it has only answered with errors, which tell nothing of the lock, until the first answer that does", async () => {
    const { world, store, locker, there } = setup();
    const trouble = store.failBefore("acquire", { answered: true });
    await expect(world.until(locker.lock({ timeoutMs: 1_000 }))).rejects.toMatchObject({
      message: expect.stringMatching(
        /^lock on "job" was not free within 1000 ms, and the service answers with errors: /,
      ),
      cause: { code: "STORE_UNAVAILABLE", answered: true },
    });
    trouble.heal();
    await world.until(there.locker("job").lock());
    store.failBefore("acquire", { answered: true, times: 1 });
    const error = await world.until(locker.lock({ timeoutMs: 5_000 }).catch((thrown) => thrown));
    expect([error.code, error.cause]).toEqual(["LOCK_TIMEOUT", undefined]);
  });

  it("does not say so of a wait behind another task of the process, which asks nothing", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.hang("all");
    const error = await world.until(locker.lock({ timeoutMs: 1_000 }).catch((thrown) => thrown));
    expect([error.code, error.cause]).toEqual(["LOCK_TIMEOUT", undefined]);
  });

  it("asks exactly once with a time-out of 0", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.locker("job").lock());
    await expect(world.until(locker.lock({ timeoutMs: 0 }))).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
      key: "job",
    });
    expect(store.count()).toBe(1);
  });

  it("ends at once with the signal's own reason, in the middle of a pause", async () => {
    const { world, clock, locker, there } = setup();
    await world.until(there.locker("job").lock());
    const stop = new AbortController();
    const waiting = locker.lock({ signal: stop.signal });
    await clock.advance(10_000);
    const reason = new Error("deploy cancelled");
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it("ends at once in the middle of a request", async () => {
    const { clock, store, locker } = setup();
    store.hang("acquire");
    const stop = new AbortController();
    const waiting = locker.lock({ signal: stop.signal });
    await clock.advance(100);
    stop.abort("enough");
    await expect(waiting).rejects.toBe("enough");
  });

  it("ends at once behind another task of the process, and the rest of the queue moves up", async () => {
    const { world, locker } = setup();
    const first = await world.until(locker.lock());
    const stop = new AbortController();
    const second = locker.lock({ signal: stop.signal });
    const third = locker.lock();
    const timedOut = expect(world.until(locker.lock({ timeoutMs: 100 }), 200)).rejects.toBeInstanceOf(LockTimeoutError);
    stop.abort("enough");
    await expect(second).rejects.toBe("enough");
    await timedOut;
    await first.release();
    expect((await world.until(third, 100)).isHeld).toBe(true);
  });

  it("sends nothing if the signal was aborted before", async () => {
    const { store, locker } = setup();
    await expect(locker.lock({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
    await expect(locker.tryLock({ signal: AbortSignal.abort("no") })).rejects.toBe("no");
    expect(store.count()).toBe(0);
  });

  it("leaves no timer behind", async () => {
    const { world, clock, locker, there } = setup();
    const theirs = await world.until(there.locker("job").lock());
    await expect(world.until(locker.lock({ timeoutMs: 1_000 }))).rejects.toThrow();
    await theirs.release();
    await clock.settle();
    expect(clock.pendingTimers()).toBe(0);
  });

  it.each([Number.NaN, -1, "5s", null])("refuses a time-out of %j and changes nothing", async (timeoutMs) => {
    const { store, locker } = setup();
    await expect(locker.lock({ timeoutMs: timeoutMs as number })).rejects.toThrow(/^timeoutMs must be .*, not/);
    expect(store.count()).toBe(0);
  });
});

describe("a wait for a service in trouble", () => {
  it("waits out 503s for as long as it takes", async () => {
    const { world, clock, store, locker } = setup();
    const trouble = store.failBefore("acquire", { answered: true });
    const waiting = locker.lock();
    await clock.advance(120_000);
    trouble.heal();
    expect((await world.until(waiting)).isHeld).toBe(true);
  });

  it("leaves the service alone for as long as it asks", async () => {
    const { world, clock, store, locker } = setup();
    store.failBefore("acquire", { answered: true, retryAfterMs: 7_000, times: 1 });
    const waiting = locker.lock();
    await clock.advance(6_999);
    expect(store.count("acquire")).toBe(1);
    await world.until(waiting);
  });

  it.each([
    [
      'could not acquire "job": no answer from the service: ENOTFOUND',
      Object.assign(new Error("getaddrinfo ENOTFOUND acme"), { code: "ENOTFOUND" }),
      "getaddrinfo ENOTFOUND acme",
    ],
    // Of two addresses that were tried side by side: Node's error has no words.
    [
      'could not acquire "job": no answer from the service: ECONNREFUSED',
      Object.assign(new Error("-"), { code: "ECONNREFUSED" }),
      "ECONNREFUSED",
    ],
    [
      'could not acquire "job": no answer from the service: SELF_SIGNED_CERT_IN_CHAIN',
      Object.assign(new Error("self-signed certificate in certificate chain"), { code: "SELF_SIGNED_CERT_IN_CHAIN" }),
      "self-signed certificate in certificate chain \\(SELF_SIGNED_CERT_IN_CHAIN\\)",
    ],
    [
      'could not acquire "job": the answer is not the service\'s: 407',
      Object.assign(new Error("<html>"), { code: "REQUEST_SEND_ERROR", statusCode: 407 }),
      "the answer is not the service's: 407",
    ],
  ])("says why there is none as it was told: %s", async (message, cause, why) => {
    const { world, store, locker } = setup();
    store.failBefore("acquire", { error: new StoreUnavailableError(message, "job", { cause }) });
    await expect(world.until(locker.lock())).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`^waiting for "job": no answer from the service for 2\\d s: ${why}$`)),
    });
    await expect(world.until(locker.lock({ timeoutMs: 5_000 }))).rejects.toMatchObject({
      message: `lock on "job" was not free within 5000 ms, and the service does not answer: ${why.replaceAll("\\", "")}`,
    });
    // A request that hangs at the end knows less than those before it.
    store.heal();
    store.failBefore("acquire", { times: 1, error: new StoreUnavailableError(message, "job", { cause }) });
    store.hang("acquire");
    await expect(world.until(locker.lock({ timeoutMs: 2_900 }))).rejects.toMatchObject({
      message: `lock on "job" was not free within 2900 ms, and the service does not answer: ${why.replaceAll("\\", "")}`,
    });
  });

  it("rejects after 20 s without any answer, saying so", async () => {
    const { world, clock, store, locker } = setup();
    store.hang("acquire");
    const before = clock.now();
    await expect(world.until(locker.lock())).rejects.toThrow(
      /^waiting for "job": no answer from the service for 2\d s$/,
    );
    expect(clock.now() - before).toBeLessThanOrEqual(20_000 + 3_000 + 1_000);
    expect(clock.now() - before).toBeGreaterThanOrEqual(20_000);
  });

  it("counts the silence from the last answer, not from the beginning", async () => {
    const { world, clock, store, locker, there } = setup();
    await world.until(there.locker("job").lock());
    const caught = expect(locker.lock()).rejects.toBeInstanceOf(StoreUnavailableError);
    await clock.advance(60_000);
    store.failBefore("acquire");
    const silentSince = clock.now();
    await world.until(caught);
    expect(clock.now() - silentSince).toBeGreaterThan(20_000 - 850);
  });

  it("rejects at once when the credentials are refused", async () => {
    const { clock, store, locker } = setup();
    store.failBefore("acquire", { error: new AccessDeniedError("403", "job") });
    const before = clock.now();
    await expect(locker.lock()).rejects.toBeInstanceOf(AccessDeniedError);
    expect(clock.now()).toBe(before);
  });

  it("is over soon for the next in line too: what is silent for one task is silent for all", async () => {
    const { world, clock, store, locker } = setup();
    store.hang("all");
    const rejectedAt: number[] = [];
    const tasks = Array.from({ length: 4 }, () =>
      locker.lock().catch((error) => {
        expect(error).toBeInstanceOf(StoreUnavailableError);
        rejectedAt.push(clock.now());
      }),
    );
    await world.until(Promise.all(tasks));
    expect(rejectedAt).toHaveLength(4);
    expect(rejectedAt[0]).toBeGreaterThanOrEqual(20_000);
    // One try each: it may answer again by then.
    expect(rejectedAt[3]).toBeLessThan(26_000 + 3 * 3_100);
  });

  it("is over, too, for a caller that asks once, if the record of what was granted cannot be had, whatever the answers say", async () => {
    const { world, clock, store, locker } = setup();
    await world.memory.create("job", {});
    await clock.advance(5_000);
    store.failBefore("read", { answered: true });
    const before = clock.now();
    await expect(world.until(locker.tryLock())).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", answered: true });
    expect(clock.now() - before).toBeGreaterThanOrEqual(20_000);
    expect(clock.now() - before).toBeLessThan(30_000);
    await clock.advance(100);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("does not take for silence that it asked nothing for long", async () => {
    const { world, clock, store, mutex, there } = setup();
    const theirs = await world.until(there.locker("job").lock());
    const waiting = mutex.locker("job", { poll: { quickForMs: 0, steadyMs: [60_000, 60_000] } }).lock();
    await clock.advance(59_900);
    const unanswered = store.hang("acquire", { times: 1 });
    await clock.advance(10_000);
    expect(unanswered.hits).toBe(1);
    await theirs.release();
    expect((await world.until(waiting)).isHeld).toBe(true);
  });
});

describe("tryLock", () => {
  it("gives the lock if it is free", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.tryLock());
    expect(lock?.isHeld).toBe(true);
    await locker.unlock();
  });

  it("resolves with undefined, after one request, if another process holds it", async () => {
    const { world, store, locker, there } = setup();
    await world.until(there.locker("job").lock());
    expect(await world.until(locker.tryLock())).toBeUndefined();
    expect(store.count()).toBe(1);
  });

  it("resolves with undefined, without a request, if another task of this process holds or awaits it", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.forgetCalls();
    expect(await locker.tryLock()).toBeUndefined();
    expect(store.count()).toBe(0);
  });

  it("rejects with StoreUnavailableError after three tries without an answer", async () => {
    const { world, store, locker } = setup();
    store.hang("acquire");
    await expect(world.until(locker.tryLock())).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(store.count("acquire")).toBe(3);
  });
});

describe("unlock", () => {
  it("throws NotHeldError when nothing is held, and never hangs", async () => {
    const { locker } = setup();
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("throws NotHeldError the second time, and does nothing to a later hold of another task", async () => {
    const { world, locker, mutex } = setup();
    await world.until(locker.lock());
    await locker.unlock();
    const later = await world.until(mutex.locker("job").lock());
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
    expect(later.isHeld).toBe(true);
  });

  it("throws NotHeldError while the first one is still under way", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.delay("release", 300);
    const first = locker.unlock();
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
    await world.until(first);
  });

  it("throws NotHeldError after the lock was given back by its own release", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.lock());
    await lock.release();
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("throws LockLostError if the lock was lost", async () => {
    const { world, clock, store, locker } = setup();
    await world.until(locker.lock());
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    await expect(locker.unlock()).rejects.toBeInstanceOf(LockLostError);
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("throws LockLostError if only the release shows that another got the lock", async () => {
    const { world, locker } = setup();
    await world.until(locker.lock());
    await world.memory.break("job", { periodSeconds: 0 });
    await world.stranger("job");
    await expect(locker.unlock()).rejects.toMatchObject({ code: "LOCK_LOST", why: "taken" });
  });

  it("names its own deadline first if that passed, and what the release was told as the cause", async () => {
    const { world, clock, locker } = setup();
    await world.until(locker.lock());
    clock.block(40_000);
    await world.stranger("job");
    await expect(locker.unlock()).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired", cause: { why: "taken" } });
  });

  it("takes a release after the deadline for fine if no other holder came in between", async () => {
    const { world, clock, locker } = setup();
    await world.until(locker.lock());
    clock.block(40_000);
    await locker.unlock();
    expect(await world.leaseState("job")).toBe("available");
  });

  it.each(["unlock", "run"])(
    "like run (%s) throws LockLostError after the deadline if its release is only assumed",
    async (way) => {
      const { world, clock, store, there, locker } = setup();
      const { opened, open } = gate();
      const lock = way === "unlock" ? locker.lock() : undefined;
      const running = lock ? lock.then(() => opened) : locker.run(() => opened);
      await clock.settle();
      store.hang("renew");
      store.hang("release", { times: 1 });
      clock.block(40_000);
      const theirs = there.locker("job").tryLock();
      open();
      const ending = lock ? running.then(() => locker.unlock()) : running;
      await expect(world.until(ending)).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
      expect((await theirs)?.isHeld).toBe(true);
    },
  );

  it("takes a release for done that went unanswered, as long as its lease had not run out", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.hangAfter("release", { times: 1 });
    await world.until(locker.unlock());
    expect(await world.leaseState("job")).toBe("available");
  });

  it("throws StoreUnavailableError if the service cannot be told, and the next one may contend", async () => {
    const { world, store, locker } = setup();
    await world.until(locker.lock());
    store.failBefore("release", { times: 3 });
    await expect(world.until(locker.unlock())).rejects.toBeInstanceOf(StoreUnavailableError);
    const next = await world.until(locker.lock());
    expect(next.isHeld).toBe(true);
  });
});

describe("unlock of a locker that several tasks share", () => {
  /** B waits with the locker that A holds with; A loses the lock, and B gets it. */
  async function taken() {
    const { world, clock, store, locker, ...rest } = setup();
    const a = await world.until(locker.lock());
    const hanging = store.hang("renew");
    const waiting = locker.lock();
    await clock.advance(26_000);
    hanging.heal();
    const b = await world.until(waiting);
    expect(a.signal.aborted).toBe(true);
    return { world, clock, store, locker, a, b, ...rest };
  }

  it("tells the first that its lock was lost, and leaves the second's alone", async () => {
    const { world, locker, b } = await taken();
    await expect(locker.unlock()).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
    expect(b.isHeld).toBe(true);
    await expect(locker.unlock()).rejects.toMatchObject({
      code: "NOT_HELD",
      message: expect.stringContaining("another call of this locker"),
    });
    expect(b.isHeld).toBe(true);
    await b.release();
    expect(await world.leaseState("job")).toBe("available");
  });

  it("ends the second once the first has released its own by its handle", async () => {
    const { world, locker, a, b } = await taken();
    await a.release();
    await world.until(locker.unlock());
    expect(b.isHeld).toBe(false);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("tells each that its lock was lost, if both were", async () => {
    const { clock, store, locker, b } = await taken();
    store.hang("renew");
    await clock.advance(26_000);
    expect(b.signal.aborted).toBe(true);
    await expect(locker.unlock()).rejects.toBeInstanceOf(LockLostError);
    await expect(locker.unlock()).rejects.toBe(b.signal.reason);
    await expect(locker.unlock()).rejects.toMatchObject({
      code: "NOT_HELD",
      message: expect.not.stringContaining("another call of this locker"),
    });
  });

  it.each(["a time-out", "an abort", "a refused try"])("does not end another's lock after %s", async (what) => {
    const { world, clock, locker } = setup();
    const lock = await world.until(locker.lock());
    const stop = new AbortController();
    const failing = {
      "a time-out": () => locker.lock({ timeoutMs: 100 }),
      "an abort": () => locker.lock({ signal: stop.signal }),
      "a refused try": () => locker.tryLock(),
    }[what];
    const failed = failing?.().catch(() => undefined);
    await clock.advance(100);
    stop.abort();
    expect(await failed).toBeUndefined();
    await expect(locker.unlock()).rejects.toMatchObject({
      code: "NOT_HELD",
      message: expect.stringContaining("another call of this locker"),
    });
    expect(lock.isHeld).toBe(true);
    await world.until(lock.release());
    await world.until(locker.lock());
    await locker.unlock();
    expect(await world.leaseState("job")).toBe("available");
  });

  it("does not end a lock that was waited for while another call of the locker failed", async () => {
    const { world, clock, there, locker } = setup();
    const theirs = await world.until(there.locker("job").lock());
    const failed = locker.lock({ timeoutMs: 100 }).catch(() => undefined);
    const waiting = locker.lock();
    await clock.advance(200);
    await failed;
    await theirs.release();
    const lock = await world.until(waiting);
    await expect(locker.unlock()).rejects.toMatchObject({ code: "NOT_HELD" });
    expect(lock.isHeld).toBe(true);
  });

  it("ends the lock of the first while the second still waits; a second unlock does not end the second's", async () => {
    const { world, locker } = setup();
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    await locker.unlock();
    expect(first.isHeld).toBe(false);
    const second = await world.until(waiting);
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
    expect(second.isHeld).toBe(true);
  });

  it("ends the first of two that were asked for at once, and only that", async () => {
    const { world, locker } = setup();
    const both = [locker.lock(), locker.lock()] as const;
    const first = await world.until(both[0]);
    await locker.unlock();
    expect(first.isHeld).toBe(false);
    expect((await world.until(both[1])).isHeld).toBe(true);
    await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
  });

  it("does not end the lock of a run", async () => {
    const { world, locker } = setup();
    await world.until(
      locker.run(async (lock) => {
        expect(await locker.tryLock()).toBeUndefined();
        await expect(locker.unlock()).rejects.toBeInstanceOf(NotHeldError);
        expect(lock.isHeld).toBe(true);
      }),
    );
  });

  it("ends what was got after a failed try, or after a lock that was released by its own", async () => {
    const { world, there, locker } = setup();
    const theirs = await world.until(there.locker("job").lock());
    expect(await locker.tryLock()).toBeUndefined();
    await expect(world.until(locker.lock({ timeoutMs: 100 }))).rejects.toBeInstanceOf(LockTimeoutError);
    await theirs.release();
    for (let round = 0; round < 3; round += 1) {
      const lock = await world.until(locker.lock());
      if (round === 1) await lock.release();
      else await locker.unlock();
      expect(await world.leaseState("job")).toBe("available");
    }
  });
});

describe("a lock that its process releases under the work, as at its end", () => {
  it("aborts its signal, and run says LOCK_LOST", async () => {
    const { world, mutex, locker } = setup();
    const other = mutex.locker("other");
    let work: Lock | undefined;
    const running = expect(
      locker.run(async (lock) => {
        work = lock;
        await new Promise<void>((resolve) => lock.signal.addEventListener("abort", () => resolve()));
        expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: "NOT_HELD" }));
      }),
    ).rejects.toMatchObject({ code: "LOCK_LOST", why: "released" });
    await other.lock();
    await world.clock.settle();
    await spaceOf(mutex).releaseHolds();
    await running;
    expect(work?.signal.reason).toMatchObject({ code: "LOCK_LOST", why: "released" });
    await expect(other.unlock()).rejects.toBeInstanceOf(NotHeldError);
    expect(await world.leaseState("job")).toBe("available");
    expect(world.clock.pendingTimers()).toBe(0);
  });

  it("is the next task's from then on: the end of the work does not end that", async () => {
    const { world, mutex, locker } = setup();
    const first = await world.until(locker.lock());
    const waiting = locker.lock();
    await spaceOf(mutex).releaseHolds();
    const second = await world.until(waiting);
    await first.release();
    expect([first.isHeld, second.isHeld]).toEqual([false, true]);
    expect(await world.leaseState("job")).toBe("leased");
  });

  it("tells the end once, as a loss", async () => {
    const { world, mutex, locker } = setup();
    const told: string[] = [];
    for (const name of ["lost", "released", "handedOver"] as const) locker.on(name, () => told.push(name));
    const lock = await world.until(locker.lock());
    await spaceOf(mutex).releaseHolds();
    await lock.release();
    await world.clock.settle();
    expect(told).toEqual(["lost"]);
  });
});

describe("release", () => {
  it("does nothing the second time, also when another holds the key by then", async () => {
    const { world, locker } = setup();
    const first = await world.until(locker.lock());
    await first.release();
    const second = await world.until(locker.lock());
    await first.release();
    await first[Symbol.asyncDispose]();
    expect(second.isHeld).toBe(true);
    expect(await world.leaseState("job")).toBe("leased");
  });

  it("takes a lock that is another's by now for done", async () => {
    const { world, locker } = setup();
    const lock = await world.until(locker.lock());
    await world.memory.break("job", { periodSeconds: 0 });
    await world.stranger("job");
    await lock.release();
    expect(await world.leaseState("job")).toBe("leased");
  });

  it("is done by await using at the end of the block, and what goes wrong there hides nothing", async () => {
    const { world, store, locker } = setup();
    store.failBefore("release");
    const work = async () => {
      await using lock = await locker.lock();
      lock.assertHeld();
      throw new Error("the work's own");
    };
    await expect(world.until(work())).rejects.toThrow("the work's own");
  });
});

describe("run", () => {
  it("resolves with what the work resolves with, and gives the lock back", async () => {
    const { world, locker } = setup();
    expect(await world.until(locker.run((lock) => lock.isHeld))).toBe(true);
    expect(await world.leaseState("job")).toBe("available");
  });

  it("rejects with what the work throws, even if the release fails too", async () => {
    const { world, store, locker } = setup();
    store.failBefore("release");
    const work = locker.run(() => {
      throw new Error("the work's own");
    });
    await expect(world.until(work)).rejects.toThrow("the work's own");
  });

  it("keeps the work's result if only the release fails, and logs that", async () => {
    const { world, store, locker } = setup();
    store.failBefore("release");
    expect(await world.until(locker.run(() => 42))).toBe(42);
    expect(world.log.join("\n")).toContain('the lock on "job" could not be released');
  });

  it("rejects with LockLostError if the lock was lost, even if the work did not notice", async () => {
    const { world, clock, store, locker } = setup();
    const running = locker.run(() => sleep(clock, 26_000));
    const caught = expect(running).rejects.toMatchObject({ code: "LOCK_LOST", why: "expired" });
    await clock.settle();
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    await world.until(caught);
  });

  it("rejects with the very error of the signal if that is what the work threw", async () => {
    const { world, clock, store, locker } = setup();
    const running = locker.run(
      (lock) => new Promise((_, reject) => lock.signal.addEventListener("abort", () => reject(lock.signal.reason))),
    );
    const caught = running.catch((error: unknown) => error);
    await clock.settle();
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    const error = await world.until(caught);
    expect(error).toBeInstanceOf(LockLostError);
    expect((error as LockLostError).workError).toBeUndefined();
  });

  it("keeps what else the work threw after the loss as workError", async () => {
    const { world, clock, store, locker } = setup();
    const running = locker.run(
      (lock) => new Promise((_, reject) => lock.signal.addEventListener("abort", () => reject(new Error("half done")))),
    );
    const caught = running.catch((error: unknown) => error);
    await clock.settle();
    store.hang("renew");
    await clock.advance(25_000);
    store.heal();
    expect(await world.until(caught)).toMatchObject({ code: "LOCK_LOST", workError: new Error("half done") });
  });

  it("releases after the caller's signal has aborted", async () => {
    const { world, locker } = setup();
    const stop = new AbortController();
    const running = locker.run(
      () => {
        stop.abort();
        return "finished all the same";
      },
      { signal: stop.signal },
    );
    expect(await world.until(running)).toBe("finished all the same");
    expect(await world.leaseState("job")).toBe("available");
  });

  it("may be given back by the work itself", async () => {
    const { world, locker } = setup();
    expect(
      await world.until(
        locker.run(async (lock) => {
          await lock.release();
          return "early";
        }),
      ),
    ).toBe("early");
  });
});

describe("a locker's construction", () => {
  it("makes a mutex of its own from options", async () => {
    const { world, clock } = setup();
    const locker = new Locker({ store: world.memory, clock }, "other");
    const lock = await world.until(locker.lock());
    expect(lock.key).toBe("other");
    await locker.unlock();
  });

  it("refuses a key that cannot be a blob's name", () => {
    const { mutex } = setup();
    expect(() => new Locker(mutex, "a/../b")).toThrow(InvalidKeyError);
  });
});

import { describe, expect, it } from "vitest";
import { AccessDeniedError, LockTimeoutError, StoreUnavailableError } from "../../../../src/errors.ts";
import type { Holding } from "../../../../src/locks/holding.ts";
import { Semaphore } from "../../../../src/recipes/semaphore/semaphore.ts";
import { storeWith } from "../../../support/store-with.ts";
import { setup } from "./setup.ts";

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

  it("says so too if no request was answered or failed by then, and not as one has just been sent", async () => {
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

  it("names the host that does not answer, to whatever waits", async () => {
    const { world, store } = setup();
    const address = { name: "acme/locks", account: "acme", container: "locks", host: "acme.example" };
    const { mutex } = world.process({ store: storeWith(store, { address }) });
    store.hang("all");
    const waiting = [mutex.locker("job"), new Semaphore(mutex, "exports", { permits: 1 })];
    for (const lockable of waiting)
      await expect(world.until<Holding>(lockable.lock({ timeoutMs: 2_500 }))).rejects.toMatchObject({
        message: expect.stringMatching(/ was not free within 2500 ms, and acme.example does not answer$/),
        cause: { host: "acme.example", message: expect.stringContaining("no answer from acme.example for 2500 ms") },
      });
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

  it("says so if it has answered with errors alone, until the first answer that tells of the lock", async () => {
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
    // The store says in a few words what Node's error has no words for.
    const reason = /\w/.test(cause.message) && !("statusCode" in cause) ? undefined : why;
    const { world, store, locker } = setup();
    store.failBefore("acquire", { error: new StoreUnavailableError(message, "job", { cause, reason }) });
    await expect(world.until(locker.lock())).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`^waiting for "job": no answer from the service for 2\\d s: ${why}$`)),
    });
    await expect(world.until(locker.lock({ timeoutMs: 5_000 }))).rejects.toMatchObject({
      message: [
        'lock on "job" was not free within 5000 ms, and the service does not answer',
        why.replaceAll("\\", ""),
      ].join(": "),
    });
    // A request that hangs at the end knows less than those before it.
    store.heal();
    store.failBefore("acquire", { times: 1, error: new StoreUnavailableError(message, "job", { cause, reason }) });
    store.hang("acquire");
    await expect(world.until(locker.lock({ timeoutMs: 2_900 }))).rejects.toMatchObject({
      message: [
        'lock on "job" was not free within 2900 ms, and the service does not answer',
        why.replaceAll("\\", ""),
      ].join(": "),
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

  it("is over for a caller that asks once, too, if the record of what was granted cannot be had", async () => {
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

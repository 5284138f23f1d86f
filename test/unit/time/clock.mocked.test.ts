import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock } from "../../../src/testing/index.ts";
import { LazySignal, LinkedSignal, onAbort, unlessAborted } from "../../../src/time/abort.ts";
import { Stopwatch, settledWithin, sleep, systemClock, systemSources } from "../../../src/time/clock.ts";

const drawn = vi.hoisted((): unknown[] => []);
vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  return {
    ...crypto,
    randomUUID: (options: unknown) => {
      drawn.push(options);
      return crypto.randomUUID();
    },
  };
});

describe("the machine's clock", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate"] }));
  afterEach(() => void vi.useRealTimers());

  it("runs forward, in milliseconds", () => {
    expect(systemClock.now()).toBeLessThanOrEqual(systemClock.now());
    expect(systemClock.uptime()).toBeGreaterThan(0);
  });

  it("keeps a timer of months, which Node alone would fire at once", () => {
    const months = 100 * 86_400_000;
    let fired = false;
    systemClock.setTimer(months, () => {
      fired = true;
    });
    vi.advanceTimersByTime(months - 1);
    expect(fired).toBe(false);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(true);
  });

  it("calls off a timer of months in any of its stretches", () => {
    const timer = systemClock.setTimer(2 ** 32, () => expect.fail("it was called off"));
    vi.advanceTimersByTime(2 ** 31);
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("draws ids that are lower-case UUIDs, and chances between 0 and 1", () => {
    expect(systemSources.newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(drawn).toEqual([{ disableEntropyCache: true }]);
    expect(systemSources.random()).toBeLessThan(1);
  });
});

describe("a stopwatch", () => {
  it("goes by whichever clock has seen more, and tells sleep from a stall", () => {
    const clock = new FakeClock();
    const watch = new Stopwatch(clock);
    clock.block(5_000);
    expect([watch.elapsedMs, watch.awakeMs, watch.suspended]).toEqual([5_000, 5_000, false]);
    clock.suspend(1_000);
    expect([watch.elapsedMs, watch.awakeMs, watch.suspended]).toEqual([6_000, 5_000, false]);
    clock.suspend(1);
    expect([watch.elapsedMs, watch.awakeMs, watch.suspended]).toEqual([6_001, 5_000, true]);
  });
});

describe("waiting", () => {
  it("for a time ends with it, and leaves no timer", async () => {
    const clock = new FakeClock();
    const slept = sleep(clock, 1_000);
    expect(clock.pendingTimers({ keepAlive: true })).toBe(1);
    await clock.advance(1_000);
    await slept;
    expect(clock.pendingTimers()).toBe(0);
  });

  it("for a time ends with the signal, with its reason, and leaves no timer", async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const slept = expect(sleep(clock, 1_000, { signal: stop.signal })).rejects.toBe("enough");
    stop.abort("enough");
    await slept;
    expect(clock.pendingTimers()).toBe(0);
    await expect(sleep(clock, 1_000, { signal: stop.signal })).rejects.toBe("enough");
  });

  it("for a promise ends when it is settled, however, or when its time is up", async () => {
    const clock = new FakeClock();
    await settledWithin(clock, 1_000, Promise.resolve());
    await settledWithin(clock, 1_000, Promise.reject(new Error("whatever")));
    const given = settledWithin(clock, 1_000, new Promise(() => undefined));
    await clock.advance(1_000);
    await given;
    expect(clock.pendingTimers()).toBe(0);
  });
});

describe("a signal that many wait for", () => {
  it("has one listener of ours, whatever their number, and tells them in order", () => {
    const stop = new AbortController();
    const added = vi.spyOn(stop.signal, "addEventListener");
    const told: number[] = [];
    const stops = Array.from({ length: 100 }, (_, n) => onAbort(stop.signal, () => told.push(n)));
    for (const [n, stopListening] of stops.entries()) if (n % 2 === 1) stopListening();
    stop.abort();
    expect(added).toHaveBeenCalledTimes(1);
    expect(told).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n));
  });

  it("does nothing without a listener", () => {
    onAbort(undefined, () => expect.fail("there is no signal"))();
  });

  it("ends a promise unless that is settled before", async () => {
    const stop = new AbortController();
    expect(await unlessAborted(Promise.resolve(1), stop.signal)).toBe(1);
    expect(await unlessAborted(Promise.resolve(1), undefined)).toBe(1);
    await expect(unlessAborted(Promise.reject(new Error("its own")), stop.signal)).rejects.toThrow("its own");
    const never = expect(unlessAborted(new Promise(() => undefined), stop.signal)).rejects.toBe("enough");
    stop.abort("enough");
    await never;
    await expect(unlessAborted(Promise.resolve(1), stop.signal)).rejects.toBe("enough");
  });

  it("is one of several that make one, until that is ended", () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const either = new LinkedSignal(a.signal, b.signal);
    b.abort("b came first");
    a.abort("too late");
    expect(either.signal.reason).toBe("b came first");
    expect(new LinkedSignal(a.signal).signal.reason).toBe("too late");

    const c = new AbortController();
    const ended = new LinkedSignal(c.signal);
    ended.end();
    c.abort();
    expect(ended.signal.aborted).toBe(false);
  });
});

describe("LazySignal", () => {
  it("has aborted when it is asked for afterwards, and keeps its first reason", () => {
    const lazy = new LazySignal();
    lazy.abort("lost");
    lazy.abort("too late");
    expect(lazy.signal.reason).toBe("lost");
    expect(lazy.signal).toBe(lazy.signal);
  });

  it("tells those that asked for it before", () => {
    const lazy = new LazySignal();
    const told: unknown[] = [];
    lazy.signal.addEventListener("abort", () => told.push(lazy.signal.reason));
    expect(lazy.signal.aborted).toBe(false);
    lazy.abort("lost");
    expect(told).toEqual(["lost"]);
  });
});

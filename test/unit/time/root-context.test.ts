import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { FakeClock, FaultyLeaseStore, MemoryLeaseStore, type StoreOperation } from "../../../src/testing/index.ts";
import type { Timer, TimerOptions } from "../../../src/time/clock.ts";

/** Calls back in the context in which the timer was set, as the clock of the machine does. */
class BoundClock extends FakeClock {
  override setTimer(ms: number, callback: () => void, options?: TimerOptions): Timer {
    return super.setTimer(ms, AsyncResource.bind(callback), options);
  }

  override nextTurn(callback: () => void): void {
    super.nextTurn(AsyncResource.bind(callback));
  }
}

const request = new AsyncLocalStorage<string>();

/** A process that notes in whose context each request is sent and each line is written. */
function setup() {
  const clock = new BoundClock();
  const memory = new MemoryLeaseStore({ clock, containerExists: true });
  const store = new FaultyLeaseStore(memory, { clock });
  const sent: { readonly operation: string; readonly by: string | undefined }[] = [];
  for (const operation of ["acquire", "renew", "release", "change", "remove"] as const) {
    const send = store[operation].bind(store) as (...args: unknown[]) => unknown;
    Object.assign(store, {
      [operation]: (...args: unknown[]) => {
        sent.push({ operation, by: request.getStore() });
        return send(...args);
      },
    });
  }
  const lines: (string | undefined)[] = [];
  const mutex = new AzureMutex({ store, clock, random: () => 0.5, log: () => lines.push(request.getStore()) });
  const by = (operation: StoreOperation): readonly (string | undefined)[] => [
    ...new Set(sent.filter((one) => one.operation === operation).map((one) => one.by)),
  ];
  return { clock, memory, store, mutex, sent, lines, by };
}

describe("what goes on in the background is no task's", () => {
  it("renewals, their log lines and events, and the abort of a loss, after a hand-over, too", async () => {
    const { clock, store, mutex, lines, by } = setup();
    const locker = mutex.locker("job", { handOverMs: 60_000 });
    const told: (string | undefined)[] = [];
    for (const name of ["renewed", "renewFailed", "lost"] as const)
      locker.on(name, () => told.push(request.getStore()));
    const first = await request.run("first", () => locker.lock());
    const waiting = request.run("second", () => locker.lock());
    await clock.advance(11_000);
    await request.run("first", () => first.release());
    const second = await waiting;
    const aborted: (string | undefined)[] = [];
    second.signal.addEventListener("abort", () => aborted.push(request.getStore()));
    await clock.advance(20_000);
    store.failBefore("renew");
    await clock.advance(60_000);
    expect([...by("renew"), ...new Set(lines), ...new Set(told), ...aborted]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(told.length).toBeGreaterThan(4);
    expect(by("acquire")).toEqual(["first"]);
  });

  it("a renewal that a task waits for", async () => {
    const { clock, mutex, by } = setup();
    const locker = mutex.locker("job", { handOverMs: 60_000 });
    const first = await request.run("first", () => locker.lock());
    const waiting = request.run("second", () => locker.lock());
    clock.block(18_000);
    await request.run("first", () => first.release());
    await clock.advance(100);
    await waiting;
    await clock.advance(60_000);
    expect(by("renew")).toEqual([undefined]);
  });

  it("the renewal of a ticket", async () => {
    const { clock, mutex, memory, by } = setup();
    const there = new AzureMutex({ store: memory, clock });
    const theirs = await there.locker("job", { fair: true }).lock();
    const waiting = request.run("first", () => mutex.locker("job", { fair: true }).lock());
    await clock.advance(100_000);
    expect(by("renew")).toEqual([undefined]);
    await theirs.release();
    await clock.advance(5_000);
    await request.run("first", async () => (await waiting).release());
  });

  it("the check of an infinite lease", async () => {
    const { clock, mutex, by } = setup();
    const lease = await request.run("first", () => mutex.acquire("job", "infinite"));
    await clock.advance(60_000);
    expect(by("renew")).toEqual([undefined]);
    await lease.release();
  });

  it("what is released again and again for a caller who gave up", async () => {
    const { clock, memory, store, mutex, by } = setup();
    await memory.create("job", {});
    store.applyLate("acquire", 10_000, { times: 1 });
    const stop = new AbortController();
    const rejected = expect(
      request.run("first", () => mutex.acquire("job", "infinite", { signal: stop.signal })),
    ).rejects.toBe("enough");
    await clock.advance(10);
    stop.abort("enough");
    await rejected;
    await clock.advance(90_000);
    expect(by("release")).toEqual([undefined]);
  });
});

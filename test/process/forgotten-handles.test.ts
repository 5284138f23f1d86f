import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

/** Takes each of these, drops what it says, and tells what is left of it when the garbage was collected. */
const PROGRAM = `
import { AzureMutex, LeaderElection, lockAll, ReaderWriterLock, Semaphore } from "azmutex";
import { FakeClock, MemoryLeaseStore } from "azmutex/testing";

const collect = async () => {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
};
const heard = [];
const kept = {};
const CASES = {
  "a lock": async (mutex) => void (await mutex.locker("job").lock()),
  "a permit": async (mutex) => void (await new Semaphore(mutex, "job", { permits: 1 }).acquire()),
  "a read lock": async (mutex) => void (await new ReaderWriterLock(mutex, "job").read.lock()),
  "a write lock": async (mutex) => void (await new ReaderWriterLock(mutex, "job").write.lock()),
  "several locks": async (mutex) => void (await lockAll(mutex, ["job", "other"]).lock()),
  "leadership": async (mutex) => void (await new LeaderElection(mutex, "job", { data: "here" }).campaign()),
  "a lock that is listened to": async (mutex) => {
    await mutex.locker("job", { maxHoldMs: 900_000, overdueAfterMs: 500_000 }).on("renewed", () => undefined).lock();
  },
  "a lock whose signal was read": async (mutex) => void (await mutex.locker("job").lock()).signal.aborted,
  "a lock with until": async (mutex) => {
    kept.until = new AbortController();
    await mutex.locker("job").lock({ until: kept.until.signal });
  },
  "kept: by work that never ends": async (mutex) => {
    void mutex.locker("job").run(() => new Promise(() => undefined));
    await new Promise(setImmediate);
  },
  "kept: the handle": async (mutex) => void (kept.handle = await mutex.locker("job").lock()),
  "kept: the signal": async (mutex) => void (kept.signal = (await mutex.locker("job").lock()).signal),
  "kept: a listener to the signal": async (mutex) => {
    (await mutex.locker("job").lock()).signal.addEventListener("abort", () => heard.push("listener"));
  },
  "kept: the locker, for unlock()": async (mutex) => {
    kept.locker = mutex.locker("job");
    await kept.locker.lock();
  },
  "kept: one lock of several": async (mutex) => {
    kept.part = (await lockAll(mutex, ["job", "other"]).lock()).locks.get("other");
  },
  "kept: by work that goes on": async (mutex, clock) => {
    void mutex.locker("job").run(() => new Promise((resolve) => clock.setTimer(1_000_000, resolve)));
    await new Promise(setImmediate);
  },
  "kept by nothing: a signal made of the signal": async (mutex) => {
    const { signal } = await mutex.locker("job").lock();
    kept.derived = AbortSignal.any([signal, new AbortController().signal]);
    kept.derived.addEventListener("abort", () => heard.push("derived: " + kept.derived.reason.code));
  },
};

const report = {};
for (const [name, take] of Object.entries(CASES)) {
  const clock = new FakeClock();
  const lines = [];
  const store = new MemoryLeaseStore({ clock, containerExists: true });
  const mutex = new AzureMutex({ store, clock, log: (line) => lines.push(line) });
  await take(mutex, clock);
  await collect();
  await clock.advance(100_000);
  await collect();
  await clock.advance(100_000);
  const leased = [];
  for await (const blob of store.list("")) if (blob.leaseState === "leased") leased.push(blob.key);
  report[name] = [leased.length > 0 ? "held" : "free", lines.filter((line) => line.includes("garbage")).length];
}

const clock = new FakeClock();
const lines = [];
const mutex = new AzureMutex({ store: new MemoryLeaseStore({ clock }), clock, log: (line) => lines.push(line) });
const locker = mutex.locker("job");
let signals = [];
for (let round = 0; round < 50; round += 1) {
  const lock = await locker.lock();
  lock.signal.addEventListener("abort", () => undefined);
  signals.push(new WeakRef(lock.signal));
  await lock.release();
}
await collect();
const reachable = signals.filter((signal) => signal.deref() !== undefined).length;
console.log(JSON.stringify({ report, heard, lines, reachable }));
process.exit();
`;

describe("a handle that was dropped without a release", () => {
  it("lapses, with a line in the log, unless the handle or its signal can still be reached", () => {
    const args = ["--expose-gc", "--input-type=module", "--eval", PROGRAM];
    const { report, heard, lines, reachable } = JSON.parse(
      execFileSync(process.execPath, args, { cwd: PROJECT, encoding: "utf8" }),
    ) as { report: Record<string, unknown>; heard: string[]; lines: string[]; reachable: number };
    const expected = Object.keys(report).map((name) => [name, name.startsWith("kept:") ? ["held", 0] : ["free", 1]]);
    expect(report).toEqual(Object.fromEntries(expected));
    expect(expected.length).toBeGreaterThan(15);
    // What was made of its signal tells of the loss all the same.
    expect(heard).toEqual(["derived: LOCK_LOST"]);
    // What was released says nothing, and does not stay in memory for listeners that were left on its signal.
    expect(lines).toEqual([]);
    expect(reachable).toBeLessThan(5);
  });
});

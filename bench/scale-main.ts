// A process that holds locks, or waits for them, and says what that cost: `SCALE_ORDER=<JSON> node --expose-gc scale-main.js`.
import { randomUUID } from "node:crypto";
import { getHeapCodeStatistics } from "node:v8";
import { AzureMutex, type LeaseStore, type Lock } from "azmutex";
import { connect } from "../src/lease/connect.ts";
import type { ScaleOrder, ScaleOutcome } from "./scale-orders.ts";
import { keyOf, RenewalWatch, SlowMemoryStore } from "./scale-stores.ts";

/**
 * How many locks are on their way to be taken at the same time. More would not be taken sooner, as Azurite does one thing after the
 * other, and so does this process; they would get more of the time than the renewals of those that are held.
 */
const TAKEN_AT_ONCE = { azurite: 4, memory: 50 } as const;
/** An emulator that creates blobs by the thousand may be silent for a while. What counts begins when everything is held. */
const UNREACHABLE_AFTER_MS = 120_000;
/** What runs before, so that the code is compiled and the SDK loaded. */
const WARM_UP = { keys: 200, renewEveryMs: 200 } as const;
/** No more than this is left to take, whatever the count. */
const LONGEST_TAKING_MS = 600_000;

const order = JSON.parse(process.env.SCALE_ORDER ?? "") as ScaleOrder;
/** The default: a third of the lease. */
const RENEW_EVERY_MS = (order.leaseSeconds * 1_000) / 3;
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

function newStore(containerName: string): LeaseStore {
  const { store } = order;
  return "roundTripMs" in store
    ? new SlowMemoryStore(store.roundTripMs)
    : connect({ connectionString: store.connectionString, containerName });
}

/** Runs it for every number up to `count`, so many at a time. Default: as many as are taken at once. */
async function forEach(
  count: number,
  run: (n: number) => Promise<void>,
  atOnce: number = TAKEN_AT_ONCE["roundTripMs" in order.store ? "memory" : "azurite"],
): Promise<void> {
  let next = 0;
  const hand = async (): Promise<void> => {
    while (next < count) {
      const n = next;
      next += 1;
      await run(n);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, hand));
}

/** With a store and a mutex of its own: nothing of it is left. */
async function warmUp(): Promise<void> {
  const mutex = new AzureMutex({ store: newStore(`w${randomUUID()}`) });
  const { keys, renewEveryMs } = WARM_UP;
  const holdOne = async (n: number): Promise<void> => {
    const lock = await mutex.locker(keyOf(n), { renewEveryMs }).lock();
    await pause(order.warmUpMs);
    await lock.release();
  };
  await forEach(keys, holdOne, keys);
}

/** Compiled code aside: it comes and goes with how often it runs, and would be a third of what few locks take. */
async function settledMemory(): Promise<number> {
  if (!global.gc) throw new Error("needs --expose-gc");
  for (let rounds = 0; rounds < 4; rounds += 1) {
    global.gc();
    await pause(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  const { code_and_metadata_size: machineCode, bytecode_and_metadata_size: bytecode } = getHeapCodeStatistics();
  return heapUsed + external - machineCode - bytecode;
}

/** What is under way, as a function that says how much of it was lost. */
type Underway = () => number;

/** What keeps `n` locks held, or waited for, until the process ends. */
const KINDS: Readonly<Record<ScaleOrder["kind"], (store: LeaseStore, log: () => void) => Promise<Underway>>> = {
  async holds(store, log) {
    const mutex = new AzureMutex({ store, log });
    const locks: Lock[] = [];
    const { leaseSeconds } = order;
    await forEach(
      order.count,
      async (n) => void locks.push(await mutex.locker(keyOf(n), { leaseSeconds, unreachableAfterMs: UNREACHABLE_AFTER_MS }).lock()),
    );
    return () => locks.filter((lock) => !lock.isHeld).length;
  },

  /** The least that keeps a lease: a timer and a renewal, with nobody who would notice a loss. */
  async bare(store) {
    const { leaseSeconds, count } = order;
    let lost = 0;
    await forEach(count, async (n) => {
      const [key, leaseId] = [keyOf(n), randomUUID()];
      await store.create(key, {});
      await store.acquire(key, leaseId, leaseSeconds);
      const renew = async (): Promise<void> => {
        const { kind } = await store.renew(key, leaseId);
        if (kind !== "renewed") lost += 1;
        else setTimeout(renew, RENEW_EVERY_MS);
      };
      setTimeout(renew, RENEW_EVERY_MS);
    });
    return () => lost;
  },

  async "waits for one"(store, log) {
    await holdForEver(store, 1);
    const locker = new AzureMutex({ store, log }).locker(keyOf(0));
    let settled = 0;
    for (let n = 0; n < order.count; n += 1) void locker.lock().finally(() => (settled += 1));
    await pause(1_000);
    return () => settled;
  },

  async "waits for many"(store, log) {
    await holdForEver(store, order.count);
    const mutex = new AzureMutex({ store, log });
    let settled = 0;
    for (let n = 0; n < order.count; n += 1) {
      void mutex
        .locker(keyOf(n))
        .lock()
        .finally(() => (settled += 1));
    }
    // Each is quick to ask at first.
    await pause(3_000);
    return () => settled;
  },
};

/** Somebody else has them, and nobody has to renew them. */
async function holdForEver(store: LeaseStore, count: number): Promise<void> {
  await forEach(count, async (n) => {
    await store.create(keyOf(n), {});
    await store.acquire(keyOf(n), randomUUID(), "infinite");
  });
}

async function main(): Promise<ScaleOutcome> {
  await warmUp();
  const { kind, count, forMs } = order;
  const store = newStore(`c${randomUUID()}`);
  const watch = new RenewalWatch({ count, renewEveryMs: RENEW_EVERY_MS, longestMs: forMs + LONGEST_TAKING_MS });
  watch.lookOn(store);
  let logged = 0;
  const before = await settledMemory();
  const began = performance.now();
  const lost = await KINDS[kind](store, () => {
    logged += 1;
  });
  const held = performance.now();
  const cpu = process.cpuUsage();
  watch.begin();
  await pause(forMs);
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - held;
  const { most: mostAtOnce, mean: meanAtOnce } = watch.atOnce;
  const { requests } = watch;
  const lostNow = lost();
  const { lagMs, renewals } = watch;
  return {
    takingMs: held - began,
    cpuMs: (user + system) / 1_000,
    elapsedMs,
    grownBytes: (await settledMemory()) - before,
    residentBytes: process.memoryUsage.rss(),
    lost: lostNow,
    lagMs,
    renewals,
    mostAtOnce,
    meanAtOnce,
    requestsPerSecond: requests / (elapsedMs / 1_000),
    logged,
  };
}

// Whoever measures is gone.
process.on("disconnect", () => process.exit());
process.send?.(await main(), () => process.exit());

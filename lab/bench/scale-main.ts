// A process that holds locks, or waits for them, and says what that cost: `SCALE_ORDER=<JSON> node scale-main.js`.
import { randomUUID } from "node:crypto";
import { AzureMutex, type Lock, type Locker } from "azmutex";
import type { LeaseStore } from "azmutex/store";
import { connect } from "../../src/store/azure/connect.ts";
import { liveBytes } from "./live-bytes.ts";
import type { ScaleOrder, ScaleOutcome, Some } from "./scale-orders.ts";
import { keyOf, RenewalWatch, SlowMemoryStore } from "./scale-stores.ts";

/**
 * How many locks are on their way to be taken at the same time. Azurite, and this process too, does one thing after the
 * other: those that are taken get their part of the time that the renewals of those that are held need.
 */
const TAKEN_AT_ONCE = { azurite: 1, memory: 50 } as const;
const GIVEN_BACK_AT_ONCE = 50;
/**
 * An emulator that creates blobs by the thousand may be silent for a while. What counts begins when everything is held.
 */
const UNREACHABLE_AFTER_MS = 120_000;
/** What runs before, so that the code is compiled and the SDK loaded. */
const WARM_UP = { keys: 200, renewEveryMs: 200 } as const;
/** No more than this is left to take, whatever the count. */
const LONGEST_TAKING_MS = 600_000;

const order = JSON.parse(process.env.SCALE_ORDER ?? "") as ScaleOrder;
/** The default: a third of the lease. */
const RENEW_EVERY_MS = (order.leaseSeconds * 1_000) / 3;
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** One for each account. */
function newStores(containerName: string): Some<LeaseStore> {
  const { store } = order;
  if ("roundTripMs" in store) return [new SlowMemoryStore(store.roundTripMs)];
  const [usual, ...others] = store.accounts;
  const storeIn = (connectionString: string): LeaseStore => connect({ connectionString, containerName });
  return [storeIn(usual), ...others.map(storeIn)];
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
  const [store] = newStores(`w${randomUUID()}`);
  const mutex = new AzureMutex({ store });
  const { keys, renewEveryMs } = WARM_UP;
  const holdOne = async (n: number): Promise<void> => {
    const lock = await mutex.locker(keyOf(n), { renewEveryMs }).lock();
    await pause(order.warmUpMs);
    await lock.release();
  };
  await forEach(keys, holdOne, keys);
  // What counts memory takes some itself, the first time.
  await liveBytes();
}

/** What is under way. */
interface Underway {
  /** How much of it was lost. */
  lost(): number;
  /** Gives everything back. */
  end(): Promise<unknown>;
}

/** What keeps so many locks held, or waited for. */
const KINDS: Readonly<Record<ScaleOrder["kind"], (stores: Some<LeaseStore>, log: () => void) => Promise<Underway>>> = {
  async holds(stores, log) {
    const mutexes = stores.map((store) => new AzureMutex({ store, log }));
    const mutexOf = (n: number): AzureMutex => mutexes[n % mutexes.length] as AzureMutex;
    const locks: Lock[] = [];
    const { leaseSeconds } = order;
    await forEach(
      order.count,
      async (n) =>
        void locks.push(
          await mutexOf(n).locker(keyOf(n), { leaseSeconds, unreachableAfterMs: UNREACHABLE_AFTER_MS }).lock(),
        ),
    );
    return {
      lost: () => locks.filter((lock) => !lock.isHeld).length,
      end: () => forEach(locks.length, async (n) => locks[n]?.release(), GIVEN_BACK_AT_ONCE),
    };
  },

  /** The least that keeps a lease: a timer and a renewal, and nothing that would notice a loss. */
  async bare([store]) {
    const { leaseSeconds, count } = order;
    let lost = 0;
    let isOver = false;
    await forEach(count, async (n) => {
      const [key, leaseId] = [keyOf(n), randomUUID()];
      await store.create(key, {});
      await store.acquire(key, leaseId, leaseSeconds);
      const renew = async (): Promise<void> => {
        const { kind } = await store.renew(key, leaseId);
        if (kind !== "renewed") lost += 1;
        else if (!isOver) setTimeout(renew, RENEW_EVERY_MS);
      };
      setTimeout(renew, RENEW_EVERY_MS);
    });
    const end = async (): Promise<void> => {
      isOver = true;
      await pause(1.1 * RENEW_EVERY_MS);
    };
    return { lost: () => lost, end };
  },

  async "waits for one"([store], log) {
    await holdForEver(store, 1);
    const locker = new AzureMutex({ store, log }).locker(keyOf(0));
    return await waiting(() => locker, 1_000);
  },

  async "waits for many"([store], log) {
    await holdForEver(store, order.count);
    const mutex = new AzureMutex({ store, log });
    // Each is quick to ask at first.
    return await waiting((n) => mutex.locker(keyOf(n)), 3_000);
  },
};

/** So many that wait, after the time that it takes until nothing but that is to be seen. */
async function waiting(lockerOf: (n: number) => Locker, settlingMs: number): Promise<Underway> {
  const over = new AbortController();
  let settled = 0;
  const count = (): void => {
    settled += 1;
  };
  const waits = Array.from({ length: order.count }, (_, n) =>
    lockerOf(n).lock({ signal: over.signal }).then(count, count),
  );
  await pause(settlingMs);
  const end = (): Promise<unknown> => {
    over.abort();
    return Promise.all(waits);
  };
  return { lost: () => settled, end };
}

/** Another process has them, and this one has nothing to renew. */
async function holdForEver(store: LeaseStore, count: number): Promise<void> {
  await forEach(count, async (n) => {
    await store.create(keyOf(n), {});
    await store.acquire(keyOf(n), randomUUID(), "infinite");
  });
}

/** All of the outcome but what is known only when nothing of it is left. */
async function hold(watch: RenewalWatch): Promise<Omit<ScaleOutcome, "heldBytes"> & { readonly withItBytes: number }> {
  const { kind, forMs } = order;
  const stores = newStores(`c${randomUUID()}`);
  for (const store of stores) watch.lookOn(store);
  let logged = 0;
  const began = performance.now();
  const { lost, end } = await KINDS[kind](stores, () => {
    logged += 1;
  });
  const held = performance.now();
  const cpu = process.cpuUsage();
  watch.begin();
  await pause(forMs);
  const { user, system } = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - held;
  const { most: mostAtOnce, mean: meanAtOnce } = watch.atOnce;
  const outcome = {
    takingMs: held - began,
    cpuMs: (user + system) / 1_000,
    elapsedMs,
    residentBytes: process.memoryUsage.rss(),
    lost: lost(),
    lagMs: watch.lagMs,
    renewals: watch.renewals,
    mostAtOnce,
    meanAtOnce,
    requestsPerSecond: watch.requests / (elapsedMs / 1_000),
    logged,
  };
  const withItBytes = await liveBytes();
  await end();
  return { ...outcome, withItBytes };
}

async function main(): Promise<ScaleOutcome> {
  await warmUp();
  const watch = new RenewalWatch({
    count: order.count,
    renewEveryMs: RENEW_EVERY_MS,
    longestMs: order.forMs + LONGEST_TAKING_MS,
  });
  const { withItBytes, ...outcome } = await hold(watch);
  const heldBytes = withItBytes - (await liveBytes());
  return { ...outcome, heldBytes };
}

// The process that measures is gone.
process.on("disconnect", () => process.exit());
process.send?.(await main(), () => process.exit());

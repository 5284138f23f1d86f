import { describe, expect, it } from "vitest";
import type { Lock } from "../../src/locker.ts";
import type { StoreOperation } from "../../src/testing/index.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import { World } from "../support/world.ts";

/** Numbers from 0 up to 1, the same for the same seed. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const OPERATIONS: readonly StoreOperation[] = [
  "acquire",
  "renew",
  "release",
  "change",
  "create",
  "read",
  "writeMetadata",
  "remove",
  "list",
];
/** Trouble lasts for this long; then everybody who still waits has to get in. */
const TROUBLE_MS = 120_000;

async function chaos(seed: number, options: LockerOptions): Promise<void> {
  const random = chance(seed);
  const upTo = (n: number): number => Math.floor(random() * n);
  const world = new World();
  const { clock } = world;
  const rest = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(ms, resolve));
  const held = new Set<Lock>();
  let lastToken = 0;
  const dead = new Set<object>();
  const finished: Promise<unknown>[] = [];
  const violations: unknown[] = [];
  const stores: ReturnType<World["process"]>["store"][] = [];

  const enter = (lock: Lock): void => {
    for (const other of held) if (other.isHeld && lock.isHeld) throw new Error(`seed ${seed}: two holders at ${clock.now()} ms`);
    held.add(lock);
    if ((lock.fencingToken as number) <= lastToken) throw new Error(`seed ${seed}: token ${lock.fencingToken} after ${lastToken}`);
    lastToken = lock.fencingToken as number;
  };

  const processes = 2 + upTo(3);
  for (let n = 0; n < processes; n += 1) {
    const { store, mutex } = world.process({ random });
    stores.push(store);
    store.delay("all", 1 + upTo(20));
    const crashesAt = random() < 0.25 ? upTo(TROUBLE_MS) : Number.POSITIVE_INFINITY;
    if (crashesAt < Number.POSITIVE_INFINITY) {
      dead.add(store);
      clock.setTimer(crashesAt, () => void store.hang("all"));
    }
    const isMortal = crashesAt < Number.POSITIVE_INFINITY;
    const isDead = (): boolean => clock.now() >= crashesAt;
    const task = async (): Promise<void> => {
      const locker = mutex.locker("job", options);
      for (let turn = 0; turn < 4 && !isDead(); turn += 1) {
        await rest(upTo(3_000));
        const impatient = random() < 0.3;
        const timeoutMs = impatient ? 1 + upTo(5_000) : Number.POSITIVE_INFINITY;
        const stop = new AbortController();
        if (random() < 0.2) clock.setTimer(upTo(8_000), () => stop.abort("changed its mind"));
        try {
          const lock = await locker.lock({ timeoutMs, signal: stop.signal });
          enter(lock);
          await rest(upTo(2_000));
          held.delete(lock);
          await lock.release();
        } catch (error) {
          if (String(error).includes("seed ")) throw error;
        }
      }
    };
    for (let tasks = 1 + upTo(2); tasks > 0; tasks -= 1) {
      // Of the dead nothing is expected but that they keep to the rules.
      const running = task();
      if (isMortal) running.catch((error) => violations.push(error));
      else finished.push(running);
    }
  }

  const trouble = (): void => {
    if (clock.now() > TROUBLE_MS) {
      for (const store of stores) if (!dead.has(store)) store.heal();
      return;
    }
    const store = stores[upTo(stores.length)] as (typeof stores)[0];
    const operation = OPERATIONS[upTo(OPERATIONS.length)] as StoreOperation;
    const kind = upTo(5);
    if (kind === 0) store.failBefore(operation, { times: 1 + upTo(3), answered: random() < 0.5 });
    if (kind === 1) store.failAfter(operation, { times: 1 + upTo(3) });
    if (kind === 2) store.applyLate(operation, upTo(20_000), { times: 1 });
    if (kind === 3) store.hang(operation, { times: 1 });
    if (kind === 4) store.hangAfter(operation, { times: 1 });
    clock.setTimer(upTo(4_000), trouble);
  };
  clock.setTimer(0, trouble);

  await world.until(Promise.all(finished), 600_000);
  expect(violations).toEqual([]);

  // One lease and a sweep later, nothing is left of those who died or gave up.
  await clock.advance(200_000);
  const sweeper = world.process().mutex.locker("job", options);
  await (await world.until(sweeper.lock(), 120_000)).release();
  await clock.advance(1_000);
  const left: string[] = [];
  for await (const { key } of world.memory.list(".azmutex/")) left.push(key);
  expect(left, `seed ${seed}`).toEqual([]);
}

describe("under chaos, in a thousand seeded runs, never two hold the lock, tokens grow, and everybody who waits gets in", () => {
  it("in a fair queue, which leaves no ticket behind", async () => {
    for (let seed = 1; seed <= 1_000; seed += 1) await chaos(seed, { fair: true });
  }, 300_000);

  it("without one", async () => {
    for (let seed = 1; seed <= 200; seed += 1) await chaos(seed, {});
  }, 300_000);
});

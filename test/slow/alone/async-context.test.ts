import { describe, expect, it } from "vitest";
import { median } from "../../../lab/shared/statistics.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Locker } from "../../../src/locks/locker.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";

const ROUNDS = 60;
const WARM_UP_ROUNDS = 20;
const CYCLES = 100;
const LIMIT = 0.03;
/** Before Node 24 `AsyncLocalStorage` hooks into every promise. */
const IS_HOOKED = Number.parseInt(process.versions.node, 10) < 24;
const HOOKED_LIMIT = 0.12;

type Cycles = (locker: Locker) => Promise<void>;

const locks: Cycles = async (locker) => {
  for (let done = 0; done < CYCLES; done += 1) await (await locker.lock()).release();
};
const runs: Cycles = async (locker) => {
  for (let done = 0; done < CYCLES; done += 1) await locker.run(async () => undefined);
};

async function processorUs(cycles: Cycles, locker: Locker): Promise<number> {
  const before = process.cpuUsage();
  await cycles(locker);
  const { user, system } = process.cpuUsage(before);
  // The hooks of promises are taken away when the event loop turns.
  await new Promise(setImmediate);
  return (user + system) / CYCLES;
}

/** What knowing its runs adds to a cycle in memory, as a share of the cycle. */
async function added(cycles: Cycles): Promise<number> {
  const [knows, ignores] = [true, false].map((asyncContext) =>
    new AzureMutex({ store: new MemoryLeaseStore({ containerExists: true }), asyncContext }).locker("job", {
      handOverMs: 0,
    }),
  ) as [Locker, Locker];
  const shares: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    // The second one finds what the first has left in the caches, and for the garbage collector.
    const first = round % 2 === 0 ? await processorUs(cycles, knows) : undefined;
    const without = await processorUs(cycles, ignores);
    const share = (first ?? (await processorUs(cycles, knows))) / without - 1;
    if (round >= 0) shares.push(share);
  }
  return median(shares);
}

describe("a mutex that knows its runs", () => {
  it.each([
    ["lock() and release()", locks, LIMIT],
    ["run()", runs, IS_HOOKED ? HOOKED_LIMIT : LIMIT],
  ])("takes for %s little more of a processor, all in memory", async (what, cycles, limit) => {
    const share = await added(cycles);
    console.log(`async context adds ${(share * 100).toFixed(1)} % to ${what} in memory`);
    expect(share).toBeLessThan(limit);
  });
});

import { AzureMutex, type Locker } from "azmutex";
import { MemoryLeaseStore } from "azmutex/testing";
import { median } from "../shared/statistics.ts";

const WARM_UP_ROUNDS = 20;
const CYCLES = 100;

/** Before Node 24 `AsyncLocalStorage` hooks into every promise, so that a `run` costs more there. */
const IS_HOOKED = Number.parseInt(process.versions.node, 10) < 24;

/** A way to lock and unlock in memory, and by how large a part knowing the runs of a mutex may slow it down. */
export interface ContextUse {
  readonly name: string;
  readonly limit: number;
  readonly cycle: (locker: Locker) => Promise<unknown>;
}

export const CONTEXT_USES: readonly ContextUse[] = [
  { name: "lock() and release()", limit: 0.03, cycle: async (locker) => await (await locker.lock()).release() },
  { name: "run()", limit: IS_HOOKED ? 0.12 : 0.03, cycle: (locker) => locker.run(async () => undefined) },
];

/** What knowing its runs adds to a cycle in memory, as a share of the cycle's processor time. */
export async function contextShare({ cycle }: ContextUse, rounds: number): Promise<number> {
  const [knows, ignores] = [true, false].map((asyncContext) =>
    new AzureMutex({ store: new MemoryLeaseStore({ containerExists: true }), asyncContext }).locker("job", {
      handOverMs: 0,
    }),
  ) as [Locker, Locker];
  const shares: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    // The second one finds what the first has left in the caches, and for the garbage collector.
    const first = round % 2 === 0 ? await processorUs(cycle, knows) : undefined;
    const without = await processorUs(cycle, ignores);
    const share = (first ?? (await processorUs(cycle, knows))) / without - 1;
    if (round >= 0) shares.push(share);
  }
  return median(shares);
}

async function processorUs(cycle: ContextUse["cycle"], locker: Locker): Promise<number> {
  const before = process.cpuUsage();
  for (let done = 0; done < CYCLES; done += 1) await cycle(locker);
  const { user, system } = process.cpuUsage(before);
  // The hooks of promises are taken away when the event loop turns.
  await new Promise(setImmediate);
  return (user + system) / CYCLES;
}

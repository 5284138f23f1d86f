import { AsyncLocalStorage } from "node:async_hooks";
import { AzureMutex, type Locker } from "azmutex";
import { MemoryLeaseStore } from "azmutex/testing";
import { median } from "../shared/statistics.ts";

const WARM_UP_ROUNDS = 100;
/** Few, so that whatever slows the machine down for a while slows down both ways of a round. */
const CYCLES = 20;

/** Before Node 24 `AsyncLocalStorage` hooks into every promise, so that a `run` costs more there. */
const IS_HOOKED = Number.parseInt(process.versions.node, 10) < 24;

const work = async (): Promise<void> => undefined;
const storage = new AsyncLocalStorage<object>();
const STORE = {};

/** A way to lock and unlock in memory, and by how large a part knowing the runs of a mutex may slow it down. */
export interface ContextUse {
  readonly name: string;
  readonly limit: number;
  readonly cycle: (locker: Locker) => Promise<unknown>;
  /** The same with an async context of the runtime's own, which is entered for the work alone. Default: it has none. */
  readonly bare?: (locker: Locker) => Promise<unknown>;
}

export const CONTEXT_USES: readonly ContextUse[] = [
  { name: "lock() and release()", limit: 0.03, cycle: async (locker) => await (await locker.lock()).release() },
  {
    name: "run()",
    limit: IS_HOOKED ? 0.09 : 0.03,
    cycle: (locker) => locker.run(work),
    bare: (locker) => locker.run(() => storage.run(STORE, work).finally(() => storage.disable())),
  },
];

/** What is added to a cycle in memory, as a share of its processor time. */
export interface ContextShare {
  /** By a mutex that knows its runs. */
  readonly added: number;
  /** By an `AsyncLocalStorage` alone that is entered for the work and disabled after it, as the mutex does. */
  readonly ofRuntime: number;
}

export async function contextShare({ cycle, bare }: ContextUse, rounds: number): Promise<ContextShare> {
  const [knows, ignores] = [true, false].map((asyncContext) =>
    new AzureMutex({ store: new MemoryLeaseStore({ containerExists: true }), asyncContext }).locker("job", {
      handOverMs: 0,
    }),
  ) as [Locker, Locker];
  const added: number[] = [];
  const ofRuntime: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    // The later one finds what the earlier has left in the caches, and for the garbage collector.
    const first = round % 2 === 0 ? await processorUs(cycle, knows) : undefined;
    const without = await processorUs(cycle, ignores);
    const known = first ?? (await processorUs(cycle, knows));
    const entered = bare ? await processorUs(bare, ignores) : without;
    if (round < 0) continue;
    added.push(known / without - 1);
    ofRuntime.push(entered / without - 1);
  }
  return { added: median(added), ofRuntime: median(ofRuntime) };
}

async function processorUs(cycle: ContextUse["cycle"], locker: Locker): Promise<number> {
  const before = process.cpuUsage();
  for (let done = 0; done < CYCLES; done += 1) await cycle(locker);
  const { user, system } = process.cpuUsage(before);
  // The hooks of promises are taken away when the event loop turns.
  await new Promise(setImmediate);
  return (user + system) / CYCLES;
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AzureMutex, type MutexOptions, releaseOnExit } from "azmutex";
import { guardianOf, memoryOf } from "../../shared/processes.ts";
import { CONTAINER } from "../../shared/storage/storage.ts";
import type { Place } from "../stage.ts";
import { LockingProcess } from "./locking-process.ts";

/** A guardian has heard of all leases, and of their first renewal. */
const SETTLED_MS = 12_000;
const CYCLES = 50;

/** Memory in kilobytes. */
export type Memory = ReturnType<typeof memoryOf>;

/** What the guardians of so many processes take, each with so many locks. */
export async function guardianMemories(address: string, locks: number, processes: number): Promise<Memory[]> {
  return await Promise.all(
    Array.from({ length: processes }, async (_, n) => {
      await using holder = await LockingProcess.start(address, { options: { guardian: true } });
      await holder.lock(Array.from({ length: locks }, (_, lock) => `guarded-${locks}-${n}-${lock}`));
      await sleep(SETTLED_MS);
      return memoryOf(await guardianOf(holder.pid));
    }),
  );
}

/** Requests for each lock and unlock: with nothing that sees the end of this process, and with everything. */
export async function requestsPerCycle(place: Place): Promise<{ readonly without: number; readonly withAll: number }> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "azmutex-cost-"));
  try {
    const without = await cycles(place, "cost-without", {});
    const withAll = await cycles(place, "cost-with-all", { guardian: true, stateDirectory });
    return { without, withAll };
  } finally {
    await rm(stateDirectory, { recursive: true });
  }
}

async function cycles({ address, proxy }: Place, key: string, options: MutexOptions): Promise<number> {
  await using mutex = new AzureMutex({ connectionString: address, containerName: CONTAINER, ...options });
  using _released = releaseOnExit(mutex);
  const locker = mutex.locker(key);
  const cycle = async (): Promise<void> => void (await (await locker.lock()).release());
  // The first creates the blob and writes the record.
  await cycle();
  const before = await proxy.requests();
  for (let n = 0; n < CYCLES; n += 1) await cycle();
  return ((await proxy.requests()) - before) / CYCLES;
}

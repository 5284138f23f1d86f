import { takeAll } from "../../lab/shared/take-all.ts";
import type { AzureMutex } from "../../src/locks/azure-mutex.ts";
import type { Holding } from "../../src/locks/holding.ts";
import { LeaderElection } from "../../src/recipes/election/leader-election.ts";
import { ReaderWriterLock } from "../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../src/recipes/semaphore/semaphore.ts";

/** Takes one holding of every kind: the keys are job, office, downloads, config, other config, a and b. */
export function takeOneOfEach(mutex: AzureMutex): Promise<readonly Holding[]> {
  return Promise.all([
    mutex.locker("job").lock(),
    new LeaderElection(mutex, "office").campaign(),
    new Semaphore(mutex, "downloads", { permits: 3 }).acquire(),
    new ReaderWriterLock(mutex, "config").read.lock(),
    new ReaderWriterLock(mutex, "other config").write.lock(),
    takeAll(mutex, ["a", "b"]),
  ]);
}

import {
  type AzureMutex,
  type Holding,
  LeaderElection,
  type LockerOptions,
  ReaderWriterLock,
  Semaphore,
  type WaitOptions,
} from "azmutex";
import type { Random } from "../shared/seeded.ts";
import type { ActorSpec } from "./messages.ts";
import type { Taken } from "./work.ts";

export type Taker = (wait: WaitOptions) => Promise<Taken>;

const PERMITS = 3;
/** So many of those who come to a reader-writer lock come to write. */
const WRITERS = 0.4;

/** How an actor takes what it is there for. All actors of a process share its `AzureMutex`. */
export function takerOf(
  { kind, key, name }: ActorSpec,
  mutex: AzureMutex,
  options: LockerOptions,
  random: Random,
): Taker {
  switch (kind) {
    case "plain":
    case "crowd":
    case "fair": {
      const locker = mutex.locker(key, { ...options, fair: kind === "fair" });
      return async (wait) => exclusive(await locker.lock(wait));
    }
    case "permit": {
      const semaphore = new Semaphore(mutex, key, { ...options, permits: PERMITS });
      // Of each slot there is one holder, and its tokens grow.
      return async (wait) => {
        const permit = await semaphore.acquire(wait);
        return { holding: permit, key: `${key}/${permit.slot}`, token: permit.fencingToken, isShared: false };
      };
    }
    case "readerWriter": {
      const both = new ReaderWriterLock(mutex, key, options);
      return async (wait) => {
        if (random() < WRITERS) return exclusive(await both.write.lock(wait));
        return { holding: await both.read.lock(wait), key, token: undefined, isShared: true };
      };
    }
    case "election": {
      const election = new LeaderElection(mutex, key, { leaseSeconds: options.leaseSeconds ?? 15, candidate: name });
      return async (wait) => {
        const leadership = await election.campaign(wait);
        return { holding: leadership, key, token: leadership.term, isShared: false };
      };
    }
  }
}

function exclusive(lock: Holding & { readonly fencingToken: number | undefined }): Taken {
  return { holding: lock, key: lock.key, token: lock.fencingToken, isShared: false };
}

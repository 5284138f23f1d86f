import type { Holding, OnceAttempt, WaitOptions } from "../../index.ts";

/** Something to hold: a lock, a permit, one side of a reader-writer lock. */
export interface LockSource {
  run<T>(work: (holding: HeldLock, attempt?: OnceAttempt) => Promise<T>, options: WaitOptions): Promise<T>;
}

/** What a lock, a permit and a read lock have, each its own part of it. */
export type HeldLock = Holding & {
  readonly fencingToken: number | undefined;
  readonly slot?: number;
  readonly conditions?: { readonly leaseId: string };
};

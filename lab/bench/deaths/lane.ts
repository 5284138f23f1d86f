import { setTimeout as sleep } from "node:timers/promises";
import { within } from "../../shared/child-process.ts";
import type { StartHolder } from "./holders.ts";
import { LockingProcess } from "./locking-process.ts";

/** The default of `leaseSeconds`. */
export const LEASE_MS = 30_000;
/** A waiter's first, quick polls are over. */
const WAITERS_SETTLE_MS = 1_500;
/** The longest pause between two polls of a waiter: a death comes at any moment of it. */
const POLL_MS = 1_000;
const AFTER_EXPIRY_MS = 30_000;

/** Holders that die one after the other, while the same process waits for all of their locks. */
export interface Lane {
  readonly address: string;
  readonly keys: readonly string[];
  readonly startHolder: StartHolder;
  readonly deaths: number;
}

/** How long it took from each death to the next holder's start, of each lock. */
export async function waitsIn({ address, keys, startHolder, deaths }: Lane): Promise<number[]> {
  await using waiter = await LockingProcess.start(address);
  const waits: number[] = [];
  for (let death = 0; death < deaths; death += 1) {
    await using holder = await startHolder(address, keys);
    const next = waiter.lock(keys);
    // If the holder cannot die, that is what is wrong.
    next.catch(() => undefined);
    await sleep(WAITERS_SETTLE_MS + Math.random() * POLL_MS);
    const from = await holder.die();
    const started = await within(
      LEASE_MS + AFTER_EXPIRY_MS,
      next,
      "a lock was not taken over after its holder's death",
    );
    waits.push(...[...started.values()].map((at) => at - from));
    await waiter.unlock();
  }
  return waits;
}

import { CommandError, EXIT } from "../exit-codes.ts";
import { renewalOverdue } from "../job/renewal-overdue.ts";
import { pause } from "../time.ts";
import type { HeldLock } from "./lock-source.ts";

/** How often to look whether the lock is still certain for the grace. */
const CHECK_RENEWAL_EVERY_MS = 250;

/**
 * Resolves when one of the signals aborts that ask to end. Throws a {@link CommandError} once the lock is lost, or
 * certain for the grace only.
 */
export async function heldUntil(ended: AbortSignal, holding: HeldLock, graceMs: number): Promise<void> {
  const either = AbortSignal.any([ended, holding.signal]);
  while (!ended.aborted) {
    const { aborted, reason } = holding.signal;
    const why = aborted && reason instanceof Error ? reason.message : renewalOverdue(holding, graceMs);
    if (why !== undefined) throw new CommandError(why, EXIT.lost);
    await pause(CHECK_RENEWAL_EVERY_MS, either);
  }
}

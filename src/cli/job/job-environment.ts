import type { OnceAttempt } from "../../index.ts";
import { shownSlot } from "../../status/slot-label.ts";

/** The variable in which every command finds the key. */
export const KEY_VARIABLE = "AZMUTEX_KEY";

/** What a command is told of its lock. */
export interface JobLock {
  readonly key: string;
  readonly token: number | undefined;
  readonly leaseId?: string | undefined;
  readonly slot?: number | undefined;
  readonly attempt?: OnceAttempt | undefined;
}

/** That, as variables. One that does not apply is unset: a command may run under another one's. */
export function jobEnvironment({ key, token, leaseId, slot, attempt }: JobLock): Record<string, string | undefined> {
  return {
    [KEY_VARIABLE]: key,
    AZMUTEX_TOKEN: token?.toString(),
    AZMUTEX_LEASE_ID: leaseId,
    AZMUTEX_SLOT: slot?.toString(),
    AZMUTEX_ONCE_SLOT: attempt && shownSlot(attempt.slot),
    AZMUTEX_ATTEMPT: attempt?.attempt.toString(),
  };
}

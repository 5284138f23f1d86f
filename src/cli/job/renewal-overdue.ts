import type { Holding } from "../../index.ts";

/**
 * What to say when a lock was not renewed and is certain for no longer than the grace. Undefined while it is, or while
 * that is not known.
 */
export function renewalOverdue({ key, isUncertain, remainingMs }: Holding, graceMs: number): string | undefined {
  // After a sleep of the machine, what was certain before stands until a renewal is answered.
  if (isUncertain || remainingMs > graceMs) return undefined;
  return remainingMs > 0
    ? `lock on "${key}" could not be renewed, and is certain for ${(remainingMs / 1_000).toFixed(1)} s more only`
    : renewedTooLate(key);
}

export const renewedTooLate = (key: string): string => `lock on "${key}" could not be renewed in time`;

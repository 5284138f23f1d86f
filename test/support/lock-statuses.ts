import type { LockStatus } from "../../src/index.ts";

export const NOW: number = Date.UTC(2026, 10, 23, 13, 5, 12, 345);

export const ago = (seconds: number): Date => new Date(Math.floor(NOW / 1_000) * 1_000 - seconds * 1_000);

export const holder = (
  name: string,
  host: string = name.split(":")[0] ?? name,
  pid: number = Number(name.split(":")[1] ?? 1),
) => ({
  name,
  host,
  pid,
});

/** A lock that is not held and never was. */
export function lock(key: string, status: Partial<LockStatus> = {}): LockStatus {
  return { key, isHeld: false, state: "available", infinite: false, waiting: [], ...status };
}

/** A lock held by a holder that left a record. */
export function heldLock(key: string, by: string, status: Partial<LockStatus> = {}): LockStatus {
  return lock(key, {
    isHeld: true,
    state: "leased",
    holder: holder(by),
    leaseSeconds: 30,
    recordedAt: ago(180),
    highestToken: 1_024,
    ...status,
  });
}

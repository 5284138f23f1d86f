import { helpersOf } from "../blobs/helper-folder.ts";
import { MOST_PERMITS, slotName } from "../blobs/permit-slot.ts";
import { shown } from "../errors.ts";
import { LONGEST_BREAK_SECONDS } from "../store/lease-store.ts";
import { type BreakResult, breakLease, breakReaders } from "./break-lease.ts";
import type { LockSpace } from "./lock-space.ts";
import type { CallOptions } from "./mutex.ts";

/** The options of {@link AzureMutex.break}: which lease, when, and on which condition. */
export interface BreakOptions extends CallOptions {
  /**
   * Breaks the lock, or the permit, only if its record names this holder (`Holder.name`). Default: any holder. Not with
   * `reader`.
   */
  ifHolder?: string | undefined;
  /**
   * Breaks this permit of the semaphore of that name instead: its slot, from 0 to 999. The lock is left alone. Default:
   * none.
   */
  permit?: number | undefined;
  /**
   * Breaks the read locks of the processes with this holder's name (`Holder.name`) instead, of all that bear it. Each
   * takes down all tasks that read in its process. The write side is left alone. Default: none.
   */
  reader?: string | undefined;
  /**
   * After how many seconds, from 0 to 60, what was broken is free at the latest. Default: when the lease would have
   * ended by itself, which keeps the guarantee: the holder cannot renew and stops in time. An infinite lease breaks at
   * once.
   *
   * With 0 it is free at once, **while its holder goes on until its next renewal fails**: two may be at work.
   */
  periodSeconds?: number | undefined;
}

/** {@link AzureMutex.break} */
export async function breakLock(space: LockSpace, key: string, options: BreakOptions): Promise<BreakResult> {
  checkBreakOptions(options);
  const { ifHolder, permit, reader, periodSeconds, signal } = options;
  const how = { periodSeconds, signal };
  if (reader !== undefined) return await breakReaders(space.blob({ key }), reader, how);
  const name = permit === undefined ? undefined : slotName(helpersOf(key), permit);
  return await breakLease(space.blob({ key, name }), { ...how, ifHolder });
}

function checkBreakOptions({ ifHolder, permit, reader, periodSeconds }: BreakOptions): void {
  for (const [name, value] of Object.entries({ ifHolder, reader })) {
    if (value !== undefined && typeof value !== "string")
      throw new TypeError(`${name} must be a holder's name, not ${shown(value)}`);
  }
  if (reader !== undefined && permit !== undefined)
    throw new TypeError("permit and reader exclude each other: break one after the other");
  if (reader !== undefined && ifHolder !== undefined)
    throw new TypeError("ifHolder and reader exclude each other: reader names the holder");
  if (permit !== undefined) checkWhole(permit, "permit", MOST_PERMITS - 1);
  if (periodSeconds !== undefined) checkWhole(periodSeconds, "periodSeconds", LONGEST_BREAK_SECONDS);
}

function checkWhole(value: unknown, name: string, most: number): void {
  if (!(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most)) {
    throw new RangeError(`${name} must be a whole number from 0 to ${most}, not ${shown(value)}`);
  }
}

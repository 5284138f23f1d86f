import type { OnceRecord } from "../../blobs/once-record.ts";
import type { Slot } from "../../blobs/once-slot.ts";
import type { Lock } from "../../locks/lock.ts";

/** What the work of a slot is given besides its lock. */
export interface OnceAttempt {
  /** The slot. */
  readonly slot: Slot;
  /** Which attempt at the slot this is, from 1. From 2 on, an earlier one may have done a part of the work. */
  readonly attempt: number;
}

/** The work of a slot. The lock has the signal that aborts on loss, the fencing token and `assertHeld()`. */
export type OnceWork<T> = (lock: Lock, attempt: OnceAttempt) => Promise<T> | T;

/** What came of asking for a slot, with the record as it was last seen. */
export type OnceResult<T> =
  /** The work ran, and is recorded as done. */
  | { readonly outcome: "ran"; readonly value: T; readonly record: OnceRecord }
  /** This slot is done, or a later one is. */
  | { readonly outcome: "alreadyDone"; readonly record: OnceRecord }
  /** A later slot was begun, so that this one, which is not known to be done, is not begun any more. */
  | { readonly outcome: "passed"; readonly record: OnceRecord }
  /** Another holds the lock of the key, for this slot or another one. There may be no record yet. */
  | { readonly outcome: "running"; readonly record?: OnceRecord }
  /** It failed or crashed, and is not begun again: the policies or `maxAttempts` say so. */
  | { readonly outcome: "gaveUp"; readonly record: OnceRecord };

import type { OnceRecord } from "../../blobs/once-record.ts";
import { checkSlot, compareSlots, type Slot, slotText } from "../../blobs/once-slot.ts";
import { OnceSlotError } from "../../errors.ts";
import type { OncePolicy } from "./once-options.ts";
import type { SeenRecord } from "./once-record-blob.ts";

/** What is to be done for a slot, by the record. */
export type Verdict =
  /** Begin it. */
  | { readonly kind: "begin"; readonly attempt: number }
  /** Nothing: it is done, a later one was begun, or it is given up. */
  | { readonly kind: "over"; readonly outcome: "alreadyDone" | "passed" | "gaveUp"; readonly record: OnceRecord }
  /** It was begun and did not end, and is not begun again: the record is to say so. */
  | { readonly kind: "giveUp"; readonly record: OnceRecord };

/** By how much a slot may be ahead of the service's clock, in milliseconds. */
const MOST_AHEAD_MS = 60_000;

/** Throws `OnceSlotError` for a slot of another kind than the record's, or a date that lies too far ahead. */
export function checkAgainst({ record, time }: SeenRecord, slot: Slot, key: string): void {
  const kind = checkSlot(slot);
  const recorded = record && checkSlot(record.slot);
  if (recorded !== undefined && recorded !== kind) {
    const why = `is a ${kind}, and the slots of this key are ${recorded}s`;
    throw new OnceSlotError(`slot ${slotText(slot)} of "${key}" ${why}`, key);
  }
  // P54: no clock of a caller moves the record on.
  const { ms } = time;
  if (slot instanceof Date && !(slot.getTime() - ms <= MOST_AHEAD_MS)) {
    const now = Number.isFinite(ms) ? `is ${new Date(ms).toISOString()}` : "is not known";
    const why = `is more than a minute ahead of the service's clock, which ${now}`;
    throw new OnceSlotError(`slot ${slotText(slot)} of "${key}" ${why}`, key);
  }
}

/**
 * What the record says is to be done. It does not tell whether work that was begun still runs: `begin` and `giveUp` are
 * for the holder of the lock alone (P52).
 */
export function verdictOn({ record }: SeenRecord, slot: Slot, policy: OncePolicy): Verdict {
  const order = record ? compareSlots(slot, record.slot) : 1;
  if (!record || order > 0) return { kind: "begin", attempt: 1 };
  // P53: slots never go back.
  if (order < 0) {
    const isDone = record.lastDone !== undefined && compareSlots(slot, record.lastDone) <= 0;
    return { kind: "over", outcome: isDone ? "alreadyDone" : "passed", record };
  }
  const { state, attempt } = record;
  if (state === "done") return { kind: "over", outcome: "alreadyDone", record };
  const isLeft = state === "failed" ? policy.afterFailure === "leave" : policy.afterCrash === "leave";
  if (!isLeft && attempt < policy.maxAttempts) return { kind: "begin", attempt: attempt + 1 };
  return state === "started" ? { kind: "giveUp", record } : { kind: "over", outcome: "gaveUp", record };
}

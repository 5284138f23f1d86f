import { shown } from "../errors.ts";

/**
 * For what a job is done once: the time of a fire, a number, or a string that sorts by its UTF-16 code units, such as
 * `2026-11-30` or a version of fixed width. One key has slots of one kind.
 */
export type Slot = Date | number | string;

export type SlotKind = "date" | "number" | "string";

const LONGEST_SLOT = 64;
const PRINTABLE = /^[\x20-\x7e]+$/;

/** Throws `TypeError` or `RangeError` unless the value is a slot. Gives its kind. */
export function checkSlot(slot: unknown): SlotKind {
  if (slot instanceof Date) {
    if (Number.isNaN(slot.getTime())) throw new RangeError("slot must be a date, not an invalid one");
    return "date";
  }
  if (typeof slot === "number") {
    if (!Number.isSafeInteger(slot)) throw new RangeError(`slot must be a safe integer, not ${slot}`);
    return "number";
  }
  if (typeof slot !== "string") throw new TypeError(`slot must be a Date, a number or a string, not ${shown(slot)}`);
  if (slot.length > LONGEST_SLOT || !PRINTABLE.test(slot))
    throw new RangeError(`slot must be 1 to ${LONGEST_SLOT} printable ASCII characters, not ${shown(slot)}`);
  return "string";
}

/** Below 0 if the first comes before the second. Both are of one kind. */
export function compareSlots(a: Slot, b: Slot): number {
  const [one, other] = [slotValue(a), slotValue(b)];
  return one === other ? 0 : one < other ? -1 : 1;
}

/** A slot as text: a date in ISO 8601. */
export function slotText(slot: Slot): string {
  return slot instanceof Date ? slot.toISOString() : String(slot);
}

/** A slot as JSON has it, beside its kind. */
export function slotValue(slot: Slot): number | string {
  return slot instanceof Date ? slot.getTime() : slot;
}

/** The slot that JSON says, or undefined if it says none of this kind. */
export function slotFrom(kind: SlotKind, value: unknown): Slot | undefined {
  const slot = kind === "date" && typeof value === "number" ? new Date(value) : value;
  try {
    return checkSlot(slot) === kind ? (slot as Slot) : undefined;
  } catch {
    return undefined;
  }
}

import type { OnceRecord } from "../../blobs/once-record.ts";
import { checkSlot, compareSlots, type Slot, slotText } from "../../blobs/once-slot.ts";
import { OnceSlotError } from "../../errors.ts";
import type { WaitOptions } from "../../waiting/wait-options.ts";

/** Which missed slots are made up for. */
export interface CatchUpOptions extends WaitOptions {
  /**
   * The slots after `last` that are due at `now`, in ascending order. `now` is by the service's clock, of whole
   * seconds.
   */
  slotsBetween: (last: Slot, now: Date) => Iterable<Slot>;
  /** None of them, the latest one, or each in turn. Default: `"once"`. */
  missed?: "skip" | "once" | "all" | undefined;
}

/** The slots that are to be run. The last one that was begun is among them if it is not done. */
export function missedSlots(
  key: string,
  { slot, state }: OnceRecord,
  now: Date,
  { slotsBetween, missed = "once" }: Pick<CatchUpOptions, "slotsBetween" | "missed">,
): readonly Slot[] {
  if (missed === "skip") return [];
  const due = [...(state === "done" ? [] : [slot]), ...slotsBetween(slot, now)];
  for (const [at, one] of due.entries()) {
    checkSlot(one);
    const before = due[at - 1];
    if (before !== undefined && compareSlots(before, one) >= 0)
      throw new OnceSlotError(
        `slotsBetween of "${key}" gave ${slotText(one)} after ${slotText(before)}: it must give later ones in order`,
        key,
      );
  }
  return missed === "once" ? due.slice(-1) : due;
}

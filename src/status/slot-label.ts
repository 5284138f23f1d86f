import type { OnceRecord } from "../blobs/once-record.ts";
import { type Slot, slotText } from "../blobs/once-slot.ts";

/** `slot 2026-11-30 done`, `slot 42 started, attempt 2`: the last slot of a job, and what came of it. */
export function slotLabel({ slot, state, attempt }: OnceRecord): string {
  return `slot ${shownSlot(slot)} ${state}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
}

/** A slot for people: the fire of a schedule has no milliseconds. */
export function shownSlot(slot: Slot): string {
  return slotText(slot).replace(/\.000Z$/, "Z");
}

/** When that came of it, by the service's clock. */
export function slotTime({ startedAt, endedAt = startedAt }: OnceRecord): Date {
  return endedAt;
}

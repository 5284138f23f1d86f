import type { Slot } from "../../blobs/once-slot.ts";
import type { ServiceTime } from "../../lease/last-stamp.ts";
import type { LockBlob } from "../../lease/lock-blob.ts";
import { LinkedSignal } from "../../time/abort.ts";
import { sleep } from "../../time/clock.ts";

/**
 * Waits until a date has come by the service's clock. False if it had come already, as every other slot has. P54: with
 * a slot that is begun early, a process whose clock is ahead passes those that the others have yet to begin.
 */
export async function untilDue(
  slot: Slot,
  time: ServiceTime,
  { clock, closing }: Pick<LockBlob, "clock" | "closing">,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const aheadMs = slot instanceof Date ? slot.getTime() - time.ms : 0;
  if (aheadMs <= 0) return false;
  const stop = new LinkedSignal(...(signal ? [signal] : []), closing.signal);
  await sleep(clock, aheadMs, { signal: stop.signal }).finally(() => stop.end());
  return true;
}

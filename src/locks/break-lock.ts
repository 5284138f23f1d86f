import { helpersOf } from "../blobs/helper-folder.ts";
import type { Holder } from "../blobs/holder.ts";
import { recordIn } from "../blobs/lock-record.ts";
import { MOST_PERMITS, slotName } from "../blobs/permit-slot.ts";
import { READERS, readerIn } from "../blobs/reader-blob.ts";
import { StoreUnavailableError, shown } from "../errors.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { retry, TRIES } from "../lease/retry.ts";
import { isLeased, LONGEST_BREAK_SECONDS } from "../store/lease-store.ts";
import type { LockSpace } from "./lock-space.ts";
import type { CallOptions } from "./mutex.ts";

/** How often a break is tried again when the blob was written between the look and the break. */
const MOST_BREAK_LOOKS = 5;

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

/** The result of `AzureMutex.break`. */
export type BreakResult =
  | {
      readonly outcome: "broken";
      /** In how many seconds another can acquire it. Of several readers: when the last of them is gone. */
      readonly freeInSeconds: number;
      /** The holder that it stopped, as far as the record tells. Of several readers: the last to go. */
      readonly holder?: Holder;
    }
  /** It was not held. */
  | {
      readonly outcome: "notHeld";
      /** True if the container does not exist. Left out otherwise, and where the store does not tell. */
      readonly isContainerMissing?: true;
    }
  /** Another holder than `ifHolder` holds it. Nothing was changed. */
  | { readonly outcome: "heldByAnother"; readonly holder?: Holder };

/** {@link AzureMutex.break} */
export async function breakLock(space: LockSpace, key: string, options: BreakOptions): Promise<BreakResult> {
  checkBreakOptions(options);
  const { permit, reader } = options;
  if (reader !== undefined) return await breakReaders(space.blob({ key }), reader, options);
  const name = permit === undefined ? undefined : slotName(helpersOf(key), permit);
  return await breakLease(space.blob({ key, name }), options);
}

/** Breaks the lease of a blob, if its record names the holder that is meant. Default: any holder. */
async function breakLease(blob: LockBlob, { ifHolder, periodSeconds, signal }: BreakOptions): Promise<BreakResult> {
  const { key } = blob;
  const policy = { signal, tries: TRIES };
  for (let looks = 0; looks < MOST_BREAK_LOOKS; looks += 1) {
    const found = await retry(blob, () => blob.read({ signal }), policy);
    if (found.kind === "missing") return notHeld(found.what === "container");
    if (!isLeased(found.blob.leaseState)) return notHeld();
    // No locker takes an infinite lease: a record that is there is of an earlier holder.
    const holder = found.blob.infinite ? undefined : recordIn(found.blob.metadata)?.holder;
    const stopped = holder ? { holder } : {};
    if (ifHolder !== undefined && holder?.name !== ifHolder) return { outcome: "heldByAnother", ...stopped };
    // P47: only what was seen is broken.
    const ifMatch = ifHolder === undefined ? undefined : found.blob.etag;
    const answer = await retry(blob, () => blob.break({ periodSeconds, ifMatch, signal }), policy);
    if (answer.kind === "breaking") return { outcome: "broken", freeInSeconds: answer.freeInSeconds, ...stopped };
    if (answer.kind !== "unmet") return notHeld();
  }
  const text = `could not break "${key}": it is written again whenever it is looked at`;
  throw new StoreUnavailableError(text, key, { answered: true });
}

/** Breaks the leases of all processes that read under that name, given the blob of the key. */
async function breakReaders(
  blob: LockBlob,
  name: string,
  { periodSeconds, signal }: BreakOptions,
): Promise<BreakResult> {
  const policy = { signal, tries: TRIES };
  let isContainerMissing = false;
  const onNoContainer = (): void => {
    isContainerMissing = true;
  };
  const found = await retry(blob, () => blob.list(READERS, { signal, onNoContainer }), policy);
  const theirs = found.flatMap((own) => {
    const holder = isLeased(own.leaseState) ? readerIn(own)?.holder : undefined;
    return holder?.name === name ? [{ helper: blob.helper(own.key), holder }] : [];
  });
  const broken = await Promise.all(
    theirs.map(async ({ helper, holder }) => {
      const answer = await retry(helper, () => helper.break({ periodSeconds, signal }), policy);
      // One that has done meanwhile needs no breaking.
      return answer.kind === "breaking" ? [{ holder, freeInSeconds: answer.freeInSeconds }] : [];
    }),
  );
  const [last] = broken.flat().sort((a, b) => b.freeInSeconds - a.freeInSeconds);
  return last ? { outcome: "broken", ...last } : notHeld(isContainerMissing);
}

function notHeld(isContainerMissing = false): BreakResult {
  return { outcome: "notHeld", ...(isContainerMissing && { isContainerMissing }) };
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

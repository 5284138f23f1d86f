import type { Holder } from "../blobs/holder.ts";
import { recordIn } from "../blobs/lock-record.ts";
import { READERS, readerIn } from "../blobs/reader-blob.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { retry, TRIES } from "../lease/retry.ts";
import { isLeased } from "../store/lease-store.ts";

/** How often a break is tried again when the blob was written between the look and the break. */
const MOST_BREAK_LOOKS = 5;

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

interface BreakTerms {
  /** Default: the rest of the lease runs out. */
  readonly periodSeconds: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Breaks the lease of a blob, if its record names the holder that is meant. Default: any holder. */
export async function breakLease(
  blob: LockBlob,
  { ifHolder, periodSeconds, signal }: BreakTerms & { readonly ifHolder: string | undefined },
): Promise<BreakResult> {
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
export async function breakReaders(
  blob: LockBlob,
  name: string,
  { periodSeconds, signal }: BreakTerms,
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

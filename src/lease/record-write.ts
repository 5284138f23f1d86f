import type { HolderDescription } from "../blobs/holder.ts";
import { checkKind, withKind } from "../blobs/key-kind.ts";
import { type Announced, withRecord } from "../blobs/lock-record.ts";
import type { StoreUnavailableError } from "../errors.ts";
import { Stopwatch, sleep } from "../time/clock.ts";
import { type KnownBlob, neverAsRead, type RecordCall, readKnown } from "./known-blob.ts";
import { stampNow } from "./last-stamp.ts";
import type { LockBlob } from "./lock-blob.ts";
import { lossBy } from "./refusal.ts";
import { type RetryPolicy, retry, retryDelayMs } from "./retry.ts";
import { type Block, dateOf } from "./token-block.ts";

/** If the blob was written this often between our read and our write, another process has the lease. */
const MOST_UNMET = 5;

export interface RecordRequest extends RecordCall {
  readonly description: HolderDescription;
  /** For how long to go on without success, answers or not, in milliseconds. Default: until the signal aborts. */
  readonly longestMs?: number | undefined;
}

/** What a record says besides the description of its holder. */
export interface RecordParts {
  /** The tokens that it reserves. */
  readonly block: Block;
  /** Default: nothing is announced. */
  readonly announced?: Announced;
}

/** A record that is written, and what the blob looks like then. */
interface WrittenRecord extends Pick<KnownBlob, "etag" | "metadata" | "time"> {
  readonly block: Block;
}

/**
 * Writes a record until it is certain to be written, or the lease is lost. The record is composed anew for each write,
 * from what the blob is known to look like: given, or read now. Throws `LockLostError` if the lease turns out to be
 * lost, `KeyKindMismatchError` if the key is used as something else, or the signal's reason.
 */
export async function writeUntilCertain(
  blob: LockBlob,
  request: RecordRequest,
  before: KnownBlob | undefined,
  compose: (known: KnownBlob) => Promise<RecordParts>,
): Promise<WrittenRecord> {
  const { signal, outage, longestMs = Number.POSITIVE_INFINITY } = request;
  const tried = new Map<string, Block>();
  const since = new Stopwatch(blob.clock);
  const endure = (error: StoreUnavailableError): void => {
    outage?.failed(error, blob.key);
    if (since.elapsedMs >= longestMs) throw error;
  };
  let known = before ?? (await readKnown(blob, request, endure));
  let unmet = 0;
  let failures = 0;
  const tryOnce = async (): Promise<WrittenRecord | number> => {
    // P29: the nonce tells our own write whose answer was lost.
    const mine = known.record && tried.get(known.record.nonce);
    if (mine) return { ...known, block: mine };
    checkKind(blob.key, request.description.kind, known.metadata);
    const parts = await compose(known);
    const nonce = blob.newId();
    tried.set(nonce, parts.block);
    const written = await writeOnce(blob, request, known, parts, nonce);
    if (written) return written;
    unmet += 1;
    return 0;
  };
  const policy: RetryPolicy = {
    failed: (error) => {
      endure(error);
      failures += 1;
      return retryDelayMs(failures, blob.random);
    },
    pause: async (ms) => {
      if (ms > 0) await sleep(blob.clock, ms, { signal });
      if (unmet >= MOST_UNMET) throw neverAsRead(blob.key);
      known = await readKnown(blob, request, endure);
    },
  };
  return await retry(blob, tryOnce, policy);
}

/**
 * Writes a record once, over what is known of the blob. Undefined if the blob was written since. Throws
 * `KeyKindMismatchError` if the key is used as something else, and the `LockLostError` that a refusal proves.
 */
export async function writeOnce(
  blob: LockBlob,
  { description, leaseId, signal, outage }: RecordRequest,
  known: KnownBlob,
  { block, announced }: RecordParts,
  nonce: string = blob.newId(),
): Promise<WrittenRecord | undefined> {
  const { announces, kind, ...plain } = description;
  checkKind(blob.key, kind, known.metadata);
  const written = { top: block.top, nonce, writtenAt: dateOf(known.time) };
  const record = { ...plain, ...written, ...(announces && announced && { announced: { ...announced, ...announces } }) };
  const metadata = withRecord(withKind(known.metadata, kind), record);
  outage?.sending();
  // P26: under the lease, and only over what was seen.
  const answer = await blob.writeRecord(metadata, { leaseId, ifMatch: known.etag, signal });
  if (answer.kind === "refused") throw lossBy(answer, blob.key, "writing the record");
  return answer.kind === "written" ? { ...stampNow(blob, answer), metadata, block } : undefined;
}

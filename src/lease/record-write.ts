import type { HolderDescription } from "../blobs/holder.ts";
import { checkKind, withKind } from "../blobs/key-kind.ts";
import { type Announced, type LockRecord, withRecord } from "../blobs/lock-record.ts";
import type { StoreUnavailableError } from "../errors.ts";
import type { Metadata } from "../store/lease-store.ts";
import { Stopwatch, sleep } from "../time/clock.ts";
import { type KnownBlob, neverAsRead, type RecordCall, readKnown } from "./known-blob.ts";
import { type LastStamp, stampNow } from "./last-stamp.ts";
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
  readonly announced: Announced;
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
  const { signal, outage, description, longestMs = Number.POSITIVE_INFINITY } = request;
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
    checkKind(blob.key, description.kind, known.metadata);
    const { block, announced } = await compose(known);
    const written = { top: block.top, nonce: blob.newId(), writtenAt: dateOf(known.time) };
    tried.set(written.nonce, block);
    const record = recordFor(description, written, announced);
    const metadata = withRecord(withKind(known.metadata, description.kind), record);
    const answer = await writeRecord(blob, request, metadata, known.etag);
    if (answer) return { ...answer, metadata, block };
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

function recordFor(
  { announces, kind, ...description }: HolderDescription,
  written: Pick<LockRecord, "top" | "nonce" | "writtenAt">,
  announced: Announced,
): LockRecord {
  return { ...description, ...written, ...(announces && { announced: { ...announced, ...announces } }) };
}

/**
 * Writes a record once. Undefined if the blob was written since `ifMatch`. Throws the `LockLostError` that a refusal
 * proves.
 */
async function writeRecord(
  blob: LockBlob,
  { leaseId, signal, outage }: RecordCall,
  metadata: Metadata,
  ifMatch: string,
): Promise<LastStamp | undefined> {
  outage?.sending();
  // P26: under the lease, and only over what was seen.
  const answer = await blob.writeRecord(metadata, { leaseId, ifMatch, signal });
  if (answer.kind === "refused") throw lossBy(answer, blob.key, "writing the record");
  return answer.kind === "written" ? stampNow(blob, answer) : undefined;
}

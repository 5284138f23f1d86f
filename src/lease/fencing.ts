import type { Announcement, HolderDescription } from "../blobs/holder.ts";
import { withKind } from "../blobs/key-kind.ts";
import { recordIn, withRecord } from "../blobs/lock-record.ts";
import type { Metadata } from "../store/lease-store.ts";
import type { FirstRecord } from "./acquisition.ts";
import { type KnownBlob, knownFrom, readAsWritten } from "./known-blob.ts";
import type { LastStamp, ServiceTime } from "./last-stamp.ts";
import type { LockBlob } from "./lock-blob.ts";
import { type RecordParts, type RecordRequest, writeOnce, writeUntilCertain } from "./record-write.ts";
import { type Block, blockSizeFor, dateOf, nextBlock, reserve, secondOf, takeNext } from "./token-block.ts";

/** A block that the record behind `etag` reserves for us. */
interface OwnBlock extends ReservedBlock {
  /** What the record says of its holder. */
  readonly description: HolderDescription;
  /** Undefined where another process wrote the record. */
  readonly metadata: Metadata | undefined;
}

/** A block that the record behind `etag` reserves. */
export interface ReservedBlock extends Block {
  readonly etag: string;
}

export interface TokenRequest extends RecordRequest {
  readonly lastStamp: LastStamp;
}

export interface NewAnnouncement {
  /** The token of the holder that announces. */
  readonly token: number;
  readonly announcement: Announcement | undefined;
}

/**
 * The fencing tokens of one key, as far as this process gives them out: `max(stored + 1, service time in seconds ×
 * 1e6)`, reserved in blocks by writing the block's top into the blob's metadata under the lease.
 *
 * Lease operations never change a blob's ETag. So when an acquire is answered with the ETag of our own last write, no
 * process has reserved since, and the block goes on without a request.
 */
export class FencingTokens {
  #own: OwnBlock | undefined;
  /** What was read of the blob while another held it. */
  #foreseen: KnownBlob | undefined;
  /** The highest token this process ever reserved: holds even if the blob was deleted and forgot it. */
  #highest = 0;
  /** The highest that it ever tried to reserve. */
  #highestTried = 0;

  /** The record to create the blob with, dated by the answer that the blob is missing. */
  first(blob: LockBlob, description: HolderDescription, date: number): FirstRecord | undefined {
    const block = reserve(this.#highest, date, blockSizeFor(description));
    // Without a date, or with an absurd one, there are none to be had yet.
    if (!block || !Number.isSafeInteger(block.top)) return undefined;
    const { top } = block;
    // The creator of the blob does not hold it yet: it has nothing to announce, and writes again when it has.
    const { announces, kind, ...plain } = description;
    const record = { ...plain, top, nonce: blob.newId(), writtenAt: date };
    const metadata = withRecord(withKind(blob.metadata ?? {}, kind), record);
    return {
      metadata,
      created: ({ etag, lastModified }) => {
        // In a later second than that of the tokens, other processes may have used higher tokens and deleted the blob.
        // P27: the creation has to fall into the second of its date.
        if (secondOf(lastModified) !== secondOf(date)) return;
        this.#keep({ next: announces ? top + 1 : block.next, top, etag, description, metadata });
      },
    };
  }

  /**
   * The next token of our own block, if the blob still is as we wrote it and the record describes this holder. Takes no
   * request.
   */
  next({ etag }: LastStamp, description: HolderDescription): number | undefined {
    const own = this.#own;
    return own && own.etag === etag && own.next <= own.top && isSame(own.description, description)
      ? takeNext(own)
      : undefined;
  }

  /**
   * Reads the present holder's record, so that the next holder may reserve its token without reading it. Never rejects.
   */
  async lookAhead(blob: LockBlob, signal: AbortSignal): Promise<void> {
    const answer = await readAsWritten(blob, signal).catch(() => undefined);
    if (answer?.kind === "found") this.#foreseen = knownFrom(blob, answer.blob);
  }

  /**
   * A token higher than every one before it, from a block that is reserved for it, and what the blob looks like then.
   * Throws `LockLostError` if the lease turns out to be lost, `KeyKindMismatchError` if the key is used as something
   * else, or the signal's reason.
   */
  async reserve(blob: LockBlob, request: TokenRequest): Promise<{ token: number; lastStamp: LastStamp }> {
    const { block, time } = await this.#record(blob, request, async (known) => {
      const next = await nextBlock(blob, known, { ...request, highest: this.#highest });
      return { block: next, announced: { token: next.next, since: dateOf(known.time) } };
    });
    return { token: takeNext(block), lastStamp: { etag: block.etag, time } };
  }

  /**
   * P60. Reserves a block for the next holder, whose record this process writes under its own lease, when it holds no
   * more: one request. Undefined where that is not certain: the next holder writes it itself then. Never rejects.
   */
  async reserveFor(blob: LockBlob, request: TokenRequest): Promise<ReservedBlock | undefined> {
    const known = this.#knownAt(request.lastStamp);
    if (!known?.record) return undefined;
    const stored = Math.max(known.record.top, this.#highest);
    const block = reserve(stored, known.time.ms, blockSizeFor(request.description));
    if (!block || !Number.isSafeInteger(block.top)) return undefined;
    this.#highestTried = Math.max(this.#highestTried, block.top);
    const written = await writeOnce(blob, request, known, { block }).catch(() => undefined);
    if (!written) return undefined;
    this.#own = undefined;
    this.#foreseen = { ...written, lastModified: Number.NEGATIVE_INFINITY, record: recordIn(written.metadata) };
    this.#highest = Math.max(this.#highest, block.top);
    return { ...block, etag: written.etag };
  }

  /**
   * P60. The holder before has reserved this block for this process, in the record that its ETag stands for. Reads that
   * record until the signal aborts: only over what it knows can this process write the one of the holder after it.
   */
  accept(blob: LockBlob, block: ReservedBlock, holder: Pick<RecordRequest, "description" | "signal">): void {
    if (block.next <= this.#highest) return;
    this.#keep({ ...block, description: holder.description, metadata: undefined });
    void this.lookAhead(blob, holder.signal);
  }

  /** Replaces what the holder of a token announces with it. Throws as {@link FencingTokens.reserve} does. */
  async announce(
    blob: LockBlob,
    request: TokenRequest,
    { token, announcement }: NewAnnouncement,
  ): Promise<{ lastStamp: LastStamp }> {
    const { announces, ...plain } = request.description;
    const description = announcement ? { ...plain, announces: announcement } : plain;
    const { block, time } = await this.#record(blob, { ...request, description }, async ({ record, time: now }) => {
      const top = Math.max(token, record?.top ?? 0);
      const since = record?.announced?.token === token ? record.announced.since : dateOf(now);
      return { block: { next: top + 1, top }, announced: { token, since } };
    });
    return { lastStamp: { etag: block.etag, time } };
  }

  /**
   * Whether another process has reserved tokens since this one did. It needs the lease for that. Throws as requests do.
   */
  async areOvertaken(blob: LockBlob): Promise<boolean> {
    const answer = await blob.read();
    const record = answer.kind === "found" ? recordIn(answer.blob.metadata) : undefined;
    return record !== undefined && record.top > this.#highestTried;
  }

  /** Writes a record over what is known of the blob, and keeps its block. */
  async #record(
    blob: LockBlob,
    request: TokenRequest,
    compose: (known: KnownBlob) => Promise<RecordParts>,
  ): Promise<{ block: OwnBlock; time: ServiceTime }> {
    const known = this.#knownAt(request.lastStamp);
    const { block, etag, metadata, time } = await writeUntilCertain(blob, request, known, async (seen) => {
      const parts = await compose(seen);
      this.#highestTried = Math.max(this.#highestTried, parts.block.top);
      return parts;
    });
    return { block: this.#keep({ ...block, etag, metadata, description: request.description }), time };
  }

  #knownAt(lastStamp: LastStamp): KnownBlob | undefined {
    return this.#ownWrite(lastStamp) ?? this.#foresightOf(lastStamp);
  }

  /** What our own last write made of the blob, if it still is so (P25). */
  #ownWrite(lastStamp: LastStamp): KnownBlob | undefined {
    const { etag, metadata } = this.#own ?? {};
    if (etag !== lastStamp.etag || !metadata) return undefined;
    return { ...lastStamp, lastModified: Number.NEGATIVE_INFINITY, metadata, record: recordIn(metadata) };
  }

  /**
   * What was read while another held the lock, if the blob still is so: its ETag says that it was not written since.
   */
  #foresightOf(lastStamp: LastStamp): KnownBlob | undefined {
    return this.#foreseen?.etag === lastStamp.etag ? { ...this.#foreseen, time: lastStamp.time } : undefined;
  }

  #keep(own: OwnBlock): OwnBlock {
    this.#own = own;
    this.#foreseen = undefined;
    this.#highest = Math.max(this.#highest, own.top);
    this.#highestTried = Math.max(this.#highestTried, own.top);
    return own;
  }
}

function isSame(a: HolderDescription, b: HolderDescription): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.purpose === b.purpose &&
      a.leaseSeconds === b.leaseSeconds &&
      a.holder.name === b.holder.name &&
      !a.announces === !b.announces &&
      a.announces?.data === b.announces?.data)
  );
}

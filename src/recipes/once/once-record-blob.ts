import { type OnceRecord, onceMetadata, onceRecordIn, onceRecordName } from "../../blobs/once-record.ts";
import { compareSlots } from "../../blobs/once-slot.ts";
import { OnceRecordError } from "../../errors.ts";
import { neverAsRead } from "../../lease/known-blob.ts";
import { ServiceTime } from "../../lease/last-stamp.ts";
import type { LockBlob } from "../../lease/lock-blob.ts";
import { type RetryPolicy, retry } from "../../lease/retry.ts";
import type { Refused } from "../../store/lease-store.ts";

/** The record as it was last seen. */
export interface SeenRecord {
  /** Undefined if there is none. */
  readonly record: OnceRecord | undefined;
  /** The version that was seen. Undefined if there is no blob. */
  readonly etag: string | undefined;
  /** The service's time. */
  readonly time: ServiceTime;
}

/** How the tries of one request go on: until when, and how often. */
export type RecordPolicy = Pick<RetryPolicy, "signal" | "tries">;

/** What became of a write: it stands, or the record is another one by now. */
export interface RecordWrite {
  readonly isWritten: boolean;
  readonly seen: SeenRecord;
}

/** A record that is written by others this often, whenever it is looked at, is not written under the lock. */
export const MOST_CHANGES = 5;

/** The blob beside the lock that bears the record of a key's slots. It is not leased: conditions order its writes. */
export class OnceRecordBlob {
  readonly #blob: LockBlob;
  readonly #key: string;

  constructor(keyBlob: LockBlob) {
    this.#key = keyBlob.key;
    this.#blob = keyBlob.helper(onceRecordName(keyBlob.key));
  }

  /** Reads the record: one request. Throws `OnceRecordError` for one that cannot be read. */
  async read(policy: RecordPolicy): Promise<SeenRecord> {
    const { signal } = policy;
    const answer = await retry(this.#blob, () => this.#blob.read({ signal }), policy);
    if (answer.kind === "missing") return { record: undefined, etag: undefined, time: this.#timeOf(answer.date) };
    const { metadata, etag, date } = answer.blob;
    const found = onceRecordIn(metadata);
    if ("problem" in found) throw new OnceRecordError(this.#key, found.problem);
    if (found.key !== this.#key) throw new OnceRecordError(this.#key, "it is of another key");
    return { record: found.record, etag, time: this.#timeOf(date) };
  }

  /**
   * Writes the record over the version that was seen, and over no other. One request; after one without an answer the
   * next is refused if that one arrived, and a read tells. Throws `OnceRecordError` as {@link OnceRecordBlob.read}
   * does.
   */
  async write(seen: SeenRecord, record: OnceRecord, policy: RecordPolicy): Promise<RecordWrite> {
    let over = seen;
    for (let changes = 0; changes < MOST_CHANGES; changes += 1) {
      const stamp = await retry(this.#blob, () => this.#writeOnce(over, record, policy), policy);
      if (stamp) return { isWritten: true, seen: { record, ...stamp } };
      const now = await this.read(policy);
      // An earlier try, whose answer was lost.
      if (now.record && isSameWrite(now.record, record)) return { isWritten: true, seen: now };
      if (now.record) return { isWritten: false, seen: now };
      // Deleted since it was seen.
      over = now;
    }
    throw neverAsRead(this.#key);
  }

  /** Deletes the record. That there is none is fine. */
  async remove(policy: RecordPolicy): Promise<void> {
    const answer = await retry(this.#blob, () => this.#blob.remove(), policy);
    if (answer.kind === "refused" && answer.why !== "deleted") throw this.#leasedByAnother(answer);
  }

  /** Undefined if the blob is not as it was seen. */
  async #writeOnce(
    { etag }: SeenRecord,
    record: OnceRecord,
    { signal }: RecordPolicy,
  ): Promise<Omit<SeenRecord, "record"> | undefined> {
    const metadata = onceMetadata(this.#key, record);
    // P50: only over what was seen.
    const answer = await (etag === undefined
      ? this.#blob.create(metadata, { signal })
      : this.#blob.writeRecord(metadata, { ifMatch: etag, signal }));
    if (answer.kind === "created" || answer.kind === "written")
      return { etag: answer.etag, time: this.#timeOf(answer.date) };
    if (answer.kind === "refused" && answer.why !== "deleted") throw this.#leasedByAnother(answer);
    return undefined;
  }

  #leasedByAnother({ status }: Refused): OnceRecordError {
    return new OnceRecordError(this.#key, `another program has leased its blob (${status})`);
  }

  #timeOf(date: number): ServiceTime {
    return new ServiceTime(this.#blob.clock, date);
  }
}

/** Whether both are one write: each hold has a token of its own, and writes each state of an attempt once. */
function isSameWrite(a: OnceRecord, b: OnceRecord): boolean {
  return a.token === b.token && a.state === b.state && a.attempt === b.attempt && compareSlots(a.slot, b.slot) === 0;
}

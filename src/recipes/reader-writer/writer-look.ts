import { checkKind } from "../../blobs/key-kind.ts";
import { recordIn } from "../../blobs/lock-record.ts";
import type { KeyKind } from "../../errors.ts";
import { createOfKind } from "../../lease/claim-key.ts";
import type { LockBlob } from "../../lease/lock-blob.ts";
import { retry, type Tries } from "../../lease/retry.ts";
import { isLeased } from "../../store/lease-store.ts";

export const READER_WRITER_KIND: KeyKind = "reader-writer-lock";

/** What the blob that a writer leases says. */
export interface WriterLook {
  /** Whether there is a writer, or one that waits for readers to end. */
  readonly isWriting: boolean;
  /** The fencing token of the last writer. Undefined if there was none, or it wrote no record. */
  readonly token: number | undefined;
}

/** Looks at the blob that a writer leases. Throws `KeyKindMismatchError` if the key is used as something else. */
export async function lookForWriter(blob: LockBlob, call: Tries): Promise<WriterLook> {
  const { signal } = call;
  const read = () => retry(blob, () => blob.read({ signal }), call);
  let answer = await read();
  // Before the first writer only the readers know what the key is: others would take it for theirs.
  if (answer.kind === "missing" && answer.what === "blob") {
    const create = () => createOfKind(blob, READER_WRITER_KIND, { signal });
    if (!(await retry(blob, create, call))) answer = await read();
  }
  if (answer.kind === "missing") return { isWriting: false, token: undefined };
  const { metadata, leaseState } = answer.blob;
  checkKind(blob.key, READER_WRITER_KIND, metadata);
  const record = recordIn(metadata);
  // A record of an earlier version, or of a holder who does not announce its token, has the top of a block alone.
  return { isWriting: isLeased(leaseState), token: record?.announced?.token ?? record?.top };
}

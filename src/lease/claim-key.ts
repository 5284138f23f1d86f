import { checkKind, kindIn, withKind } from "../blobs/key-kind.ts";
import { isMutexError, type KeyKind } from "../errors.ts";
import type { LockBlob } from "./lock-blob.ts";
import type { SignalOption } from "./requests.ts";

/**
 * Creates the key's blob, and the container where it is missing, so that the blob says the kind before anything else is
 * written for the key. False if there is a blob: one request.
 */
export async function createOfKind(blob: LockBlob, kind: KeyKind, call: SignalOption): Promise<boolean> {
  const metadata = withKind({}, kind);
  const answer = await blob.create(metadata, call);
  if (answer.kind !== "missing") return answer.kind === "created";
  await blob.createContainer(call);
  return (await blob.create(metadata, call)).kind === "created";
}

/**
 * Makes sure that the key's blob says the kind, for users who never lease that blob. One request if there is no blob,
 * two if there is. False where the blob says no kind: only a holder of its lease could write it. False and a line in
 * the log where the credentials are refused. Throws `KeyKindMismatchError` if the key is used as something else.
 *
 * @param options - With `mayRead: false` a listing is asked instead of the blob, which takes another right.
 */
export async function claimKey(
  blob: LockBlob,
  kind: KeyKind,
  { mayRead, ...call }: SignalOption & { mayRead: boolean },
): Promise<boolean> {
  const { key, log } = blob;
  try {
    if (await createOfKind(blob, kind, call)) return true;
    const found = await blob.read({ ...call, asWritten: !mayRead });
    if (found.kind === "missing") return false;
    checkKind(key, kind, found.blob.metadata);
    return kindIn(found.blob.metadata) === kind;
  } catch (error) {
    if (!isMutexError(error) || error.code !== "ACCESS_DENIED") throw error;
    log(`what "${key}" is used as cannot be read or written, so another use of it is not noticed: ${String(error)}`);
    return false;
  }
}

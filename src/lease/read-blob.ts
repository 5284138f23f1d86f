import { type AttemptOptions, attempt } from "./attempt.ts";
import type { ReadAnswer } from "./lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";

/** Asks once what the blob is like: one request without a body. */
export function readBlob(blob: LockBlob, options: Pick<AttemptOptions, "timeoutMs" | "signal">): Promise<ReadAnswer> {
  return attempt(blob, (signal) => blob.store.read(blob.name, { signal }), { operation: "read", ...options });
}

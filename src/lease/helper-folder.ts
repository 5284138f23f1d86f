import { createHash } from "node:crypto";
import { attempt } from "./attempt.ts";
import { RESERVED_PREFIX } from "./blob-name.ts";
import { isLeased, type StoredBlob } from "./lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";

/** Where the helper blobs of one kind are, for all keys. */
export function helperFolders(kind: string): string {
  return `${RESERVED_PREFIX}${kind}/`;
}

/** The helper blobs of one kind for one lock. */
export class HelperFolder {
  /** What the names of its blobs begin with. */
  readonly prefix: string;
  readonly #blob: LockBlob;
  readonly #kind: string;
  readonly #tryTimeoutMs: number;

  constructor(blob: LockBlob, kind: string, tryTimeoutMs: number) {
    this.#blob = blob;
    this.#kind = kind;
    this.#tryTimeoutMs = tryTimeoutMs;
    // Not the name itself: the folder of "a" would list the helpers of "a/b", and a long name would not fit.
    this.prefix = `${helperFolders(kind)}${createHash("sha256").update(blob.name).digest("hex")}/`;
  }

  /** All its blobs, in one request for every 5,000. */
  list(signal: AbortSignal | undefined): Promise<readonly StoredBlob[]> {
    const { store } = this.#blob;
    const list = async (request: AbortSignal): Promise<StoredBlob[]> => {
      const found: StoredBlob[] = [];
      for await (const blob of store.list(this.prefix, { signal: request })) found.push(blob);
      return found;
    };
    return attempt(this.#blob, list, { operation: `list the ${this.#kind}`, timeoutMs: this.#tryTimeoutMs, signal });
  }

  /** Removes what nobody leases and nobody wrote for so long, in the background: it belongs to somebody who is dead. */
  sweep(found: readonly StoredBlob[], deadAfterMs: number): void {
    const { store } = this.#blob;
    for (const { key: name, leaseState, lastModified, date } of found) {
      if (isLeased(leaseState) || date - lastModified < deadAfterMs) continue;
      // Refused if its owner is alive after all; left for the next one who looks if there is no answer.
      attempt(this.#blob, (signal) => store.remove(name, { signal }), { operation: "remove", timeoutMs: this.#tryTimeoutMs }).catch(
        () => undefined,
      );
    }
  }
}

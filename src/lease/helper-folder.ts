import { createHash } from "node:crypto";
import { attempt, isUnsure } from "./attempt.ts";
import { RESERVED_PREFIX } from "./blob-name.ts";
import { isLeased, type StoredBlob } from "./lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";

const KEY_FOLDER = /^\.azmutex\/[0-9a-f]{64}\//;

/**
 * Where the helper blobs of a blob are, of whatever kind: one listing shows all who have to do with a key. Those of a helper
 * blob are beside it.
 */
export function helpersOf(name: string): string {
  if (name.startsWith(RESERVED_PREFIX)) return name.slice(0, name.lastIndexOf("/") + 1);
  // Not the name itself: the folder of "a" would list the helpers of "a/b", and a long name would not fit.
  return `${RESERVED_PREFIX}${createHash("sha256").update(name).digest("hex")}/`;
}

/** The folder of the key that a helper blob belongs to, or undefined if it is none of ours. */
export function keyFolderOf(name: string): string | undefined {
  return KEY_FOLDER.exec(name)?.[0];
}

/** Says once that helper blobs cannot be deleted, if that is what the error says. */
export function noteDeniedRemoval({ removals, log }: LockBlob, error: unknown): void {
  if (removals.areDenied || isUnsure(error)) return;
  removals.areDenied = true;
  log(`helper blobs cannot be deleted, and stay: grant the right to delete, or have a lifecycle rule delete them: ${String(error)}`);
}

/** The helper blobs of one blob. */
export class HelperFolder {
  /** What the names of its blobs begin with. */
  readonly prefix: string;
  readonly #blob: LockBlob;
  readonly #kind: string | undefined;
  readonly #tryTimeoutMs: number;

  /** Those of one kind. Default: all. */
  constructor(blob: LockBlob, tryTimeoutMs: number, kind?: string) {
    this.#blob = blob;
    this.#kind = kind;
    this.#tryTimeoutMs = tryTimeoutMs;
    this.prefix = `${helpersOf(blob.name)}${kind === undefined ? "" : `${kind}/`}`;
  }

  /** All its blobs, in one request for every 5,000. */
  list(signal: AbortSignal | undefined): Promise<readonly StoredBlob[]> {
    const { store } = this.#blob;
    const list = async (request: AbortSignal): Promise<StoredBlob[]> => {
      const found: StoredBlob[] = [];
      for await (const blob of store.list(this.prefix, { signal: request })) found.push(blob);
      return found;
    };
    const operation = `list the ${this.#kind ?? "helpers"}`;
    return attempt(this.#blob, list, { operation, timeoutMs: this.#tryTimeoutMs, signal });
  }

  /** Removes what nobody leases and nobody wrote for so long, in the background: it belongs to somebody who is dead. */
  sweep(found: readonly StoredBlob[], deadAfterMs: number): void {
    const { store, removals } = this.#blob;
    if (removals.areDenied) return;
    for (const { key: name, leaseState, lastModified, date } of found) {
      if (isLeased(leaseState) || date - lastModified < deadAfterMs) continue;
      // Refused if its owner is alive after all; left for the next one who looks if there is no answer.
      attempt(this.#blob, (signal) => store.remove(name, { signal }), { operation: "remove", timeoutMs: this.#tryTimeoutMs }).catch(
        (error) => noteDeniedRemoval(this.#blob, error),
      );
    }
  }
}

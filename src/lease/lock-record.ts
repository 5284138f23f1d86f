import type { Holder, HolderDescription } from "../options.ts";
import type { Metadata } from "./lease-store.ts";

/**
 * What the last holder that used fencing wrote into the blob's metadata. It names no lease id, and nothing depends on its
 * being there: it is for people, and for the next holder's fencing token.
 */
export interface LockRecord extends HolderDescription {
  /** The highest fencing token that may have been given out. */
  readonly top: number;
  /** Tells the writer of this record its own write when the answer was lost. */
  readonly nonce: string;
  /** When the record was written, in milliseconds since 1970 by the service's clock. The holder may have held the lock several times since. */
  readonly writtenAt: number;
}

/** The one name in the blob's metadata that is ours; all others are left as they are. */
const NAME = "azmutex";

/** The blob's metadata with our record in it and everything foreign untouched. */
export function withRecord(metadata: Metadata, record: LockRecord): Metadata {
  return { ...metadata, [NAME]: toAscii(JSON.stringify(record)) };
}

/** Our record, or undefined if there is none or somebody wrote something else in its place. */
export function recordIn(metadata: Metadata): LockRecord | undefined {
  const text = metadata[NAME];
  if (text === undefined) return undefined;
  try {
    const found: unknown = JSON.parse(text);
    return isRecord(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(found: unknown): found is LockRecord {
  if (typeof found !== "object" || found === null) return false;
  const { top, nonce, writtenAt, holder, purpose, leaseSeconds } = found as Partial<LockRecord>;
  return (
    Number.isSafeInteger(top) &&
    (top as number) >= 0 &&
    typeof nonce === "string" &&
    Number.isFinite(writtenAt) &&
    Number.isFinite(leaseSeconds) &&
    (purpose === undefined || typeof purpose === "string") &&
    isHolder(holder)
  );
}

function isHolder(found: unknown): found is Holder {
  if (typeof found !== "object" || found === null) return false;
  const { name, host, pid } = found as Partial<Holder>;
  return typeof name === "string" && typeof host === "string" && Number.isFinite(pid);
}

/** Metadata travels in HTTP headers, which carry ASCII; JSON has an escape for everything else. */
function toAscii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

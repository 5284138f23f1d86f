import type { Metadata } from "../store/lease-store.ts";
import { type Announcement, type HolderDescription, isHolder } from "./holder.ts";
import { kindIn, withKind } from "./key-kind.ts";
import { jsonOf, shortened, toAsciiJson } from "./metadata-json.ts";

/**
 * What the last holder that used fencing wrote into the blob's metadata. It names no lease id, and nothing depends on
 * its being there (P30): it is for people, and for the next holder's fencing token.
 */
export interface LockRecord extends Omit<HolderDescription, "announces" | "kind" | "fair"> {
  /** Whether its holder queues with other processes: a boolean, if it was written by this version. */
  readonly fair?: unknown;
  /** The highest fencing token that may have been given out. */
  readonly top: number;
  /** Tells the writer of this record its own write when the answer was lost. */
  readonly nonce: string;
  /**
   * When the record was written, in milliseconds since 1970 by the service's clock. The holder may have held the lock
   * several times since.
   */
  readonly writtenAt: number;
  /** What the holder announces, if it does. */
  readonly announced?: Announced;
}

/**
 * What a holder announces. It is the present one while the blob is leased, but for the moment in which the next one
 * takes over.
 */
export interface Announced extends Announcement {
  readonly token: number;
  /** When the token was given out, in milliseconds since 1970 by the service's clock. */
  readonly since: number;
}

/** The name of the record in the blob's metadata. Entries of other names are left as they are. */
const RECORD_NAME = "azmutex";
/** The service takes 8 KB of names and values, and does not say whether the headers' prefix counts. */
const MOST_METADATA_BYTES = 8_192 - 3 * "x-ms-meta-".length;
const LONGEST_NONCE = "-".repeat(36);
/** The latest time of a `Date`, in milliseconds since 1970. */
const LATEST_DATE = 8.64e15;

/** The blob's metadata with our record in it and everything foreign untouched. */
export function withRecord(metadata: Metadata, record: LockRecord): Metadata {
  return { ...metadata, [RECORD_NAME]: toAsciiJson(record) };
}

/**
 * The description, its purpose shortened so that the record fits beside the other metadata of the blob. Only a long
 * purpose with many escaped letters is shortened, and only beside a long key: all else together always fits.
 */
export function fitting(description: HolderDescription, beside: Metadata): HolderDescription {
  const { purpose, ...rest } = description;
  if (purpose === undefined) return description;
  const { kind, announces, ...recorded } = rest;
  const largest = withRecord(withKind(beside, kind), {
    ...recorded,
    purpose: "",
    top: Number.MAX_SAFE_INTEGER,
    nonce: LONGEST_NONCE,
    writtenAt: LATEST_DATE,
  });
  const room = MOST_METADATA_BYTES - metadataSize(largest) + toAsciiJson("").length;
  const short = shortened(purpose, room);
  return short === "" ? rest : { ...rest, purpose: short };
}

/** In bytes, of names and values. */
export function metadataSize(metadata: Metadata): number {
  return Object.entries(metadata).reduce((size, [name, value]) => size + name.length + value.length, 0);
}

/** Our record, or undefined if there is none or something else in its place. */
export function recordIn(metadata: Metadata): LockRecord | undefined {
  const found = jsonOf(metadata[RECORD_NAME]);
  return found && isRecord(found) ? found : undefined;
}

/**
 * Whether the blob was created with its kind alone, by a user who never leases it, and no record was written since.
 * Tokens before that are of earlier seconds: what wipes a record wipes the kind with it.
 */
export function isOnlyClaimed(metadata: Metadata): boolean {
  return kindIn(metadata) !== undefined && metadata[RECORD_NAME] === undefined;
}

function isRecord(found: object): found is LockRecord {
  const { top, nonce, writtenAt, holder, purpose, leaseSeconds, announced } = found as Partial<LockRecord>;
  return (
    Number.isSafeInteger(top) &&
    (top as number) >= 0 &&
    typeof nonce === "string" &&
    Number.isFinite(writtenAt) &&
    Number.isFinite(leaseSeconds) &&
    (purpose === undefined || typeof purpose === "string") &&
    isHolder(holder) &&
    (announced === undefined || isAnnounced(announced))
  );
}

function isAnnounced(found: unknown): found is Announced {
  if (typeof found !== "object" || found === null) return false;
  const { token, since, data } = found as Partial<Announced>;
  return (
    Number.isSafeInteger(token) &&
    (token as number) > 0 &&
    isDate(since) &&
    (data === undefined || typeof data === "string")
  );
}

function isDate(ms: unknown): boolean {
  return typeof ms === "number" && Math.abs(ms) <= LATEST_DATE;
}

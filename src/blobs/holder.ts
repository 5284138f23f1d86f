import type { KeyKind } from "../errors.ts";

/** The holder of a lock, as the blob's metadata names it. */
export interface Holder {
  /** The name it goes by. Default: host and process id. */
  readonly name: string;
  /** The name of its machine. */
  readonly host: string;
  /** Its process id. */
  readonly pid: number;
}

/** What a holder says of itself and its lock. */
export interface HolderDescription {
  /** What it uses the key as. It is checked against what the key's blob says, and written into it. Default: neither. */
  readonly kind?: KeyKind | undefined;
  readonly holder: Holder;
  readonly purpose?: string;
  readonly leaseSeconds: number;
  /** Whether it queues with other processes. */
  readonly fair: boolean;
  /**
   * Makes every holder write its token into the record as it takes the lock, with this, for other processes to read.
   * Default: it is not written.
   */
  readonly announces?: Announcement;
}

/** What a holder publishes besides its token. */
export interface Announcement {
  readonly data?: string;
}

export function isHolder(found: unknown): found is Holder {
  if (typeof found !== "object" || found === null) return false;
  const { name, host, pid } = found as Partial<Holder>;
  return typeof name === "string" && typeof host === "string" && Number.isFinite(pid);
}

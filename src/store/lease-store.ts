import type { LossReason } from "../errors.ts";
import type { ReleaseRequest } from "./release-request.ts";
import type { StoreAddress } from "./store-address.ts";

/** A lease's length: 15 to 60 whole seconds, or for ever. */
export type LeaseLength = number | "infinite";

/** The longest break of a lease, in seconds: as long as the longest finite lease. */
export const LONGEST_BREAK_SECONDS = 60;

/** The state of a blob's lease, in the service's words. A blob that is not there has none. */
export type LeaseState = "available" | "leased" | "breaking" | "broken" | "expired";

/** Whether no other can acquire the lease: a breaking one still stands. */
export function isLeased(state: LeaseState): boolean {
  return state === "leased" || state === "breaking";
}

/**
 * A blob's metadata: values of printable ASCII, names in lower case as headers are read, unless they are asked for as
 * written.
 */
export type Metadata = Readonly<Record<string, string>>;

/** What a store's call may be given besides its own arguments. */
export interface StoreCall {
  /**
   * Aborts the wait for the answer. It does not undo anything: the service may have done, or may yet do, what it was
   * asked.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What a listing may be asked with. */
export interface ListCall extends StoreCall {
  /** Called if the container does not exist: the listing is empty then. A store that cannot tell ignores it. */
  readonly onNoContainer?: (() => void) | undefined;
}

/** How a lease is broken. */
export interface BreakCall extends StoreCall {
  /** After how many whole seconds it is free, from 0 to 60. Default: the rest of the lease runs out first. */
  readonly periodSeconds?: number | undefined;
  /** The ETag that the blob must have. Default: any. */
  readonly ifMatch?: string | undefined;
}

/** How a blob is read. */
export interface ReadCall extends StoreCall {
  /** Whether names of metadata keep their case, and entries without a value are there. Default: false. */
  readonly asWritten?: boolean | undefined;
}

/** How the metadata of a blob is written: over one version, and under its lease if it is leased. */
export interface WriteCall extends StoreCall {
  /** The lease that the caller has of the blob. Default: none; a blob that is leased is then not written. */
  readonly leaseId?: string | undefined;
  /** The ETag that the blob must have. */
  readonly ifMatch: string;
}

/** How a blob is deleted. */
export interface RemoveCall extends StoreCall {
  /** The lease that the caller has of the blob. Default: none, and a blob that is leased stays. */
  readonly leaseId?: string | undefined;
}

/**
 * What the answers about one version of a blob carry. Times are milliseconds since 1970 by the service's clock, of
 * whole seconds.
 */
export interface Stamp {
  /** The blob's ETag, in quotes. */
  readonly etag: string;
  /** When the blob's content or metadata was last written. Lease operations do not count. */
  readonly lastModified: number;
  /** The `Date` of the answer. */
  readonly date: number;
}

/** The service says for certain that the lease is not, or no longer, what the caller took it for. */
export interface Refused {
  /** The kind of answer. */
  readonly kind: "refused";
  /** What became of the lease. */
  readonly why: LossReason;
  /** Status and code as the service gave them, for people: `409 LeaseIdMismatchWithLeaseOperation`. */
  readonly status: string;
}

/** There is nothing to lease: the blob, or the container with it, does not exist. */
export interface Missing {
  /** The kind of answer. */
  readonly kind: "missing";
  /** What is missing. */
  readonly what: "blob" | "container";
  /** When the service answered, by its own clock, in milliseconds since 1970. */
  readonly date: number;
}

/** A condition of the caller's (`ifMatch`) was not met: the blob was written in between. */
export interface Unmet {
  /** The kind of answer. */
  readonly kind: "unmet";
}

/** An answer to `acquire`: granted, held by another, or there is no such blob. */
export type AcquireAnswer =
  | ({ readonly kind: "acquired" } & Stamp)
  | { readonly kind: "held"; readonly date: number }
  | Missing;
/** An answer to `renew`: renewed, or refused for good. */
export type RenewAnswer = ({ readonly kind: "renewed" } & Stamp) | Refused;
/** An answer to `release`: released, or it was not this lease's any more. */
export type ReleaseAnswer = { readonly kind: "released" } | Refused;
/** An answer to `change`: changed, or refused for good. */
export type ChangeAnswer = { readonly kind: "changed" } | Refused;
/** An answer to `break`: breaking, not leased, a condition that does not hold, or there is no such blob. */
export type BreakAnswer =
  | {
      readonly kind: "breaking";
      /** Whole seconds until another may acquire; 0: at once. */
      readonly freeInSeconds: number;
    }
  | { readonly kind: "notLeased" }
  | Missing
  | Unmet;
/** An answer to `create`: created, there already, or there is no such container. */
export type CreateAnswer = ({ readonly kind: "created" } & Stamp) | { readonly kind: "exists" } | Missing;
/** An answer to `read`: the blob without its content, or there is none. */
export type ReadAnswer = { readonly kind: "found"; readonly blob: StoredBlob } | Missing;
/** An answer to `remove`: removed, or refused. */
export type RemoveAnswer = { readonly kind: "removed" } | Refused;
/** An answer to `writeMetadata`: written, a condition that does not hold, or refused. */
export type WriteAnswer = ({ readonly kind: "written" } & Stamp) | Unmet | Refused;

/** A blob as a read or a listing shows it. The service tells neither the id of a lease nor how much of it is left. */
export interface StoredBlob extends Stamp {
  /** The name of the blob. */
  readonly key: string;
  /** Whether the blob has content, where the store tells. Blobs that azmutex makes have none. */
  readonly hasContent?: boolean;
  /** Its metadata, with names in lower case. */
  readonly metadata: Metadata;
  /** The state of its lease at the time of the answer. */
  readonly leaseState: LeaseState;
  /** Whether the lease, if there is one, is infinite. */
  readonly infinite: boolean;
}

/**
 * The one seam between azmutex and storage: a container of blobs that can be leased, with the semantics of Azure Blob
 * Storage.
 *
 * Every method answers once, without retries of its own, and every expected answer is a value. A method throws
 * `StoreUnavailableError` when it does not know whether the service did what it was asked, `AccessDeniedError` when the
 * service refused the credentials, and `StoreRefusedError` for any other certain refusal; when `signal` aborts, it
 * rejects with whatever it likes. `describeLeaseStore` of `azmutex/testing` is the contract, as tests.
 */
export interface LeaseStore {
  /**
   * Which account or host, and which container, this is: error messages name it. Default: none, and messages say "the
   * service".
   */
  readonly address?: StoreAddress | undefined;
  /**
   * Makes ready for the first request what needs no service: loads a package, say. Nothing to wait for once that is
   * done. It is called before each request, and has as long as it takes: the time-out of a request is for the service.
   */
  prepare?(): Promise<void> | undefined;
  /**
   * Leases the blob under an id of the caller's choice. A repetition with the id that has the lease succeeds and starts
   * the lease anew, so a try whose answer was lost can be repeated.
   */
  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer>;
  /** Starts the lease anew. Succeeds on a lapsed lease too, as long as the blob was not written or leased since. */
  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer>;
  /** Ends the lease. The second release of one lease is refused. */
  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer>;
  /**
   * The request that releases the lease, for another process to send when this one is about to end. Undefined where
   * there is none to be had. Default: there is none. Throws nothing. The request may be secret: it is neither logged
   * nor written anywhere.
   */
  releaseRequest?(key: string, leaseId: string): ReleaseRequest | undefined;
  /** Hands the lease to another id. Its clock runs on; a repetition succeeds. */
  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer>;
  /**
   * Breaks whatever lease there is. Without `periodSeconds` (0–60) the rest of the lease runs out first; an infinite
   * lease breaks at once.
   */
  break(key: string, call?: BreakCall): Promise<BreakAnswer>;
  /** Creates the container. Succeeds if it exists, since an earlier try may have created it. */
  createContainer(call?: StoreCall): Promise<void>;
  /** Creates an empty blob, and never touches one that exists. */
  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer>;
  /**
   * Reads everything but the content. With `asWritten` the names of the metadata are in the case they were written in,
   * and entries without a value are there; a store that cannot tell ignores it. On Azure that takes the right to list.
   */
  read(key: string, call?: ReadCall): Promise<ReadAnswer>;
  /**
   * Replaces the metadata of a blob, if it was not written since `ifMatch`. Content is not touched. It is refused on a
   * blob that is leased unless the lease is named.
   */
  writeMetadata(key: string, metadata: Metadata, call: WriteCall): Promise<WriteAnswer>;
  /**
   * Deletes a blob, which is refused while it is leased unless the lease is named. One that is gone already is refused
   * as deleted.
   */
  remove(key: string, call?: RemoveCall): Promise<RemoveAnswer>;
  /** The blobs whose names begin with `prefix`, by name. */
  list(prefix: string, call?: ListCall): AsyncIterable<StoredBlob>;
}

import { StoreUnavailableError } from "../../errors.ts";
import {
  type AcquireAnswer,
  type BreakAnswer,
  type ChangeAnswer,
  type CreateAnswer,
  type LeaseLength,
  type LeaseState,
  type LeaseStore,
  type ListCall,
  LONGEST_BREAK_SECONDS,
  type Metadata,
  type Missing,
  type ReadAnswer,
  type Refused,
  type ReleaseAnswer,
  type RemoveAnswer,
  type RenewAnswer,
  type Stamp,
  type StoreCall,
  type StoredBlob,
  type WriteAnswer,
} from "../lease-store.ts";
import { type ReleaseRequest, releaseRequest } from "../release-request.ts";
import type { StoreAddress } from "../store-address.ts";
import { attempted, errorFor, type Failure, type Outcome, readFailure } from "./blob-status.ts";
import { gatewayReason } from "./gateway-answer.ts";
import { ownSignal } from "./own-requests.ts";
import type { StoreFacts } from "./service-reason.ts";

/** The SDK's options of a request, as far as they are used. */
interface Abortable {
  /** Ends the wait for the answer. */
  readonly abortSignal?: AbortSignal;
}

/** The headers of the SDK's answers, as far as they are used. */
interface AnswerHeaders {
  /**
   * The service's `x-ms-request-id`. Without it, or a header that says as much, an answer is taken for a gateway's and
   * proves nothing.
   */
  readonly requestId?: string;
  /** The blob's ETag. */
  readonly etag?: string;
  /** When the blob was written last, by the service's clock. */
  readonly lastModified?: Date;
  /** When the service answered, by its own clock. */
  readonly date?: Date;
}

/** The headers of the SDK's answers to operations on a lease. */
interface LeaseHeaders extends AnswerHeaders {
  /** The id of the lease that stands now. */
  readonly leaseId?: string;
  /** After a break: how long the lease still runs, in seconds. */
  readonly leaseTime?: number;
}

/** The SDK's properties of a blob, as far as they are used. */
interface LeaseProperties {
  /** The blob's ETag. */
  readonly etag?: string;
  /** When the blob was written last, by the service's clock. */
  readonly lastModified?: Date;
  /** The state of the lease, as the service names it. */
  readonly leaseState?: string;
  /** `infinite` or `fixed`, while it is leased. */
  readonly leaseDuration?: string;
  /** The size of its content, in bytes. */
  readonly contentLength?: number;
}

/** What is used of the SDK's `BlobLeaseClient`. */
export interface BlobLeaseClientLike {
  /** Acquire Lease, under the client's id: for so many seconds, or −1 for an infinite one. */
  acquireLease(duration: number, options?: Abortable): Promise<LeaseHeaders>;
  /** Renew Lease. */
  renewLease(options?: Abortable): Promise<LeaseHeaders>;
  /** Release Lease. */
  releaseLease(options?: Abortable): Promise<LeaseHeaders>;
  /** Change Lease. */
  changeLease(proposedLeaseId: string, options?: Abortable): Promise<LeaseHeaders>;
  /** Break Lease. */
  breakLease(breakPeriod: number, options?: Abortable & { conditions?: { ifMatch?: string } }): Promise<LeaseHeaders>;
}

/** What is used of the SDK's `BlockBlobClient`. */
export interface BlockBlobClientLike {
  /** The client of the blob's lease, under this id. */
  getBlobLeaseClient(leaseId?: string): BlobLeaseClientLike;
  /** Delete Blob. */
  delete(options?: Abortable & { conditions?: { leaseId?: string } }): Promise<AnswerHeaders>;
  /** Get Blob Properties. */
  getProperties(options?: Abortable): Promise<LeaseProperties & AnswerHeaders & { metadata?: Record<string, string> }>;
  /** Set Blob Metadata. */
  setMetadata(
    metadata: Record<string, string>,
    options?: Abortable & { conditions?: { leaseId?: string; ifMatch?: string } },
  ): Promise<AnswerHeaders>;
  /** Put Blob. */
  upload(
    body: string,
    length: number,
    options?: Abortable & { conditions?: { ifNoneMatch?: string }; metadata?: Record<string, string> },
  ): Promise<AnswerHeaders>;
}

/**
 * What is used of the SDK's `ContainerClient`, by shape and not by class, so that another copy or version of the SDK
 * than ours will do. Answers must carry the SDK's `requestId`: one without it counts as a gateway's, and is asked for
 * again.
 */
export interface ContainerClientLike {
  /** The name of the container. */
  readonly containerName: string;
  /** Create Container. */
  create(options?: Abortable): Promise<AnswerHeaders>;
  /** The client of a blob of the container. */
  getBlockBlobClient(blobName: string): BlockBlobClientLike;
  /** List Blobs. */
  listBlobsFlat(options?: Abortable & { prefix?: string; includeMetadata?: boolean }): {
    byPage(settings?: { maxPageSize?: number }): AsyncIterable<{
      readonly requestId?: string;
      readonly date?: Date;
      readonly continuationToken?: string;
      readonly segment: {
        readonly blobItems: ReadonlyArray<{
          readonly name: string;
          readonly properties: LeaseProperties;
          readonly metadata?: Record<string, string>;
        }>;
      };
    }>;
  };
}

/** Further parts of the SDK's clients that are read. */
interface SigningClient {
  readonly url: unknown;
  readonly credential: unknown;
}

/** A certain answer, where the outcome of a failed request is one for the operation. */
type Expected<T> = (outcome: Outcome, failure: Failure) => T | undefined;

/** How the service takes a lease without end. */
const INFINITE = -1;
/** To make a client takes as long as to put its request together: so many of them are kept. */
const MOST_CLIENTS = 100;
const LEASE_STATES: ReadonlySet<string> = new Set<LeaseState>(["available", "leased", "breaking", "broken", "expired"]);

export interface BlobStoreOptions extends StoreFacts {
  /** Signs requests that the store does not send itself. Default: the client's credential. */
  readonly signer?: unknown;
}

/** An answer that proves nothing: it lacks what the service always says, or cannot be read. */
class UnusableAnswer extends Error {
  readonly answered: boolean;

  /** @param answered - Whether it is the service's all the same. */
  constructor(message: string, { answered }: { readonly answered: boolean }) {
    super(message);
    this.answered = answered;
  }
}

/**
 * Azure Blob Storage through `@azure/storage-blob`. One call of a method is one request; the client's own retries must
 * be off.
 */
export class BlobLeaseStore implements LeaseStore {
  readonly address: StoreAddress | undefined;
  readonly #connect: () => Promise<ContainerClientLike>;
  #container: Promise<ContainerClientLike> | undefined;
  /** The client, once it was asked for. */
  #connected: ContainerClientLike | undefined;
  readonly #signer: unknown;
  readonly #facts: StoreFacts;
  /** Those used last, in the order of their use. */
  readonly #blobs = new Map<string, BlockBlobClientLike>();

  /** The client is asked for when the first request is made, so that the SDK need not be loaded before. */
  constructor(connect: () => Promise<ContainerClientLike>, { signer, ...facts }: BlobStoreOptions = {}) {
    this.#connect = connect;
    this.#signer = signer;
    this.#facts = facts;
    this.address = facts.address;
  }

  prepare(): Promise<void> | undefined {
    if (this.#connected) return undefined;
    return this.#client().then((client) => {
      this.#connected = client;
    });
  }

  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    const expected: Expected<AcquireAnswer> = (outcome, failure) =>
      outcome.kind === "held" ? { kind: "held", date: failure.date } : missing(outcome, failure);
    return this.#ask("acquire", key, expected, async (container) => {
      const lease = this.#blob(container, key).getBlobLeaseClient(leaseId);
      const answer = await lease.acquireLease(length === "infinite" ? INFINITE : length, abortable(call));
      checkLeaseId(answer);
      if (!isSameId(answer.leaseId, leaseId)) return { kind: "held", date: stampOf(answer).date };
      return { kind: "acquired", ...stampOf(answer) };
    });
  }

  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.#ask<RenewAnswer>("renew", key, refused, async (container) => {
      const answer = await this.#blob(container, key).getBlobLeaseClient(leaseId).renewLease(abortable(call));
      checkLeaseId(answer);
      // P17: Azurite renews whatever lease there is; Azure compares.
      if (!isSameId(answer.leaseId, leaseId))
        return { kind: "refused", why: "taken", status: "200 with another's lease id" };
      return { kind: "renewed", ...stampOf(answer) };
    });
  }

  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.#ask<ReleaseAnswer>("release", key, refused, async (container) => {
      checkRequestId(await this.#blob(container, key).getBlobLeaseClient(leaseId).releaseLease(abortable(call)));
      return { kind: "released" };
    });
  }

  releaseRequest(key: string, leaseId: string): ReleaseRequest | undefined {
    const container: (ContainerClientLike & Partial<SigningClient>) | undefined = this.#connected;
    if (!container) return undefined;
    const { url }: BlockBlobClientLike & Partial<SigningClient> = this.#blob(container, key);
    return typeof url === "string" ? releaseRequest(url, this.#signer ?? container.credential, leaseId) : undefined;
  }

  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.#ask<ChangeAnswer>("change", key, refused, async (container) => {
      const answer = await this.#blob(container, key)
        .getBlobLeaseClient(leaseId)
        .changeLease(newLeaseId, abortable(call));
      if (isSameId(answer.leaseId, newLeaseId)) return { kind: "changed" };
      checkLeaseId(answer);
      throw new UnusableAnswer("the answer names another lease", { answered: true });
    });
  }

  break(
    key: string,
    options: StoreCall & { readonly periodSeconds?: number | undefined; readonly ifMatch?: string | undefined } = {},
  ): Promise<BreakAnswer> {
    const expected: Expected<BreakAnswer> = (outcome, failure) =>
      outcome.kind === "notLeased" || outcome.kind === "unmet" ? { kind: outcome.kind } : missing(outcome, failure);
    return this.#ask("break", key, expected, async (container) => {
      const { periodSeconds, ifMatch } = options;
      // The SDK leaves the header out for undefined, and the service lets the rest of the lease run out; the type does
      // not say so.
      const period = periodSeconds as number;
      const conditions = ifMatch === undefined ? {} : { conditions: { ifMatch } };
      const answer = await this.#blob(container, key)
        .getBlobLeaseClient()
        .breakLease(period, { ...abortable(options), ...conditions });
      return { kind: "breaking", freeInSeconds: secondsLeft(answer) };
    });
  }

  createContainer(call?: StoreCall): Promise<void> {
    const expected: Expected<true> = ({ kind }) => (kind === "exists" ? true : undefined);
    const created = this.#ask<true>("create the container", undefined, expected, async (container) => {
      checkRequestId(await container.create(abortable(call)));
      return true;
    });
    return created.then(() => undefined);
  }

  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    const expected: Expected<CreateAnswer> = (outcome, failure) =>
      outcome.kind === "exists" || outcome.kind === "unmet" ? { kind: "exists" } : missing(outcome, failure);
    return this.#ask("create", key, expected, async (container) => {
      const blob = this.#blob(container, key);
      const answer = await blob.upload("", 0, {
        ...abortable(call),
        // P4: a blob that is there is not overwritten.
        conditions: { ifNoneMatch: "*" },
        metadata: { ...metadata },
      });
      checkRequestId(answer);
      return { kind: "created", ...stampOf(answer) };
    });
  }

  read(key: string, call: StoreCall & { readonly asWritten?: boolean | undefined } = {}): Promise<ReadAnswer> {
    if (call.asWritten) return this.#readAsWritten(key, call);
    return this.#ask<ReadAnswer>("read", key, missing, async (container) => {
      const found = await this.#blob(container, key).getProperties(abortable(call));
      return { kind: "found", blob: storedBlob(key, found, lowerCaseNames(found.metadata), found.date) };
    });
  }

  /**
   * Headers come in lower case, and without those that are empty: only a listing, in which the blob's own name is
   * first, has more.
   */
  #readAsWritten(key: string, call: StoreCall): Promise<ReadAnswer> {
    return this.#ask<ReadAnswer>("read", key, missing, async (container) => {
      const { options, read } = listing(call);
      const pages = container
        .listBlobsFlat({ prefix: key, includeMetadata: true, ...options })
        .byPage({ maxPageSize: 1 });
      for await (const { requestId, date, segment, continuationToken } of read(pages)) {
        checkRequestId({ requestId });
        const [first] = segment.blobItems;
        if (first?.name === key)
          return { kind: "found", blob: storedBlob(key, first.properties, first.metadata, date) };
        if (first || !continuationToken) return { kind: "missing", what: "blob", date: date?.getTime() ?? Number.NaN };
      }
      throw new UnusableAnswer("the listing has no pages", { answered: false });
    });
  }

  writeMetadata(
    key: string,
    metadata: Metadata,
    options: StoreCall & { readonly leaseId: string; readonly ifMatch: string },
  ): Promise<WriteAnswer> {
    const expected: Expected<WriteAnswer> = (outcome, failure) =>
      outcome.kind === "unmet" ? { kind: "unmet" } : refused(outcome, failure);
    return this.#ask("write the metadata of", key, expected, async (container) => {
      const { leaseId, ifMatch } = options;
      const answer = await this.#blob(container, key).setMetadata(
        { ...metadata },
        { ...abortable(options), conditions: { leaseId, ifMatch } },
      );
      checkRequestId(answer);
      return { kind: "written", ...stampOf(answer) };
    });
  }

  remove(key: string, options: StoreCall & { readonly leaseId?: string | undefined } = {}): Promise<RemoveAnswer> {
    // "A lease id is missing" says that the blob is leased, which for a create means that it exists.
    const expected: Expected<RemoveAnswer> = (outcome, failure) =>
      outcome.kind === "exists" ? { kind: "refused", why: "taken", status: failure.status } : refused(outcome, failure);
    return this.#ask("remove", key, expected, async (container) => {
      const { leaseId } = options;
      const conditions = leaseId === undefined ? {} : { conditions: { leaseId } };
      checkRequestId(await this.#blob(container, key).delete({ ...abortable(options), ...conditions }));
      return { kind: "removed" };
    });
  }

  async *list(prefix: string, call?: ListCall): AsyncGenerator<StoredBlob, void, undefined> {
    const container = await this.#client();
    const { options, read } = listing(call);
    const pages = container.listBlobsFlat({ prefix, includeMetadata: true, ...options }).byPage();
    try {
      const seen = new Set<string>();
      for await (const { requestId, date, segment, continuationToken } of read(pages)) {
        checkRequestId({ requestId });
        if (continuationToken && seen.has(continuationToken))
          throw new UnusableAnswer("the listing goes round in circles", { answered: true });
        if (continuationToken) seen.add(continuationToken);
        for (const { name, properties, metadata } of segment.blobItems)
          yield storedBlob(name, properties, lowerCaseNames(metadata), date);
      }
    } catch (error) {
      if (call?.signal?.aborted) throw error;
      const failure = this.#read("list", prefix, error);
      const { outcome } = failure;
      if (!(outcome.kind === "missing" && outcome.what === "container"))
        throw errorFor("list", prefix, failure, this.address);
      call?.onNoContainer?.();
    }
  }

  #blob(container: ContainerClientLike, name: string): BlockBlobClientLike {
    const found = this.#blobs.get(name) ?? container.getBlockBlobClient(name);
    this.#blobs.delete(name);
    this.#blobs.set(name, found);
    const [oldest = name] = this.#blobs.keys();
    if (this.#blobs.size > MOST_CLIENTS) this.#blobs.delete(oldest);
    return found;
  }

  #client(): Promise<ContainerClientLike> {
    // A failed connect is not kept: what was missing may be there the next time.
    this.#container ??= this.#connect().catch((error: unknown) => {
      this.#container = undefined;
      throw error;
    });
    return this.#container;
  }

  async #ask<T>(
    operation: string,
    key: string | undefined,
    expected: Expected<T>,
    request: (container: ContainerClientLike) => Promise<T>,
  ): Promise<T> {
    const container = await this.#client();
    try {
      return await request(container);
    } catch (error) {
      const failure = this.#read(operation, key, error);
      const answer = expected(failure.outcome, failure);
      if (answer !== undefined) return answer;
      throw errorFor(operation, key, failure, this.address);
    }
  }

  /** Throws `StoreUnavailableError` for an answer that proves nothing. */
  #read(operation: string, key: string | undefined, thrown: unknown): Failure {
    if (thrown instanceof UnusableAnswer) {
      const { message: reason, answered } = thrown;
      const host = this.address?.host;
      throw new StoreUnavailableError(`${attempted(operation, key, this.address)}: ${reason}`, key, {
        answered,
        host,
        reason,
      });
    }
    return readFailure(thrown, this.#facts);
  }
}

function abortable(call: StoreCall | undefined): Abortable {
  return { abortSignal: ownSignal(call?.signal) };
}

/** A response as it came, which the SDK's types do not have. */
interface Response {
  readonly status?: number;
  readonly headers?: { get?(name: string): string | undefined };
  readonly bodyAsText?: unknown;
}

/**
 * The options of a listing, and a way to read its pages that tells an answer that is none from a failure of the
 * network.
 */
function listing(call: StoreCall | undefined) {
  let response: Response | undefined;
  const onResponse = (found: Response): void => {
    response = found;
  };
  async function* read<T>(pages: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    try {
      for await (const page of pages) yield page;
    } catch (error) {
      // The SDK expects every answer to be a listing: a login page with status 200 makes it fail as it reads on.
      if (error instanceof TypeError && response)
        checkRequestId({ requestId: response.headers?.get?.("x-ms-request-id"), _response: response });
      throw error;
    }
  }
  return { options: { ...abortable(call), onResponse }, read };
}

/**
 * Throws for an answer without the service's headers: a gateway that answers 200 has done nothing of what was asked.
 */
function checkRequestId({
  requestId,
  _response,
}: {
  readonly requestId?: string | undefined;
  readonly _response?: Response | undefined;
}): void {
  if (requestId) return;
  const what = [gatewayReason(_response?.status, _response?.bodyAsText), "without x-ms-request-id"].filter(
    (part) => part !== "",
  );
  throw new UnusableAnswer(`a proxy or gateway answered: ${what.join(" ")}`, { answered: false });
}

function checkLeaseId({ leaseId, requestId }: LeaseHeaders): void {
  if (!leaseId) throw new UnusableAnswer("the answer names no lease", { answered: Boolean(requestId) });
}

function isSameId(found: string | undefined, leaseId: string): boolean {
  return found?.toLowerCase() === leaseId.toLowerCase();
}

function missing({ kind, ...rest }: Outcome, { date }: Failure): Missing | undefined {
  return kind === "missing" && "what" in rest ? { kind, what: rest.what, date } : undefined;
}

/** What an operation on our own lease makes of a refusal: whatever is not ours any more is lost. */
function refused(outcome: Outcome, { status }: Failure): Refused | undefined {
  switch (outcome.kind) {
    case "refused":
      return { kind: "refused", why: outcome.why, status };
    case "notLeased":
      return { kind: "refused", why: "expired", status };
    case "missing":
    case "vanishing":
      return { kind: "refused", why: "deleted", status };
    default:
      return undefined;
  }
}

function stampOf({ etag, lastModified, date }: AnswerHeaders): Stamp {
  if (
    !etag ||
    lastModified === undefined ||
    date === undefined ||
    Number.isNaN(lastModified.getTime() + date.getTime())
  ) {
    throw new UnusableAnswer("the answer lacks ETag, Last-Modified or Date", { answered: false });
  }
  return { etag: quotedEtag(etag), lastModified: lastModified.getTime(), date: date.getTime() };
}

function storedBlob(
  key: string,
  found: LeaseProperties,
  metadata: Record<string, string> = {},
  date?: Date,
): StoredBlob {
  const { leaseState } = found;
  if (leaseState === undefined || !LEASE_STATES.has(leaseState))
    throw new UnusableAnswer("the answer lacks the state of its lease", { answered: false });
  return {
    key,
    ...stampOf({ ...found, ...(date && { date }) }),
    // The SDK's parser may make something else than a text of an entry without a value.
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [name, typeof value === "string" ? value : ""]),
    ),
    leaseState: leaseState as LeaseState,
    infinite: found.leaseDuration === "infinite",
    ...(found.contentLength !== undefined && { hasContent: found.contentLength > 0 }),
  };
}

function lowerCaseNames(metadata: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
}

/** At most what a lease lasts. The SDK hands on what is no number as it is. */
function secondsLeft({ leaseTime, requestId }: LeaseHeaders): number {
  if (Number.isInteger(leaseTime) && (leaseTime as number) >= 0 && (leaseTime as number) <= LONGEST_BREAK_SECONDS)
    return leaseTime as number;
  throw new UnusableAnswer("the answer does not say when it is free", { answered: Boolean(requestId) });
}

/** Listings give ETags without the quotes that headers have. */
function quotedEtag(etag: string): string {
  return etag.endsWith('"') ? etag : `"${etag}"`;
}

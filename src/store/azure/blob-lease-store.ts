import type {
  AcquireAnswer,
  BreakAnswer,
  BreakCall,
  ChangeAnswer,
  CreateAnswer,
  LeaseLength,
  LeaseStore,
  ListCall,
  Metadata,
  Missing,
  ReadAnswer,
  ReadCall,
  Refused,
  ReleaseAnswer,
  RemoveAnswer,
  RemoveCall,
  RenewAnswer,
  StoreCall,
  StoredBlob,
  WriteAnswer,
  WriteCall,
} from "../lease-store.ts";
import type { Operation } from "../operation.ts";
import type { ReleaseRequest } from "../release-request.ts";
import type { StoreAddress } from "../store-address.ts";
import { type FailedRequest, readFailure } from "./blob-status.ts";
import { type BlobClients, ContainerConnection } from "./container-connection.ts";
import { errorFor } from "./request-error.ts";
import {
  abortable,
  checkRequestId,
  isOfLease,
  lowerCaseNames,
  pagesOf,
  secondsLeft,
  stampOf,
  storedBlob,
  UnusableAnswer,
} from "./sdk-answer.ts";
import type { ContainerClientLike } from "./sdk-clients.ts";
import type { StoreFacts } from "./service-reason.ts";

/** A certain answer, where a failed request is one for the operation. */
type Expected<T> = (failure: FailedRequest) => T | undefined;

/** How the service takes a lease without end. */
const INFINITE = -1;

export interface BlobStoreOptions extends StoreFacts {
  /** Signs requests that the store does not send itself. Default: the client's credential. */
  readonly signer?: unknown;
}

/**
 * Azure Blob Storage through `@azure/storage-blob`. One call of a method is one request; the client's own retries must
 * be off.
 */
export class BlobLeaseStore implements LeaseStore {
  readonly address: StoreAddress | undefined;
  readonly #connection: ContainerConnection;
  readonly #signer: unknown;
  readonly #facts: StoreFacts;

  /** The client is asked for when the first request is made, so that the SDK need not be loaded before. */
  constructor(connect: () => Promise<ContainerClientLike>, { signer, ...facts }: BlobStoreOptions = {}) {
    this.#connection = new ContainerConnection(connect);
    this.#signer = signer;
    this.#facts = facts;
    this.address = facts.address;
  }

  /** The client of a store of this class; undefined for any other store. */
  static async clientOf(store: unknown): Promise<ContainerClientLike | undefined> {
    return store instanceof BlobLeaseStore ? (await store.#connection.open()).container : undefined;
  }

  prepare(): Promise<void> | undefined {
    return this.#connection.clients ? undefined : this.#connection.open().then(() => undefined);
  }

  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    const expected: Expected<AcquireAnswer> = (failure) =>
      failure.outcome.kind === "held" ? { kind: "held", date: failure.date } : missing(failure);
    return this.#ask("acquire", key, expected, async (clients) => {
      const duration = length === "infinite" ? INFINITE : length;
      const answer = await clients.lease(key, leaseId).acquireLease(duration, abortable(call));
      const isOurs = isOfLease(answer, leaseId);
      const stamp = stampOf(answer);
      return isOurs ? { kind: "acquired", ...stamp } : { kind: "held", date: stamp.date };
    });
  }

  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.#ask<RenewAnswer>("renew", key, refused, async (clients) => {
      const answer = await clients.lease(key, leaseId).renewLease(abortable(call));
      // P17: Azurite renews whatever lease there is; Azure compares.
      return isOfLease(answer, leaseId)
        ? { kind: "renewed", ...stampOf(answer) }
        : { kind: "refused", why: "taken", status: "200 with another's lease id" };
    });
  }

  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.#ask<ReleaseAnswer>("release", key, refused, async (clients) => {
      checkRequestId(await clients.lease(key, leaseId).releaseLease(abortable(call)));
      return { kind: "released" };
    });
  }

  releaseRequest(key: string, leaseId: string): ReleaseRequest | undefined {
    return this.#connection.clients?.releaseRequest(key, leaseId, this.#signer);
  }

  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.#ask<ChangeAnswer>("change", key, refused, async (clients) => {
      const answer = await clients.lease(key, leaseId).changeLease(newLeaseId, abortable(call));
      if (isOfLease(answer, newLeaseId)) return { kind: "changed" };
      throw new UnusableAnswer("the answer names another lease", { answered: true });
    });
  }

  break(key: string, { periodSeconds, ifMatch, signal }: BreakCall = {}): Promise<BreakAnswer> {
    const expected: Expected<BreakAnswer> = (failure) =>
      is(failure, "notLeased") ?? is(failure, "unmet") ?? missing(failure);
    return this.#ask("break", key, expected, async (clients) => {
      // The SDK leaves the header out for undefined, and the service lets the rest of the lease run out; the type does
      // not say so.
      const period = periodSeconds as number;
      const conditions = ifMatch === undefined ? {} : { conditions: { ifMatch } };
      const answer = await clients.lease(key).breakLease(period, { ...abortable({ signal }), ...conditions });
      return { kind: "breaking", freeInSeconds: secondsLeft(answer) };
    });
  }

  async createContainer(call?: StoreCall): Promise<void> {
    const expected: Expected<object> = (failure) => is(failure, "exists");
    await this.#ask("createContainer", undefined, expected, async ({ container }) => {
      const answer = await container.create(abortable(call));
      checkRequestId(answer);
      return answer;
    });
  }

  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    const expected: Expected<CreateAnswer> = (failure) =>
      is(failure, "exists") ?? (is(failure, "unmet") && { kind: "exists" }) ?? missing(failure);
    return this.#ask("create", key, expected, async (clients) => {
      // P4: a blob that is there is not overwritten.
      const conditions = { ifNoneMatch: "*" };
      const answer = await clients
        .blob(key)
        .upload("", 0, { ...abortable(call), conditions, metadata: { ...metadata } });
      checkRequestId(answer);
      return { kind: "created", ...stampOf(answer) };
    });
  }

  read(key: string, call: ReadCall = {}): Promise<ReadAnswer> {
    return this.#ask<ReadAnswer>("read", key, missing, async (clients) => {
      if (call.asWritten) return await firstListed(clients.container, key, call);
      const found = await clients.blob(key).getProperties(abortable(call));
      return { kind: "found", blob: storedBlob(key, found, lowerCaseNames(found.metadata), found.date) };
    });
  }

  writeMetadata(key: string, metadata: Metadata, { leaseId, ifMatch, signal }: WriteCall): Promise<WriteAnswer> {
    const expected: Expected<WriteAnswer> = (failure) => is(failure, "unmet") ?? refusedOrLeased(failure);
    return this.#ask("writeRecord", key, expected, async (clients) => {
      const options = { ...abortable({ signal }), conditions: { ifMatch, ...(leaseId !== undefined && { leaseId }) } };
      const answer = await clients.blob(key).setMetadata({ ...metadata }, options);
      checkRequestId(answer);
      return { kind: "written", ...stampOf(answer) };
    });
  }

  remove(key: string, { leaseId, signal }: RemoveCall = {}): Promise<RemoveAnswer> {
    return this.#ask<RemoveAnswer>("remove", key, refusedOrLeased, async (clients) => {
      const conditions = leaseId === undefined ? {} : { conditions: { leaseId } };
      checkRequestId(await clients.blob(key).delete({ ...abortable({ signal }), ...conditions }));
      return { kind: "removed" };
    });
  }

  async *list(prefix: string, call?: ListCall): AsyncGenerator<StoredBlob, void, undefined> {
    const { container } = await this.#connection.open();
    try {
      for await (const { segment, date } of pagesOf(container, { prefix, call }))
        for (const { name, properties, metadata } of segment.blobItems)
          yield storedBlob(name, properties, lowerCaseNames(metadata), date);
    } catch (error) {
      if (call?.signal?.aborted) throw error;
      const failure = readFailure(error, this.#facts, "list");
      if (missing(failure)?.what !== "container") throw errorFor("list", prefix, failure, this.address);
      call?.onNoContainer?.();
    }
  }

  async #ask<T>(
    operation: Operation,
    key: string | undefined,
    expected: Expected<T>,
    request: (clients: BlobClients) => Promise<T>,
  ): Promise<T> {
    const clients = await this.#connection.open();
    try {
      return await request(clients);
    } catch (error) {
      const failure = readFailure(error, this.#facts, operation);
      const answer = expected(failure);
      if (answer !== undefined) return answer;
      throw errorFor(operation, key, failure, this.address);
    }
  }
}

/**
 * Headers come in lower case, and without those that are empty: only a listing, in which the blob's own name is first,
 * has more.
 */
async function firstListed(container: ContainerClientLike, key: string, call: StoreCall): Promise<ReadAnswer> {
  for await (const { date, segment, continuationToken } of pagesOf(container, { prefix: key, maxPageSize: 1, call })) {
    const [first] = segment.blobItems;
    if (first?.name === key) return { kind: "found", blob: storedBlob(key, first.properties, first.metadata, date) };
    if (first || !continuationToken) return { kind: "missing", what: "blob", date: date?.getTime() ?? Number.NaN };
  }
  throw new UnusableAnswer("the listing has no pages", { answered: false });
}

/** The answer that a failure is, if it is of that kind. */
function is<K extends FailedRequest["outcome"]["kind"]>(
  { outcome }: FailedRequest,
  kind: K,
): { readonly kind: K } | undefined {
  return outcome.kind === kind ? { kind } : undefined;
}

function missing({ outcome, date }: FailedRequest): Missing | undefined {
  return outcome.kind === "missing" ? { ...outcome, date } : undefined;
}

/** What a refusal means for an operation on our own lease: a lease that is gone or another's is lost. */
function refused({ outcome, status }: FailedRequest): Refused | undefined {
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

/**
 * The same for an operation that need not name a lease. "A lease id is missing" says that the blob is leased, which for
 * a create means that it exists.
 */
function refusedOrLeased(failure: FailedRequest): Refused | undefined {
  return is(failure, "exists") ? { kind: "refused", why: "taken", status: failure.status } : refused(failure);
}

import { helperPrefix } from "../blobs/helper-folder.ts";
import type {
  AcquireAnswer,
  BreakAnswer,
  ChangeAnswer,
  CreateAnswer,
  LeaseLength,
  ListCall,
  Metadata,
  ReadAnswer,
  ReleaseAnswer,
  RemoveAnswer,
  RenewAnswer,
  StoredBlob,
  WriteAnswer,
} from "../store/lease-store.ts";
import type { HelperKind, Operation } from "../store/operation.ts";
import type { StoreAddress } from "../store/store-address.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Clock, Sources } from "../time/clock.ts";
import type { Closing } from "./closing.ts";
import type { HelperRemovals } from "./helper-removals.ts";
import type { MutexContext } from "./mutex-context.ts";
import type { RenewalTurns } from "./renewal-turns.ts";
import type { RequestKind, RequestOptions, SignalOption } from "./requests.ts";
import { retry, TRIES } from "./retry.ts";
import type { StandingLease } from "./standing-lease.ts";

/** Which blob is meant. */
export interface BlobOf {
  /** The name of the lock, for people. */
  readonly key: string;
  /** The blob's name. Default: the key. The helper blobs of recipes and queues have others. */
  readonly name?: string | undefined;
  /** What the blob bears from its creation on, besides a record. Default: nothing. */
  readonly metadata?: Metadata | undefined;
}

/** One blob that can be leased, and every request to it. Each method sends one request, with the same timeout. */
export class LockBlob implements Sources {
  readonly key: string;
  readonly name: string;
  readonly metadata: Metadata | undefined;
  /** How long one request may take before it counts as unanswered, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly #mutex: MutexContext;

  constructor(mutex: MutexContext, { key, name = key, metadata }: BlobOf, requestTimeoutMs: number) {
    this.key = key;
    this.name = name;
    this.metadata = metadata;
    this.requestTimeoutMs = requestTimeoutMs;
    this.#mutex = mutex;
  }

  /** Another blob of the same key. */
  helper(name: string): LockBlob {
    return new LockBlob(this.#mutex, { key: this.key, name }, this.requestTimeoutMs);
  }

  acquire(leaseId: string, length: LeaseLength, options?: RequestOptions<AcquireAnswer>): Promise<AcquireAnswer> {
    const { store, requests } = this.#mutex;
    return requests.send(
      this.#kind("acquire"),
      (signal) => store.acquire(this.name, leaseId, length, { signal }),
      options,
    );
  }

  renew(leaseId: string, options?: SignalOption): Promise<RenewAnswer> {
    const { store, requests } = this.#mutex;
    return requests.send(this.#kind("renew"), (signal) => store.renew(this.name, leaseId, { signal }), options);
  }

  change(leaseId: string, newLeaseId: string, options?: SignalOption): Promise<ChangeAnswer> {
    const { store, requests } = this.#mutex;
    return requests.send(
      this.#kind("change"),
      (signal) => store.change(this.name, leaseId, newLeaseId, { signal }),
      options,
    );
  }

  release(leaseId: string): Promise<ReleaseAnswer> {
    const { store, requests } = this.#mutex;
    return requests.send(this.#kind("release"), (signal) => store.release(this.name, leaseId, { signal }));
  }

  break({
    signal,
    ...how
  }: SignalOption & { periodSeconds?: number | undefined; ifMatch?: string | undefined }): Promise<BreakAnswer> {
    const { store, requests } = this.#mutex;
    return requests.send(this.#kind("break"), (request) => store.break(this.name, { ...how, signal: request }), {
      signal,
    });
  }

  /**
   * Reads everything but the content. With `asWritten`, names of metadata are in the case in which they were written.
   */
  read({ signal, asWritten }: SignalOption & { readonly asWritten?: boolean } = {}): Promise<ReadAnswer> {
    const { store, requests } = this.#mutex;
    const ask = (request: AbortSignal) => store.read(this.name, { signal: request, ...(asWritten && { asWritten }) });
    return requests.send(this.#kind("read"), ask, { signal });
  }

  create(metadata: Metadata, options?: SignalOption): Promise<CreateAnswer> {
    const { store, requests } = this.#mutex;
    return requests.send(this.#kind("create"), (signal) => store.create(this.name, metadata, { signal }), options);
  }

  createContainer(options?: SignalOption): Promise<void> {
    const { store, requests } = this.#mutex;
    return requests.send(this.#kind("createContainer"), (signal) => store.createContainer({ signal }), options);
  }

  writeRecord(
    metadata: Metadata,
    { signal, ...on }: SignalOption & { leaseId: string; ifMatch: string },
  ): Promise<WriteAnswer> {
    const { store, requests } = this.#mutex;
    const ask = (request: AbortSignal) => store.writeMetadata(this.name, metadata, { ...on, signal: request });
    return requests.send(this.#kind("writeRecord"), ask, { signal });
  }

  remove({ leaseId }: { readonly leaseId?: string | undefined } = {}): Promise<RemoveAnswer> {
    const { store, requests } = this.#mutex;
    return requests.send(this.#kind("remove"), (signal) => store.remove(this.name, { leaseId, signal }));
  }

  /** The helper blobs of this one, of one kind or all: one request for up to 5,000 of them. */
  list(kind?: HelperKind, options?: SignalOption): Promise<readonly StoredBlob[]> {
    const { store, requests } = this.#mutex;
    const prefix = helperPrefix(this.name, kind);
    const ask = async (signal: AbortSignal): Promise<readonly StoredBlob[]> => {
      const found: StoredBlob[] = [];
      for await (const blob of store.list(prefix, { signal })) found.push(blob);
      return found;
    };
    return requests.send(this.#kind(`list ${kind ?? "helpers"}`), ask, options);
  }

  /**
   * The blobs whose names begin with the name of this one, page by page. The first page is asked for again if need be.
   */
  async *listAll({
    signal,
    onNoContainer,
  }: SignalOption & Partial<Pick<ListCall, "onNoContainer">> = {}): AsyncGenerator<StoredBlob, void, undefined> {
    const { store, requests } = this.#mutex;
    const stop = new AbortController();
    const begin = async () => {
      const found = store.list(this.name, { signal: stop.signal, onNoContainer })[Symbol.asyncIterator]();
      return { found, first: await requests.send(this.#kind("list"), () => found.next(), { signal }) };
    };
    try {
      const { found, first } = await retry(this, begin, { signal, tries: TRIES });
      for (
        let step = first;
        !step.done;
        step = await requests.send(this.#kind("list"), () => found.next(), { signal })
      ) {
        yield step.value;
      }
    } finally {
      stop.abort();
    }
  }

  get address(): StoreAddress | undefined {
    return this.#mutex.address;
  }

  get clock(): Clock {
    return this.#mutex.clock;
  }

  get random(): () => number {
    return this.#mutex.random;
  }

  get newId(): () => string {
    return this.#mutex.newId;
  }

  get telemetry(): Telemetry {
    return this.#mutex.telemetry;
  }

  get log(): (message: string) => void {
    return this.#mutex.log;
  }

  get closing(): Closing {
    return this.#mutex.closing;
  }

  get standing(): Set<StandingLease> {
    return this.#mutex.standing;
  }

  get renewals(): RenewalTurns {
    return this.#mutex.renewals;
  }

  get removals(): HelperRemovals {
    return this.#mutex.removals;
  }

  #kind(operation: Operation): RequestKind {
    return { operation, key: this.key, timeoutMs: this.requestTimeoutMs };
  }
}

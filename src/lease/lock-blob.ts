import { helperPrefix } from "../blobs/helper-folder.ts";
import type {
  AcquireAnswer,
  BreakAnswer,
  BreakCall,
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
  WriteCall,
} from "../store/lease-store.ts";
import type { HelperKind } from "../store/operation.ts";
import type { StoreAddress } from "../store/store-address.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Clock, Sources } from "../time/clock.ts";
import type { Closing } from "./closing.ts";
import type { HelperRemovals } from "./helper-removals.ts";
import type { MutexContext } from "./mutex-context.ts";
import type { RenewalTurns } from "./renewal-turns.ts";
import type { Ask, RequestOptions, Requests, SignalOption } from "./requests.ts";
import { retry, TRIES } from "./retry.ts";
import type { StandingLeases } from "./standing-leases.ts";

/** Which blob is meant. */
export interface BlobOf {
  /** The name of the lock, for people. */
  readonly key: string;
  /** The blob's name. Default: the key. The helper blobs of recipes and queues have others. */
  readonly name?: string | undefined;
  /** What the blob bears from its creation on, besides a record. Default: nothing. */
  readonly metadata?: Metadata | undefined;
}

type ListCallOptions = SignalOption & Partial<Pick<ListCall, "onNoContainer">>;

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
    const ask: Ask<AcquireAnswer> = (store, signal) => store.acquire(this.name, leaseId, length, { signal });
    return this.#requests.send(this, "acquire", ask, options);
  }

  renew(leaseId: string, options?: SignalOption): Promise<RenewAnswer> {
    return this.#requests.send(this, "renew", (store, signal) => store.renew(this.name, leaseId, { signal }), options);
  }

  change(leaseId: string, newLeaseId: string, options?: SignalOption): Promise<ChangeAnswer> {
    const ask: Ask<ChangeAnswer> = (store, signal) => store.change(this.name, leaseId, newLeaseId, { signal });
    return this.#requests.send(this, "change", ask, options);
  }

  release(leaseId: string): Promise<ReleaseAnswer> {
    return this.#requests.send(this, "release", (store, signal) => store.release(this.name, leaseId, { signal }));
  }

  break({ signal, ...how }: SignalOption & Omit<BreakCall, "signal">): Promise<BreakAnswer> {
    const ask: Ask<BreakAnswer> = (store, request) => store.break(this.name, { ...how, signal: request });
    return this.#requests.send(this, "break", ask, { signal });
  }

  /**
   * Reads everything but the content. With `asWritten`, names of metadata are in the case in which they were written.
   */
  read({ signal, asWritten }: SignalOption & { readonly asWritten?: boolean } = {}): Promise<ReadAnswer> {
    const how = asWritten && { asWritten };
    return this.#requests.send(this, "read", (store, request) => store.read(this.name, { signal: request, ...how }), {
      signal,
    });
  }

  create(metadata: Metadata, options?: SignalOption): Promise<CreateAnswer> {
    const ask: Ask<CreateAnswer> = (store, signal) => store.create(this.name, metadata, { signal });
    return this.#requests.send(this, "create", ask, options);
  }

  createContainer(options?: SignalOption): Promise<void> {
    const ask: Ask<void> = (store, signal) => store.createContainer({ signal });
    return this.#requests.send(this, "createContainer", ask, options);
  }

  writeRecord(metadata: Metadata, { signal, ...on }: SignalOption & Omit<WriteCall, "signal">): Promise<WriteAnswer> {
    const ask: Ask<WriteAnswer> = (store, request) =>
      store.writeMetadata(this.name, metadata, { ...on, signal: request });
    return this.#requests.send(this, "writeRecord", ask, { signal });
  }

  remove({ leaseId }: { readonly leaseId?: string | undefined } = {}): Promise<RemoveAnswer> {
    const ask: Ask<RemoveAnswer> = (store, signal) => store.remove(this.name, { leaseId, signal });
    return this.#requests.send(this, "remove", ask);
  }

  /** The helper blobs of this one, of one kind or all: one request for up to 5,000 of them. */
  list(kind?: HelperKind, { signal: until, onNoContainer }: ListCallOptions = {}): Promise<readonly StoredBlob[]> {
    const prefix = helperPrefix(this.name, kind);
    const ask: Ask<readonly StoredBlob[]> = async (store, signal) => {
      const found: StoredBlob[] = [];
      for await (const blob of store.list(prefix, { signal, onNoContainer })) found.push(blob);
      return found;
    };
    return this.#requests.send(this, `list ${kind ?? "helpers"}`, ask, { signal: until });
  }

  /**
   * The blobs whose names begin with the name of this one, page by page. The first page is asked for again if need be.
   */
  async *listAll({ signal, onNoContainer }: ListCallOptions = {}): AsyncGenerator<StoredBlob, void, undefined> {
    const stop = new AbortController();
    const nextOf = (found: AsyncIterator<StoredBlob>) =>
      this.#requests.send(this, "list", () => found.next(), { signal });
    const begin = async () => {
      const found = this.#mutex.store.list(this.name, { signal: stop.signal, onNoContainer })[Symbol.asyncIterator]();
      return { found, first: await nextOf(found) };
    };
    try {
      const { found, first } = await retry(this, begin, { signal, tries: TRIES });
      for (let step = first; !step.done; step = await nextOf(found)) yield step.value;
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

  get standing(): StandingLeases {
    return this.#mutex.standing;
  }

  get renewals(): RenewalTurns {
    return this.#mutex.renewals;
  }

  get removals(): HelperRemovals {
    return this.#mutex.removals;
  }

  get #requests(): Requests {
    return this.#mutex.requests;
  }
}

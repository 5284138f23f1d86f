import type { Clock } from "azmutex";
import type {
  AcquireAnswer,
  BreakAnswer,
  ChangeAnswer,
  CreateAnswer,
  LeaseLength,
  LeaseStore,
  Metadata,
  ReadAnswer,
  ReleaseAnswer,
  RemoveAnswer,
  RenewAnswer,
  StoreCall,
  StoredBlob,
  WriteAnswer,
} from "azmutex/store";

export interface Distance {
  readonly clock: Clock;
  /** How long the next request and its answer are on their way together, in milliseconds. */
  readonly nextRoundTripMs: () => number;
  /** Called when a lease on this key has been released, or changed to another id, in the store. */
  readonly onFreed: (key: string) => void;
}

/**
 * A store at the other end of a network, as one process sees it: a request takes half its round trip to arrive, its
 * answer the other half to come back. A call that is aborted rejects at once; the request is on its way and arrives all
 * the same.
 */
export class DistantLeaseStore implements LeaseStore {
  readonly #store: LeaseStore;
  readonly #distance: Distance;
  #requests = 0;

  constructor(store: LeaseStore, distance: Distance) {
    this.#store = store;
    this.#distance = distance;
  }

  /** How many requests were sent. */
  get requests(): number {
    return this.#requests;
  }

  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    return this.#send(call, () => this.#store.acquire(key, leaseId, length));
  }

  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.#send(call, () => this.#store.renew(key, leaseId));
  }

  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.#send(call, async () => {
      const answer = await this.#store.release(key, leaseId);
      if (answer.kind === "released") this.#distance.onFreed(key);
      return answer;
    });
  }

  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.#send(call, async () => {
      const answer = await this.#store.change(key, leaseId, newLeaseId);
      if (answer.kind === "changed") this.#distance.onFreed(key);
      return answer;
    });
  }

  break(
    key: string,
    options: StoreCall & { readonly periodSeconds?: number | undefined; readonly ifMatch?: string | undefined } = {},
  ): Promise<BreakAnswer> {
    return this.#send(options, () => this.#store.break(key, { ...options, signal: undefined }));
  }

  createContainer(call?: StoreCall): Promise<void> {
    return this.#send(call, () => this.#store.createContainer());
  }

  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    return this.#send(call, () => this.#store.create(key, metadata));
  }

  read(key: string, call?: StoreCall): Promise<ReadAnswer> {
    return this.#send(call, () => this.#store.read(key));
  }

  writeMetadata(
    key: string,
    metadata: Metadata,
    options: StoreCall & { readonly leaseId: string; readonly ifMatch: string },
  ): Promise<WriteAnswer> {
    return this.#send(options, () => this.#store.writeMetadata(key, metadata, { ...options, signal: undefined }));
  }

  remove(key: string, options: StoreCall & { readonly leaseId?: string | undefined } = {}): Promise<RemoveAnswer> {
    return this.#send(options, () => this.#store.remove(key, { ...options, signal: undefined }));
  }

  /** One request: no run has so many processes that a listing would come in two pages. */
  async *list(prefix: string, call?: StoreCall): AsyncGenerator<StoredBlob, void, undefined> {
    yield* await this.#send(call, async () => {
      const blobs: StoredBlob[] = [];
      for await (const blob of this.#store.list(prefix)) blobs.push(blob);
      return blobs;
    });
  }

  #send<T>({ signal }: StoreCall = {}, serve: () => Promise<T>): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#requests += 1;
    const oneWayMs = this.#distance.nextRoundTripMs() / 2;
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const answered = (async () => {
        await this.#pass(oneWayMs);
        const [answer] = await Promise.allSettled([serve()]);
        await this.#pass(oneWayMs);
        if (answer.status === "rejected") throw answer.reason;
        return answer.value;
      })();
      answered.then(resolve, reject).finally(() => signal?.removeEventListener("abort", abort));
    });
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#distance.clock.setTimer(ms, resolve));
  }
}

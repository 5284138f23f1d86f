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
} from "./lease/lease-store.ts";

/**
 * A store that knows how many of its requests are under way, those that nobody waits for included: what was given up is given
 * back in the background, and a process that ends in between gives back nothing.
 */
export class CountedStore implements LeaseStore {
  readonly #store: LeaseStore;
  #open = 0;
  readonly #settled = (): void => {
    this.#open -= 1;
  };

  constructor(store: LeaseStore) {
    this.#store = store;
  }

  /** How many are under way. */
  get open(): number {
    return this.#open;
  }

  prepare(): Promise<void> | undefined {
    return this.#store.prepare?.();
  }

  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    return this.#count(this.#store.acquire(key, leaseId, length, call));
  }

  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.#count(this.#store.renew(key, leaseId, call));
  }

  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.#count(this.#store.release(key, leaseId, call));
  }

  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.#count(this.#store.change(key, leaseId, newLeaseId, call));
  }

  break(key: string, options?: Parameters<LeaseStore["break"]>[1]): Promise<BreakAnswer> {
    return this.#count(this.#store.break(key, options));
  }

  createContainer(call?: StoreCall): Promise<void> {
    return this.#count(this.#store.createContainer(call));
  }

  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    return this.#count(this.#store.create(key, metadata, call));
  }

  read(key: string, call?: StoreCall): Promise<ReadAnswer> {
    return this.#count(this.#store.read(key, call));
  }

  writeMetadata(key: string, metadata: Metadata, options: Parameters<LeaseStore["writeMetadata"]>[2]): Promise<WriteAnswer> {
    return this.#count(this.#store.writeMetadata(key, metadata, options));
  }

  remove(key: string, options?: Parameters<LeaseStore["remove"]>[1]): Promise<RemoveAnswer> {
    return this.#count(this.#store.remove(key, options));
  }

  list(prefix: string, call?: StoreCall): AsyncIterable<StoredBlob> {
    const found = this.#store.list(prefix, call);
    return {
      [Symbol.asyncIterator]: () => {
        const blobs = found[Symbol.asyncIterator]();
        // A listing that is not read to its end is under way only while somebody waits for more of it.
        return { next: () => this.#count(blobs.next()), return: async () => (await blobs.return?.()) ?? { done: true, value: undefined } };
      },
    };
  }

  /** The promise itself goes to the caller, who hears of its end as soon as without us. */
  #count<T>(request: Promise<T>): Promise<T> {
    this.#open += 1;
    request.then(this.#settled, this.#settled);
    return request;
  }
}

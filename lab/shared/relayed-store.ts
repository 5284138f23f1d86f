import type {
  AcquireAnswer,
  BreakAnswer,
  BreakCall,
  ChangeAnswer,
  CreateAnswer,
  LeaseLength,
  LeaseStore,
  Metadata,
  ReadAnswer,
  ReadCall,
  ReleaseAnswer,
  RemoveAnswer,
  RemoveCall,
  RenewAnswer,
  StoreCall,
  StoredBlob,
  WriteAnswer,
  WriteCall,
} from "../../src/store/lease-store.ts";
import type { StoreOperation } from "../../src/testing/fault.ts";

/** A request to a store as it travels: it can arrive late, several times or never. */
export interface StoreRequest {
  readonly operation: StoreOperation;
  /** The blob, or what the names of the blobs listed begin with; empty for the container. */
  readonly name: string;
  readonly leaseId?: string | undefined;
  readonly newLeaseId?: string;
  readonly ifMatch?: string;
  readonly leaseMs?: number;
  /** Has a store do it, without the caller's signal. */
  readonly ask: (store: LeaseStore) => Promise<unknown>;
}

/** A `LeaseStore` that makes one request of each call and leaves it to `send` what happens to it on its way. */
export abstract class RelayedStore implements LeaseStore {
  /** Resolves with what `request.ask` of some store came to. */
  protected abstract send<T>(call: StoreCall | undefined, request: StoreRequest): Promise<T>;

  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    return this.send(call, {
      operation: "acquire",
      name: key,
      leaseId,
      leaseMs: length === "infinite" ? Number.POSITIVE_INFINITY : length * 1_000,
      ask: (store) => store.acquire(key, leaseId, length),
    });
  }

  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.send(call, { operation: "renew", name: key, leaseId, ask: (store) => store.renew(key, leaseId) });
  }

  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.send(call, { operation: "release", name: key, leaseId, ask: (store) => store.release(key, leaseId) });
  }

  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.send(call, {
      operation: "change",
      name: key,
      leaseId,
      newLeaseId,
      ask: (store) => store.change(key, leaseId, newLeaseId),
    });
  }

  break(key: string, { signal, ...options }: BreakCall = {}): Promise<BreakAnswer> {
    return this.send({ signal }, { operation: "break", name: key, ask: (store) => store.break(key, options) });
  }

  createContainer(call?: StoreCall): Promise<void> {
    return this.send(call, { operation: "createContainer", name: "", ask: (store) => store.createContainer() });
  }

  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    return this.send(call, { operation: "create", name: key, ask: (store) => store.create(key, metadata) });
  }

  read(key: string, { signal, ...options }: ReadCall = {}): Promise<ReadAnswer> {
    return this.send({ signal }, { operation: "read", name: key, ask: (store) => store.read(key, options) });
  }

  writeMetadata(key: string, metadata: Metadata, { signal, leaseId, ifMatch }: WriteCall): Promise<WriteAnswer> {
    return this.send(
      { signal },
      {
        operation: "writeMetadata",
        name: key,
        leaseId,
        ifMatch,
        ask: (store) => store.writeMetadata(key, metadata, { leaseId, ifMatch }),
      },
    );
  }

  remove(key: string, { signal, leaseId }: RemoveCall = {}): Promise<RemoveAnswer> {
    const lease = leaseId === undefined ? {} : { leaseId };
    return this.send(
      { signal },
      { operation: "remove", name: key, ...lease, ask: (store) => store.remove(key, { leaseId }) },
    );
  }

  /** One request: no run has so many blobs that a listing comes in two pages. */
  async *list(prefix: string, call?: StoreCall): AsyncGenerator<StoredBlob, void, undefined> {
    const blobs = await this.send<StoredBlob[]>(call, {
      operation: "list",
      name: prefix,
      ask: async (store) => {
        const found: StoredBlob[] = [];
        for await (const blob of store.list(prefix)) found.push(blob);
        return found;
      },
    });
    for (const blob of blobs) yield blob;
  }
}

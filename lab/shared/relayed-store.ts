import type { LeaseStore, StoreCall, StoredBlob, WriteAnswer } from "../../src/store/lease-store.ts";
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

  acquire: LeaseStore["acquire"] = (name, leaseId, length, call) => {
    const leaseMs = length === "infinite" ? Number.POSITIVE_INFINITY : length * 1_000;
    const ask = (store: LeaseStore) => store.acquire(name, leaseId, length);
    return this.send(call, { operation: "acquire", name, leaseId, leaseMs, ask });
  };

  renew: LeaseStore["renew"] = (name, leaseId, call) =>
    this.send(call, { operation: "renew", name, leaseId, ask: (store) => store.renew(name, leaseId) });

  release: LeaseStore["release"] = (name, leaseId, call) =>
    this.send(call, { operation: "release", name, leaseId, ask: (store) => store.release(name, leaseId) });

  change: LeaseStore["change"] = (name, leaseId, newLeaseId, call) => {
    const ask = (store: LeaseStore) => store.change(name, leaseId, newLeaseId);
    return this.send(call, { operation: "change", name, leaseId, newLeaseId, ask });
  };

  break: LeaseStore["break"] = (name, { signal, ...options } = {}) =>
    this.send({ signal }, { operation: "break", name, ask: (store) => store.break(name, options) });

  createContainer: LeaseStore["createContainer"] = (call) =>
    this.send(call, { operation: "createContainer", name: "", ask: (store) => store.createContainer() });

  create: LeaseStore["create"] = (name, metadata, call) =>
    this.send(call, { operation: "create", name, ask: (store) => store.create(name, metadata) });

  read: LeaseStore["read"] = (name, { signal, ...options } = {}) =>
    this.send({ signal }, { operation: "read", name, ask: (store) => store.read(name, options) });

  // A method, since a store that notes what is written calls it by `super`.
  writeMetadata(...[name, metadata, { signal, ...on }]: Parameters<LeaseStore["writeMetadata"]>) {
    const ask = (store: LeaseStore) => store.writeMetadata(name, metadata, on);
    return this.send<WriteAnswer>({ signal }, { operation: "writeMetadata", name, ...on, ask });
  }

  remove: LeaseStore["remove"] = (name, { signal, ...on } = {}) =>
    this.send({ signal }, { operation: "remove", name, ...on, ask: (store) => store.remove(name, on) });

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

import { inRange, leaseIdOf } from "../../store/lease-arguments.ts";
import type {
  AcquireAnswer,
  BreakAnswer,
  ChangeAnswer,
  CreateAnswer,
  LeaseLength,
  LeaseStore,
  ListCall,
  Metadata,
  Missing,
  ReadAnswer,
  Refused,
  ReleaseAnswer,
  RemoveAnswer,
  RenewAnswer,
  Stamp,
  StoreCall,
  StoredBlob,
  WriteAnswer,
} from "../../store/lease-store.ts";
import { type Clock, Stopwatch, systemClock, wallTime } from "../../time/clock.ts";
import { MemoryLease } from "./memory-lease.ts";

/** How a {@link MemoryLeaseStore} is set up. */
export interface MemoryLeaseStoreOptions {
  /**
   * What leases run by. Default: the machine's clocks. Suspend counts: the service does not sleep when a machine does.
   */
  clock?: Clock | undefined;
  /**
   * The service's time at the start, in milliseconds since 1970. Default: the machine's wall time, or the beginning of
   * 2026 with a clock of your own, so that a simulation is the same every time.
   */
  startsAt?: number | undefined;
  /** Whether the container is there from the start. Default: false, as in a new storage account. */
  containerExists?: boolean | undefined;
}

/** What a foreign Put Blob brings; whatever is left out is empty afterwards. */
export interface PutBlobOptions {
  /** What the blob contains. Default: nothing. */
  content?: string | undefined;
  /** Its metadata. Default: none. */
  metadata?: Metadata | undefined;
  /** The lease under which it is written. Default: none. */
  leaseId?: string | undefined;
}

interface Blob {
  content: string;
  metadata: Metadata;
  etag: string;
  writtenAt: number;
  readonly lease: MemoryLease;
}

/** 2026-01-01T00:00:00Z. */
const BEGINNING_OF_2026 = 1_767_225_600_000;

/**
 * A container of blobs in the memory of one process, with the documented semantics of Azure's leases. For tests, for
 * simulations, and for programs that run without storage; it excludes no other process.
 *
 * Where the documentation is silent: an `ifMatch` is looked at before the lease is, and a blob that is missing before
 * either; a container that was deleted can be created again at once.
 */
export class MemoryLeaseStore implements LeaseStore {
  readonly #running: Stopwatch;
  readonly #startsAt: number;
  /** Undefined while there is no container. */
  #blobs: Map<string, Blob> | undefined;
  #writes = 0;

  constructor({ clock = systemClock, startsAt, containerExists = false }: MemoryLeaseStoreOptions = {}) {
    this.#running = new Stopwatch(clock);
    this.#startsAt = startsAt ?? (clock === systemClock ? wallTime() : BEGINNING_OF_2026);
    if (containerExists) this.#blobs = new Map();
  }

  /** See {@link LeaseStore.acquire}. */
  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    return this.#serve(call, () => {
      const id = leaseIdOf(key, leaseId);
      if (length !== "infinite") inRange(key, "lease", length, 15, 60);
      const blob = this.#find(key);
      if ("kind" in blob) return blob;
      if (!blob.lease.acquire(id, length, this.#now)) return { kind: "held", date: this.#date };
      return { kind: "acquired", ...this.#stamp(blob) };
    });
  }

  /** See {@link LeaseStore.renew}. */
  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.#serve(call, () => {
      const blob = this.#find(key);
      if ("kind" in blob) return gone(blob);
      return blob.lease.renew(leaseIdOf(key, leaseId), this.#now) ?? { kind: "renewed", ...this.#stamp(blob) };
    });
  }

  /** See {@link LeaseStore.release}. */
  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.#serve(
      call,
      () => this.#onLease(key, (lease) => lease.release(leaseIdOf(key, leaseId))) ?? { kind: "released" },
    );
  }

  /** See {@link LeaseStore.change}. */
  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.#serve(call, () => {
      const newId = leaseIdOf(key, newLeaseId);
      return (
        this.#onLease(key, (lease) => lease.change(leaseIdOf(key, leaseId), newId, this.#now)) ?? { kind: "changed" }
      );
    });
  }

  /** See {@link LeaseStore.break}. */
  break(
    key: string,
    options: StoreCall & { readonly periodSeconds?: number | undefined; readonly ifMatch?: string | undefined } = {},
  ): Promise<BreakAnswer> {
    return this.#serve(options, () => {
      const { periodSeconds, ifMatch } = options;
      if (periodSeconds !== undefined) inRange(key, "break period", periodSeconds, 0, 60);
      const blob = this.#find(key);
      if ("kind" in blob) return blob;
      if (ifMatch !== undefined && ifMatch !== blob.etag) return { kind: "unmet" };
      const leftMs = blob.lease.break(periodSeconds === undefined ? undefined : periodSeconds * 1000, this.#now);
      return leftMs === undefined
        ? { kind: "notLeased" }
        : { kind: "breaking", freeInSeconds: Math.ceil(leftMs / 1000) };
    });
  }

  /** See {@link LeaseStore.createContainer}. */
  createContainer(call?: StoreCall): Promise<void> {
    return this.#serve(call, () => {
      this.#blobs ??= new Map();
    });
  }

  /** See {@link LeaseStore.create}. */
  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    return this.#serve(call, () => {
      const found = this.#find(key);
      if (!("kind" in found)) return { kind: "exists" };
      if (found.what === "container") return found;
      return { kind: "created", ...this.#write(key, { metadata }) };
    });
  }

  /** See {@link LeaseStore.read}. */
  read(key: string, call: StoreCall & { readonly asWritten?: boolean | undefined } = {}): Promise<ReadAnswer> {
    return this.#serve(call, () => {
      const blob = this.#find(key);
      if ("kind" in blob) return blob;
      const shown = this.#shown(key, blob);
      return { kind: "found", blob: call.asWritten ? { ...shown, metadata: { ...blob.metadata } } : shown };
    });
  }

  /** See {@link LeaseStore.writeMetadata}. */
  writeMetadata(
    key: string,
    metadata: Metadata,
    options: StoreCall & { readonly leaseId: string; readonly ifMatch: string },
  ): Promise<WriteAnswer> {
    return this.#serve(options, () => {
      const id = leaseIdOf(key, options.leaseId);
      const blob = this.#find(key);
      if ("kind" in blob) return gone(blob);
      if (options.ifMatch !== blob.etag) return { kind: "unmet" };
      return (
        blob.lease.checkWrite(id, this.#now) ?? {
          kind: "written",
          ...this.#write(key, { content: blob.content, metadata }),
        }
      );
    });
  }

  /** See {@link LeaseStore.remove}. */
  remove(key: string, options: StoreCall & { readonly leaseId?: string | undefined } = {}): Promise<RemoveAnswer> {
    return this.#serve(options, () => {
      const id = options.leaseId === undefined ? undefined : leaseIdOf(key, options.leaseId);
      const refusal = this.#onLease(key, (lease) => lease.checkWrite(id, this.#now));
      if (refusal) return refusal;
      this.#blobs?.delete(key);
      return { kind: "removed" };
    });
  }

  /** See {@link LeaseStore.list}. */
  async *list(prefix: string, call?: ListCall): AsyncGenerator<StoredBlob, void, undefined> {
    const blobs = await this.#serve(call, () =>
      [...(this.#blobs ?? [])]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, blob]) => this.#shown(key, blob)),
    );
    if (!this.#blobs) call?.onNoContainer?.();
    for (const blob of blobs) {
      call?.signal?.throwIfAborted();
      yield blob;
    }
  }

  /**
   * What a program does that knows nothing of azmutex, go-azuremutex for one: a Put Blob without `If-None-Match`. It
   * replaces content and metadata, and is refused on a blob that is leased unless it names the lease.
   */
  putBlob(
    key: string,
    { content = "", metadata = {}, leaseId }: PutBlobOptions = {},
  ): Promise<({ readonly kind: "written" } & Stamp) | Refused> {
    return this.#serve({}, () => {
      const id = leaseId === undefined ? undefined : leaseIdOf(key, leaseId);
      const blob = this.#find(key);
      const refusal = "kind" in blob ? containerGone(blob) : blob.lease.checkWrite(id, this.#now);
      return refusal ?? { kind: "written", ...this.#write(key, { content, metadata }) };
    });
  }

  /** A foreign program deletes the container, and all blobs with it. Leases do not stop that. */
  deleteContainer(): Promise<void> {
    return this.#serve({}, () => {
      this.#blobs = undefined;
    });
  }

  /** The content of a blob, or undefined if there is no such blob. Nothing of azmutex writes any. */
  content(key: string): string | undefined {
    return this.#blobs?.get(key)?.content;
  }

  /** Does at once what was asked; the answer comes later, and not to a caller who has gone by then. */
  async #serve<T>({ signal }: StoreCall = {}, operation: () => T): Promise<T> {
    signal?.throwIfAborted();
    const answer = operation();
    await undefined;
    signal?.throwIfAborted();
    return answer;
  }

  get #now(): number {
    return this.#startsAt + this.#running.elapsedMs;
  }

  get #date(): number {
    return wholeSeconds(this.#now);
  }

  #find(key: string): Blob | Missing {
    if (!this.#blobs) return { kind: "missing", what: "container", date: this.#date };
    return this.#blobs.get(key) ?? { kind: "missing", what: "blob", date: this.#date };
  }

  #onLease(key: string, operation: (lease: MemoryLease) => Refused | undefined): Refused | undefined {
    const blob = this.#find(key);
    return "kind" in blob ? gone(blob) : operation(blob.lease);
  }

  #write(key: string, { content = "", metadata }: { content?: string; metadata: Metadata }): Stamp {
    const lease = this.#blobs?.get(key)?.lease ?? new MemoryLease();
    lease.written(this.#now);
    this.#writes += 1;
    // In one piece, and with the quotes that belong to it.
    const etag = JSON.stringify(`0x${this.#writes.toString(16).toUpperCase().padStart(15, "0")}`);
    const blob: Blob = { content, metadata: { ...metadata }, etag, writtenAt: this.#now, lease };
    this.#blobs?.set(key, blob);
    return this.#stamp(blob);
  }

  #stamp(blob: Blob): Stamp {
    return { etag: blob.etag, lastModified: wholeSeconds(blob.writtenAt), date: this.#date };
  }

  #shown(key: string, blob: Blob): StoredBlob {
    return {
      key,
      metadata: asHeaders(blob.metadata),
      hasContent: blob.content !== "",
      leaseState: blob.lease.state(this.#now),
      infinite: blob.lease.infinite,
      ...this.#stamp(blob),
    };
  }
}

function gone({ what }: Missing): Refused {
  return { kind: "refused", why: "deleted", status: what === "blob" ? "404 BlobNotFound" : "404 ContainerNotFound" };
}

/** A Put Blob needs the container only. */
function containerGone(missing: Missing): Refused | undefined {
  return missing.what === "container" ? gone(missing) : undefined;
}

/** Metadata as HTTP headers bring it: names in lower case, and without entries that have no value. */
function asHeaders(metadata: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).flatMap(([name, value]) => (value === "" ? [] : [[name.toLowerCase(), value]])),
  );
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

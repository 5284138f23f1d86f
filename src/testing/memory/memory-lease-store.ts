import {
  type AcquireAnswer,
  type BreakAnswer,
  type BreakCall,
  type ChangeAnswer,
  type CreateAnswer,
  type LeaseLength,
  type LeaseStore,
  type ListCall,
  LONGEST_BREAK_SECONDS,
  type Metadata,
  type Missing,
  type ReadAnswer,
  type ReadCall,
  type Refused,
  type ReleaseAnswer,
  type RemoveAnswer,
  type RemoveCall,
  type RenewAnswer,
  type Stamp,
  type StoreCall,
  type StoredBlob,
  type WriteAnswer,
  type WriteCall,
} from "../../store/lease-store.ts";
import { type Clock, systemClock, wallTime } from "../../time/clock.ts";
import { inRange, leaseIdOf } from "./lease-arguments.ts";
import { MemoryContainer } from "./memory-container.ts";
import type { MemoryLease } from "./memory-lease.ts";

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
  readonly #container: MemoryContainer;

  constructor({ clock = systemClock, startsAt, containerExists = false }: MemoryLeaseStoreOptions = {}) {
    const beginning = clock === systemClock ? wallTime() : BEGINNING_OF_2026;
    this.#container = new MemoryContainer(clock, startsAt ?? beginning);
    if (containerExists) this.#container.create();
  }

  /** See {@link LeaseStore.acquire}. */
  acquire(key: string, leaseId: string, length: LeaseLength, call?: StoreCall): Promise<AcquireAnswer> {
    return this.#serve(call, (container) => {
      const id = leaseIdOf(key, leaseId);
      if (length !== "infinite") inRange(key, "lease", length, 15, 60);
      const blob = container.find(key);
      if ("kind" in blob) return blob;
      if (!blob.lease.acquire(id, length, container.now)) return { kind: "held", date: container.date };
      return { kind: "acquired", ...container.stampOf(blob) };
    });
  }

  /** See {@link LeaseStore.renew}. */
  renew(key: string, leaseId: string, call?: StoreCall): Promise<RenewAnswer> {
    return this.#serve(call, (container) => {
      const blob = container.find(key);
      if ("kind" in blob) return gone(blob);
      const refusal = blob.lease.renew(leaseIdOf(key, leaseId), container.now);
      return refusal ?? { kind: "renewed", ...container.stampOf(blob) };
    });
  }

  /** See {@link LeaseStore.release}. */
  release(key: string, leaseId: string, call?: StoreCall): Promise<ReleaseAnswer> {
    return this.#serve(call, () => {
      const refusal = this.#onLease(key, (lease) => lease.release(leaseIdOf(key, leaseId)));
      return refusal ?? { kind: "released" };
    });
  }

  /** See {@link LeaseStore.change}. */
  change(key: string, leaseId: string, newLeaseId: string, call?: StoreCall): Promise<ChangeAnswer> {
    return this.#serve(call, () => {
      const newId = leaseIdOf(key, newLeaseId);
      const refusal = this.#onLease(key, (lease, now) => lease.change(leaseIdOf(key, leaseId), newId, now));
      return refusal ?? { kind: "changed" };
    });
  }

  /** See {@link LeaseStore.break}. */
  break(key: string, call: BreakCall = {}): Promise<BreakAnswer> {
    return this.#serve(call, (container) => {
      const { periodSeconds, ifMatch } = call;
      if (periodSeconds !== undefined) inRange(key, "break period", periodSeconds, 0, LONGEST_BREAK_SECONDS);
      const blob = container.find(key);
      if ("kind" in blob) return blob;
      if (ifMatch !== undefined && ifMatch !== blob.etag) return { kind: "unmet" };
      const leftMs = blob.lease.break(periodSeconds === undefined ? undefined : periodSeconds * 1000, container.now);
      if (leftMs === undefined) return { kind: "notLeased" };
      return { kind: "breaking", freeInSeconds: Math.ceil(leftMs / 1000) };
    });
  }

  /** See {@link LeaseStore.createContainer}. */
  createContainer(call?: StoreCall): Promise<void> {
    return this.#serve(call, (container) => container.create());
  }

  /** See {@link LeaseStore.create}. */
  create(key: string, metadata: Metadata, call?: StoreCall): Promise<CreateAnswer> {
    return this.#serve(call, (container) => {
      const found = container.find(key);
      if (!("kind" in found)) return { kind: "exists" };
      if (found.what === "container") return found;
      return { kind: "created", ...container.write(key, { metadata }) };
    });
  }

  /** See {@link LeaseStore.read}. */
  read(key: string, call: ReadCall = {}): Promise<ReadAnswer> {
    return this.#serve(call, (container) => {
      const blob = container.find(key);
      if ("kind" in blob) return blob;
      return { kind: "found", blob: container.shown(key, blob, call.asWritten ? { ...blob.metadata } : undefined) };
    });
  }

  /** See {@link LeaseStore.writeMetadata}. */
  writeMetadata(key: string, metadata: Metadata, call: WriteCall): Promise<WriteAnswer> {
    return this.#serve(call, (container) => {
      const id = call.leaseId === undefined ? undefined : leaseIdOf(key, call.leaseId);
      const blob = container.find(key);
      if ("kind" in blob) return gone(blob);
      if (call.ifMatch !== blob.etag) return { kind: "unmet" };
      const refusal = blob.lease.checkWrite(id, container.now);
      return refusal ?? { kind: "written", ...container.write(key, { content: blob.content, metadata }) };
    });
  }

  /** See {@link LeaseStore.remove}. */
  remove(key: string, call: RemoveCall = {}): Promise<RemoveAnswer> {
    return this.#serve(call, (container) => {
      const id = call.leaseId === undefined ? undefined : leaseIdOf(key, call.leaseId);
      const refusal = this.#onLease(key, (lease, now) => lease.checkWrite(id, now));
      if (refusal) return refusal;
      container.remove(key);
      return { kind: "removed" };
    });
  }

  /** See {@link LeaseStore.list}. */
  async *list(prefix: string, call?: ListCall): AsyncGenerator<StoredBlob, void, undefined> {
    const blobs = await this.#serve(call, (container) => container.list(prefix));
    if (!this.#container.exists) call?.onNoContainer?.();
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
    return this.#serve({}, (container) => {
      const id = leaseId === undefined ? undefined : leaseIdOf(key, leaseId);
      const blob = container.find(key);
      const refusal = "kind" in blob ? containerGone(blob) : blob.lease.checkWrite(id, container.now);
      return refusal ?? { kind: "written", ...container.write(key, { content, metadata }) };
    });
  }

  /** A foreign program deletes the container, and all blobs with it. Leases do not stop that. */
  deleteContainer(): Promise<void> {
    return this.#serve({}, (container) => container.delete());
  }

  /** The content of a blob, or undefined if there is no such blob. Nothing of azmutex writes any. */
  content(key: string): string | undefined {
    const blob = this.#container.find(key);
    return "kind" in blob ? undefined : blob.content;
  }

  /** Does the operation at once, and answers later. Rejects if the signal has aborted by then. */
  async #serve<T>({ signal }: StoreCall = {}, operation: (container: MemoryContainer) => T): Promise<T> {
    signal?.throwIfAborted();
    const answer = operation(this.#container);
    await undefined;
    signal?.throwIfAborted();
    return answer;
  }

  #onLease(key: string, operation: (lease: MemoryLease, now: number) => Refused | undefined): Refused | undefined {
    const blob = this.#container.find(key);
    return "kind" in blob ? gone(blob) : operation(blob.lease, this.#container.now);
  }
}

function gone({ what }: Missing): Refused {
  return { kind: "refused", why: "deleted", status: what === "blob" ? "404 BlobNotFound" : "404 ContainerNotFound" };
}

/** A Put Blob needs the container only. */
function containerGone(missing: Missing): Refused | undefined {
  return missing.what === "container" ? gone(missing) : undefined;
}

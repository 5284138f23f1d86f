import type { Metadata, Missing, Stamp, StoredBlob } from "../../store/lease-store.ts";
import { type Clock, Stopwatch } from "../../time/clock.ts";
import { MemoryLease } from "./memory-lease.ts";

interface MemoryBlob {
  readonly content: string;
  readonly metadata: Metadata;
  readonly etag: string;
  readonly writtenAt: number;
  readonly lease: MemoryLease;
}

/** A container of blobs in memory, and the service's clock, which runs by the given one. At first there is none. */
export class MemoryContainer {
  readonly #running: Stopwatch;
  readonly #startsAt: number;
  /** Undefined while there is no container. */
  #blobs: Map<string, MemoryBlob> | undefined;
  #writes = 0;

  constructor(clock: Clock, startsAt: number) {
    this.#running = new Stopwatch(clock);
    this.#startsAt = startsAt;
  }

  get exists(): boolean {
    return this.#blobs !== undefined;
  }

  create(): void {
    this.#blobs ??= new Map();
  }

  delete(): void {
    this.#blobs = undefined;
  }

  /** The service's time, in milliseconds since 1970. */
  get now(): number {
    return this.#startsAt + this.#running.elapsedMs;
  }

  /** What its answers say of the time. */
  get date(): number {
    return wholeSeconds(this.now);
  }

  find(name: string): MemoryBlob | Missing {
    if (!this.#blobs) return { kind: "missing", what: "container", date: this.date };
    return this.#blobs.get(name) ?? { kind: "missing", what: "blob", date: this.date };
  }

  /** Writes the blob anew, and creates it if it is missing. Its lease stays. */
  write(name: string, { content = "", metadata }: { content?: string; metadata: Metadata }): Stamp {
    const lease = this.#blobs?.get(name)?.lease ?? new MemoryLease();
    lease.written(this.now);
    this.#writes += 1;
    // In one piece, and with the quotes that belong to it.
    const etag = JSON.stringify(`0x${this.#writes.toString(16).toUpperCase().padStart(15, "0")}`);
    const blob: MemoryBlob = { content, metadata: { ...metadata }, etag, writtenAt: this.now, lease };
    this.#blobs?.set(name, blob);
    return this.stampOf(blob);
  }

  remove(name: string): void {
    this.#blobs?.delete(name);
  }

  /** The blobs whose names begin with `prefix`, by name. */
  list(prefix: string): StoredBlob[] {
    return [...(this.#blobs ?? [])]
      .filter(([name]) => name.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, blob]) => this.shown(name, blob));
  }

  stampOf({ etag, writtenAt }: MemoryBlob): Stamp {
    return { etag, lastModified: wholeSeconds(writtenAt), date: this.date };
  }

  /** The blob as a read shows it. */
  shown(name: string, blob: MemoryBlob, metadata: Metadata = asHeaders(blob.metadata)): StoredBlob {
    return {
      key: name,
      metadata,
      hasContent: blob.content !== "",
      leaseState: blob.lease.state(this.now),
      infinite: blob.lease.infinite,
      ...this.stampOf(blob),
    };
  }
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

import { helperPrefix } from "../../blobs/helper-folder.ts";
import { READERS, readerMetadata } from "../../blobs/reader-blob.ts";
import { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import type { LockSpace } from "../../locks/lock-space.ts";
import { LinkedSignal } from "../../time/abort.ts";
import type { Hold } from "../../waiting/hold.ts";
import type { KeyState } from "../../waiting/key-states.ts";
import { LocalQueue, type QueueHead } from "../../waiting/local-queue.ts";
import type { ResolvedLockerOptions } from "../../waiting/locker-options.ts";
import { type SharedHold, SharedLease } from "./shared-lease.ts";

const HAS_WRITER = Symbol("has a writer");

/** What the readers of one process have in common. */
export class LocalReaders {
  static readonly #all: WeakMap<KeyState, Map<string, LocalReaders>> = new WeakMap();
  /** Leases the blob of this process. */
  readonly #acquirer: LeaseAcquirer;
  /** The task at the head asks the service. The others then share its lease. */
  readonly queue: LocalQueue<never> = new LocalQueue();
  /** The queueing tasks that give up when there is a writer. */
  readonly #refusals = new Set<LinkedSignal>();
  #token: number | undefined;
  #freeAt = Number.NEGATIVE_INFINITY;
  #isWriting = false;
  #lease: SharedLease | undefined;

  private constructor(acquirer: LeaseAcquirer) {
    this.#acquirer = acquirer;
  }

  /** The readers of a key whose leases have the same terms. */
  static of(space: LockSpace, key: string, prefix: string, options: ResolvedLockerOptions): LocalReaders {
    const state = space.keyState({ key, name: prefix });
    const all = LocalReaders.#all.get(state) ?? new Map<string, LocalReaders>();
    LocalReaders.#all.set(state, all);
    const terms = JSON.stringify(options.terms);
    const found =
      all.get(terms) ?? new LocalReaders(ownBlob(space, key, `${prefix}${space.blob({ key }).newId()}`, options));
    all.set(terms, found);
    return found;
  }

  /** The fencing token of the last writer, at the last look. */
  get token(): number | undefined {
    return this.#token;
  }

  /** A look has shown the token of the last writer. */
  sawToken(token: number | undefined): void {
    this.#token = token;
  }

  /** Whether there was a writer, or one that waited, at the last look. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** What a look that was sent at that time has shown. */
  saw(isWriting: boolean, lookedAt: number): void {
    this.#isWriting = isWriting;
    if (isWriting) for (const refusal of this.#refusals) refusal.abort(HAS_WRITER);
    else this.#freeAt = lookedAt;
  }

  /**
   * Shares the lease of this process's readers, if the last look is recent enough and showed no writer, nor one that
   * waits.
   */
  joinIfFree(isRecent: (lookedAt: number) => boolean): SharedHold | undefined {
    const isFree = this.#lease?.isShared && !this.#isWriting && isRecent(this.#freeAt);
    return isFree ? this.#lease?.join() : undefined;
  }

  /** Waits to be at the head of the queue. Undefined if the task at the head finds a writer. */
  async enterUnlessWriting(signal: AbortSignal | undefined): Promise<QueueHead<never> | undefined> {
    const refusal = new LinkedSignal(...(signal ? [signal] : []));
    this.#refusals.add(refusal);
    try {
      return await this.queue.enterEmptyHanded(refusal.signal);
    } catch (error) {
      if (error === HAS_WRITER) return undefined;
      throw error;
    } finally {
      this.#refusals.delete(refusal);
      refusal.end();
    }
  }

  /** Resolves when a lease that this process is just giving back is given back. */
  get givenBack(): Promise<void> | undefined {
    return this.#lease?.ended;
  }

  /** The lease that is there, or a new one. */
  async leased(take: (own: LeaseAcquirer) => Promise<Hold | undefined>): Promise<SharedLease | undefined> {
    if (this.#lease?.isOpen) return this.#lease;
    const hold = await take(this.#acquirer);
    this.#lease = hold && new SharedLease(hold, this.#acquirer.blob.log);
    return this.#lease;
  }
}

/** The blob that this process leases while any of its tasks reads. It says whose it is, for people. */
function ownBlob(space: LockSpace, key: string, name: string, options: ResolvedLockerOptions): LeaseAcquirer {
  const { holder } = options.description;
  const metadata = readerMetadata({ key, holder });
  // A writer waits for the end of all of them.
  const toldOf = helperPrefix(key, READERS);
  return new LeaseAcquirer(space, { key, name, metadata, toldOf }, { ...options, fair: false, fencing: false });
}

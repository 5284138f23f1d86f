import { onAbort } from "../abort.ts";
import type { LockLostError } from "../errors.ts";
import type { Hold, Tenure } from "../waiting/hold.ts";

/** A lease that several tasks of this process hold at once. It is given back when the last of them is done. */
export class SharedLease {
  readonly hold: Hold;
  readonly #sharers = new Set<SharedTenure>();
  #ending: Promise<LockLostError | undefined> | undefined;

  constructor(hold: Hold) {
    this.hold = hold;
  }

  get isShared(): boolean {
    return this.#sharers.size > 0;
  }

  /** Whether it can be shared: neither lost nor given back. One that is uncertain can: a task that joins waits for its renewal. */
  get isOpen(): boolean {
    return !this.hold.ended && !this.hold.lostBecause;
  }

  /** One more. Undefined if the lease is lost, or was given back. */
  join(): SharedTenure | undefined {
    if (!this.isOpen) return undefined;
    const sharer = new SharedTenure(this);
    this.#sharers.add(sharer);
    return sharer;
  }

  /** One less. Resolves with the error if the lease was lost before. */
  leave(sharer: SharedTenure): Promise<LockLostError | undefined> {
    this.#sharers.delete(sharer);
    if (!this.isShared || this.hold.ended) {
      this.#ending = this.hold.end();
      return this.#ending;
    }
    return this.hold.isUncertain ? this.#lossOnceCertain() : Promise.resolve(this.hold.lostBecause);
  }

  /** Resolves when the service has answered that it was given back, or did not answer; undefined while it is shared. */
  get ended(): Promise<void> | undefined {
    return this.#ending?.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Resolves with the loss, or undefined, once a renewal or the release of the shared lease was answered. */
  async #lossOnceCertain(): Promise<LockLostError | undefined> {
    await this.hold.freshen(undefined).catch(() => undefined);
    return this.hold.lostBecause ?? (await this.#ending?.catch(() => undefined));
  }
}

/** One task's part of a {@link SharedLease}. */
export class SharedTenure implements Tenure {
  /** The fencing token of the last write before, once that is known. */
  token: number | undefined;
  readonly #lease: SharedLease;
  readonly #loss = new AbortController();
  readonly #stopListening: () => void;
  #end: Promise<LockLostError | undefined> | undefined;

  constructor(lease: SharedLease) {
    this.#lease = lease;
    const { signal } = lease.hold;
    this.#stopListening = onAbort(signal, () => this.#loss.abort(signal.reason));
  }

  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  get remainingMs(): number {
    return this.ended ? 0 : this.#lease.hold.remainingMs;
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  get isUncertain(): boolean {
    return !this.ended && this.#lease.hold.isUncertain;
  }

  get lostBecause(): LockLostError | undefined {
    return this.ended ? undefined : this.#lease.hold.lostBecause;
  }

  /** Whether this reader has ended. Also true once the process gave the lease back for all readers, as it ends. */
  get ended(): boolean {
    return this.#end !== undefined || this.#lease.hold.ended;
  }

  /** As {@link Hold.freshen} does. */
  async freshen(signal: AbortSignal | undefined): Promise<void> {
    await this.#lease.hold.freshen(signal);
  }

  end(): Promise<LockLostError | undefined> {
    if (!this.#end) {
      this.#stopListening();
      this.#end = this.#lease.leave(this);
    }
    return this.#end;
  }
}

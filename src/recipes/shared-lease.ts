import { onAbort } from "../abort.ts";
import type { LockLostError } from "../errors.ts";
import type { Hold, Tenure } from "../waiting/hold.ts";

/** A lease that several tasks of this process hold at once. It is given back when the last of them is done. */
export class SharedLease {
  readonly hold: Hold;
  readonly #sharers = new Set<SharedTenure>();
  #ended: Promise<void> | undefined;

  constructor(hold: Hold) {
    this.hold = hold;
  }

  get isShared(): boolean {
    return this.#sharers.size > 0;
  }

  /** One more. Undefined if the lease is lost, or was given back. */
  join(): SharedTenure | undefined {
    if (!this.hold.isHeld) return undefined;
    const sharer = new SharedTenure(this);
    this.#sharers.add(sharer);
    return sharer;
  }

  /** One less. Resolves with the error if the lease was lost before. */
  leave(sharer: SharedTenure): Promise<LockLostError | undefined> {
    this.#sharers.delete(sharer);
    if (this.isShared) return Promise.resolve(this.hold.lostBecause);
    const end = this.hold.end();
    this.#ended = end.then(
      () => undefined,
      () => undefined,
    );
    return end;
  }

  /** Resolves when the service has answered that it was given back, or did not answer; undefined while it is shared. */
  get ended(): Promise<void> | undefined {
    return this.#ended;
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

  get lostBecause(): LockLostError | undefined {
    return this.ended ? undefined : this.#lease.hold.lostBecause;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Renews the lease if little of it is left. Throws its `LockLostError` or the signal's reason. */
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

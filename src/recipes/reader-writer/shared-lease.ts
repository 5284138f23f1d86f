import { LockLostError, type LossReason } from "../../errors.ts";
import { HeldOnLeases } from "../../lease/held-on-leases.ts";
import { onAbort } from "../../time/abort.ts";
import type { Held } from "../../waiting/held.ts";
import type { Hold } from "../../waiting/hold.ts";

/** A lease that several tasks of this process hold at once. It is given back when the last of them is done. */
export class SharedLease {
  readonly hold: Hold;
  /** Takes a line for people. */
  readonly log: (message: string) => void;
  readonly #sharers = new Set<SharedHold>();
  #ending: Promise<LockLostError | undefined> | undefined;

  constructor(hold: Hold, log: (message: string) => void) {
    this.hold = hold;
    this.log = log;
  }

  get isShared(): boolean {
    return this.#sharers.size > 0;
  }

  /**
   * Whether it can be shared: neither lost nor given back. One that is uncertain can: a task that joins waits for its
   * renewal.
   */
  get isOpen(): boolean {
    return !this.hold.ended && !this.hold.lostBecause;
  }

  /** One more. Undefined if the lease is lost, or was given back. */
  join(): SharedHold | undefined {
    if (!this.isOpen) return undefined;
    const sharer = new SharedHold(this);
    this.#sharers.add(sharer);
    this.hold.keep();
    return sharer;
  }

  /** Renews the lease no more if it is kept for none of its sharers. */
  letLapse(): void {
    if ([...this.#sharers].every(({ isKept }) => !isKept)) this.hold.letLapse();
  }

  /** One less. Resolves with the error if the lease was lost before. */
  leave(sharer: SharedHold): Promise<LockLostError | undefined> {
    this.#sharers.delete(sharer);
    if (!this.isShared || this.hold.ended) {
      this.#ending = this.hold.end();
      return this.#ending;
    }
    this.letLapse();
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
export class SharedHold extends HeldOnLeases implements Held {
  readonly #lease: SharedLease;
  readonly #loss: AbortController = new AbortController();
  readonly #stopListening: () => void;
  #token: number | undefined;
  #lost: LockLostError | undefined;
  #isForgotten = false;
  #end: Promise<LockLostError | undefined> | undefined;

  constructor(lease: SharedLease) {
    super([lease.hold]);
    this.#lease = lease;
    const { signal } = lease.hold;
    this.#stopListening = onAbort(signal, () => this.#loss.abort(signal.reason));
  }

  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  /** The fencing token of the last write before, once that is known. */
  get token(): number | undefined {
    return this.#token;
  }

  tellToken(token: number | undefined): void {
    this.#token = token;
  }

  /** Whether this reader has ended. Also true once the process gave the lease back for all readers, as it ends. */
  get ended(): boolean {
    return this.#end !== undefined || this.#lease.hold.ended;
  }

  protected override get ownLoss(): LockLostError | undefined {
    return this.#lost;
  }

  /** Whether the lease is renewed for this reader. */
  get isKept(): boolean {
    return !this.#isForgotten && !this.lostBecause;
  }

  /** @inheritDoc */
  letLapse(): void {
    this.#isForgotten = true;
    this.#lease.letLapse();
  }

  /** The other readers keep the lease. @inheritDoc */
  lose(why: LossReason, how: string): void {
    if (this.ended || this.lostBecause) return;
    const lost = new LockLostError(this.#lease.hold.key, why, how);
    this.#lost = lost;
    this.#stopListening();
    this.#lease.log(lost.message);
    this.#loss.abort(lost);
    this.#lease.letLapse();
  }

  /** As {@link Hold.freshen} does. */
  async freshen(signal: AbortSignal | undefined): Promise<void> {
    await this.#lease.hold.freshen(signal);
  }

  end(): Promise<LockLostError | undefined> {
    if (!this.#end) {
      this.#stopListening();
      const lossOf = (): LockLostError | undefined => this.#lost;
      const left = this.#lease.leave(this);
      this.#end = this.#lost ? left.then(lossOf, lossOf) : left;
    }
    return this.#end;
  }
}

import type { LockLostError } from "../errors.ts";

/** What can be held, by the clock at the very moment it is asked: a lease, or a part of one. */
interface HeldPart {
  /** How long it is certain to last, in milliseconds; 0 when it is not held. */
  readonly remainingMs: number;
  readonly isUncertain: boolean;
  readonly lostBecause: LockLostError | undefined;
}

/** What stands on one or more leases, until it ends: it is held while all of them are. */
export abstract class HeldOnLeases {
  readonly #parts: readonly HeldPart[];

  constructor(parts: readonly HeldPart[]) {
    this.#parts = parts;
  }

  /** Whether it has ended. What becomes of its leases after that says nothing about it. */
  abstract get ended(): boolean;

  /** The loss of this part alone, though its leases stand. */
  protected get ownLoss(): LockLostError | undefined {
    return undefined;
  }

  /** How long it is certain to last, in milliseconds, by the clock at this moment; 0 when it is lost or has ended. */
  get remainingMs(): number {
    if (this.ended || this.ownLoss) return 0;
    let least = Number.POSITIVE_INFINITY;
    for (const { remainingMs } of this.#parts) least = Math.min(least, remainingMs);
    return least;
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  /** Whether it is neither held nor lost: the machine slept, and no renewal was answered since. */
  get isUncertain(): boolean {
    return !this.ended && this.#parts.some(({ isUncertain }) => isUncertain) && !this.lostBecause;
  }

  /** Why it is lost, or undefined while it is not, and once it has ended. The clock may say so before a signal can. */
  get lostBecause(): LockLostError | undefined {
    if (this.ended) return undefined;
    if (this.ownLoss) return this.ownLoss;
    for (const { lostBecause } of this.#parts) if (lostBecause) return lostBecause;
    return undefined;
  }
}

import { LockLostError, NotHeldError } from "../errors.ts";
import type { Clock, Timer } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";
import type { ManualLease } from "./manual-lease.ts";
import type { StandingLeases } from "./standing-leases.ts";

/** The milliseconds between two looks for leases that have run out. */
const FORGET_EVERY_MS = 60_000;
/** How many keys are remembered whose lease ran out without its caller knowing. */
const MOST_LAPSED = 10_000;

/**
 * What one mutex acquired by hand, by key. A call by key means the lease that its caller acquired. Callers cannot be
 * told apart here: where a lease ended unnoticed, and the key was acquired again since, a call by key is refused.
 */
export class ManualLeases {
  readonly #clock: Clock;
  readonly #standing: StandingLeases;
  readonly #latest = new Map<string, ManualLease>();
  /** Leases that were acquired while the caller of the one before may still take the key for its own. */
  readonly #disputed = new WeakSet<ManualLease>();
  /** Keys whose lease ran out, and whose caller may not know. */
  readonly #lapsed = new Set<string>();
  #forgetting: Timer | undefined;

  constructor(clock: Clock, standing: StandingLeases) {
    this.#clock = clock;
    this.#standing = standing;
  }

  [Symbol.iterator](): Iterator<ManualLease> {
    return this.#latest.values();
  }

  /**
   * The lease is the key's now. What was held under the key before has run out, or the service would not have granted
   * it again.
   */
  add(lease: ManualLease): void {
    const { key } = lease;
    const before = this.#latest.get(key);
    before?.lose(lapsed(key));
    const isDisputed = this.#lapsed.delete(key) || before !== undefined;
    if (isDisputed) this.#disputed.add(lease);
    this.#latest.set(key, lease);
    if (before) this.#standing.delete(before.lease);
    this.#standing.add(lease.lease);
    this.#planForgetting();
  }

  /**
   * The lease that a call by key means. Throws `NotHeldError` if there is none or it is being released, `LockLostError`
   * if it has run out and the key may be another caller's.
   */
  of(key: string): ManualLease {
    const lease = this.#latest.get(key);
    if ((lease && this.#disputed.has(lease)) || this.#lapsed.delete(key)) throw lapsed(key);
    if (!lease || lease.isReleased) throw new NotHeldError(key);
    return lease;
  }

  /** To be called when the caller knows that its lease has ended. */
  readonly remove = (lease: ManualLease): void => {
    this.#standing.delete(lease.lease);
    if (this.#latest.get(lease.key) === lease) this.#latest.delete(lease.key);
    if (this.#latest.size > 0) return;
    this.#forgetting?.cancel();
    this.#forgetting = undefined;
  };

  #planForgetting(): void {
    const forget = (): void => {
      this.#forgetting = undefined;
      for (const lease of this.#latest.values()) if (lease.hasLapsed) this.#forget(lease);
      if (this.#latest.size > 0) this.#planForgetting();
    };
    this.#forgetting ??= inRootContext(() => this.#clock.setTimer(FORGET_EVERY_MS, forget));
  }

  #forget(lease: ManualLease): void {
    this.#latest.delete(lease.key);
    this.#standing.delete(lease.lease);
    this.#lapsed.add(lease.key);
    const [oldest] = this.#lapsed;
    if (this.#lapsed.size > MOST_LAPSED && oldest !== undefined) this.#lapsed.delete(oldest);
  }
}

function lapsed(key: string): LockLostError {
  return new LockLostError(
    key,
    "expired",
    "its lease ran out; what was acquired since is renewed and released by its own AcquiredLease",
  );
}

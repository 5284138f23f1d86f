import type { StandingLease } from "./standing-lease.ts";

/** Told at once of every change of what stands, in the very turn. Throws nothing. */
export interface StandingListener {
  /** The lease stands, or was renewed: what releases it, and how long it lasts, is to be asked for anew. */
  onStanding(lease: StandingLease): void;
  /** This process has it no more. */
  onGone(lease: StandingLease): void;
}

/** The leases that this process has, or may have, those that are taken by hand included. */
export class StandingLeases {
  readonly #leases = new Set<StandingLease>();
  readonly #listeners = new Set<StandingListener>();

  /** Those that have not run out. */
  *[Symbol.iterator](): Generator<StandingLease> {
    for (const lease of this.#leases) if ((lease.lapsesInMs ?? 1) > 0) yield lease;
  }

  /** The lease stands, or may stand, from here on. Added again, it may stand for longer. */
  add(lease: StandingLease): void {
    this.#leases.add(lease);
    for (const listener of this.#listeners) listener.onStanding(lease);
  }

  /** A renewal of the lease was granted. Of a lease that does not stand, as after its release, it says nothing. */
  renewed(lease: StandingLease): void {
    if (this.#listeners.size > 0 && this.#leases.has(lease)) this.add(lease);
  }

  /** False if it did not stand. */
  delete(lease: StandingLease): boolean {
    const stood = this.#leases.delete(lease);
    if (stood) for (const listener of this.#listeners) listener.onGone(lease);
    return stood;
  }

  /** Tells the listener of every change from here on. Returns what calls it off. */
  onChange(listener: StandingListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

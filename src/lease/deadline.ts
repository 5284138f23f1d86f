import type { Timer } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";
import type { Lease } from "./lease.ts";
import type { LockBlob } from "./lock-blob.ts";
import { releaseInBackground } from "./release.ts";

/** Loses a lease at its deadline, whatever its renewals are doing. */
export class Deadline {
  readonly #blob: LockBlob;
  readonly #lease: Lease;
  #timer: Timer | undefined;

  constructor(blob: LockBlob, lease: Lease) {
    this.#blob = blob;
    this.#lease = lease;
  }

  /**
   * Sets the timer, given how old the lease is, in milliseconds. One timer serves several renewals: it looks at the
   * lease.
   */
  set(elapsedMs: number): void {
    this.#setTimer(this.#lease.terms.goodForMs - elapsedMs, () => this.#onTimer());
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  /**
   * Releases a lease that was lost, and may stand, when it has lapsed: a renewal that arrives late would hold it for a
   * holder that is gone. Until then the work may still be stopping (P14).
   */
  releaseWhenLapsed(): void {
    const { leaseId, lapsesInMs } = this.#lease;
    const release = (): Promise<void> => inRootContext(() => releaseInBackground(this.#blob, leaseId));
    this.#setTimer(lapsesInMs, () => void release());
  }

  #onTimer(): void {
    if (this.#putOff()) return;
    // P10: the answer to a renewal may already have arrived and only be waiting for its turn.
    this.#blob.clock.nextTurn(() => {
      if (this.#lease.isOpen && !this.#putOff()) this.#lease.lose(this.#lease.expired());
    });
  }

  /** False if the deadline has passed. */
  #putOff(): boolean {
    const { elapsedMs, terms } = this.#lease;
    if (elapsedMs >= terms.goodForMs) return false;
    this.set(elapsedMs);
    return true;
  }

  #setTimer(ms: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#timer = inRootContext(() => this.#blob.clock.setTimer(ms, callback));
  }
}

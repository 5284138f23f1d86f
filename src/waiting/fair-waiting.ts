import type { Acquisition } from "../lease/acquisition.ts";
import type { FencingTokens } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { FairQueue } from "./fair-queue.ts";
import { FifoHandOver, type HandOver } from "./hand-over.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";
import { PlaceInLine } from "./place-in-line.ts";
import type { WaitLimit } from "./wait-limit.ts";

/** How one task waits with `fair`: in the queue between processes. */
export class FairWaiting {
  readonly queue: FairQueue;
  readonly #blob: LockBlob;
  readonly #options: ResolvedLockerOptions;

  constructor(blob: LockBlob, options: ResolvedLockerOptions) {
    this.queue = new FairQueue(blob);
    this.#blob = blob;
    this.#options = options;
  }

  /** A place in the queue for an acquisition, whose id the ticket bears. */
  placeFor(acquisition: Acquisition, limit: WaitLimit, tokens: FencingTokens): PlaceInLine {
    const { fencing, description } = this.#options;
    const blob = this.#blob;
    return new PlaceInLine({
      ...{ blob, queue: this.queue, acquisition, limit, holder: description.holder },
      longestSleepMs: this.#longestSleepMs,
      onNext: () => fencing && void tokens.lookAhead(blob, limit.signal),
    });
  }

  get handOver(): HandOver {
    const { marginMs } = this.#options.terms;
    // By the service's count the lease lasts for the margin longer than by ours.
    const enoughMs = Math.max(0, this.#longestSleepMs + 2 * this.#blob.requestTimeoutMs - marginMs);
    return new FifoHandOver({ queue: this.queue, blob: this.#blob, enoughMs });
  }

  /**
   * A waiter that is given the lock has to find out while two thirds of its lease last, and two tries of a request
   * after that.
   */
  get #longestSleepMs(): number {
    return (this.#options.terms.leaseSeconds * 1_000 * 2) / 3 - 2 * this.#blob.requestTimeoutMs;
  }
}

import type { Acquisition } from "../lease/acquisition.ts";
import type { FencingTokens } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { FairQueue } from "./fair-queue.ts";
import { FifoHandOver, type HandOver, RESERVED_WITHIN_MS } from "./hand-over.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";
import { Pace } from "./pace.ts";
import { PlaceInLine } from "./place-in-line.ts";
import { PossibleHandOver } from "./possible-hand-over.ts";
import type { WaitLimit } from "./wait-limit.ts";
import type { KeyWakeUps } from "./wake-ups/key-wake-ups.ts";

/** How one task waits with `fair`: in the queue between processes. */
export class FairWaiting {
  readonly queue: FairQueue;
  readonly #blob: LockBlob;
  readonly #options: ResolvedLockerOptions;
  readonly #wakeUps: KeyWakeUps | undefined;

  /** Without `wakeUps` it polls. */
  constructor(blob: LockBlob, options: ResolvedLockerOptions, wakeUps: KeyWakeUps | undefined) {
    this.queue = new FairQueue(blob, wakeUps);
    this.#blob = blob;
    this.#options = options;
    this.#wakeUps = wakeUps;
  }

  /** A place in the queue for an acquisition, whose id the ticket bears. */
  placeFor(acquisition: Acquisition, limit: WaitLimit, tokens: FencingTokens): PlaceInLine {
    const { fencing, description } = this.#options;
    const blob = this.#blob;
    const longestSleepMs = this.#longestSleepMs;
    const pace = new Pace(blob.clock.now(), longestSleepMs);
    const possible = new PossibleHandOver();
    const onNext = (): void => {
      if (fencing) void tokens.lookAhead(blob, limit.signal);
    };
    const { leaseId } = acquisition;
    const wakeUps = this.#wakeUps?.waitInQueue({ leaseId, pace, possible, longestSleepMs });
    const { holder, kind, purpose, leaseSeconds, announces } = description;
    // P60: one that announces its token writes when it has it.
    const record =
      wakeUps && fencing && !announces ? { kind, leaseSeconds, ...(purpose !== undefined && { purpose }) } : undefined;
    return new PlaceInLine({
      ...{ blob, queue: this.queue, acquisition, limit, holder, record },
      ...{ pace, possible, onNext, wakeUps },
    });
  }

  get handOver(): HandOver {
    const { marginMs } = this.#options.terms;
    // By the service's count the lease lasts for the margin longer than by ours.
    const reservingMs = this.#wakeUps ? RESERVED_WITHIN_MS : 0;
    const enoughMs = Math.max(0, reservingMs + this.#longestSleepMs + 2 * this.#blob.requestTimeoutMs - marginMs);
    return new FifoHandOver({ queue: this.queue, blob: this.#blob, enoughMs, wakeUps: this.#wakeUps });
  }

  /**
   * A waiter that is given the lock has to find out while two thirds of its lease last, and two tries of a request
   * after that.
   */
  get #longestSleepMs(): number {
    return (this.#options.terms.leaseSeconds * 1_000 * 2) / 3 - 2 * this.#blob.requestTimeoutMs;
  }
}

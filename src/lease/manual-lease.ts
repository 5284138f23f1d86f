import { Stopwatch, type Timer } from "../clock.ts";
import { LockLostError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import type { Granted, LeaseOrigin } from "./acquisition.ts";
import { attempt, untilAnswered } from "./attempt.ts";
import type { LeaseLength, ReleaseAnswer } from "./lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";
import { releaseLease } from "./release.ts";

/** How often an infinite lease is checked, so that somebody who breaks it is noticed. */
const INFINITE_CHECK_MS = 20_000;

export interface ManualLeaseOptions {
  readonly origin: LeaseOrigin;
  readonly length: LeaseLength;
  readonly granted: Pick<Granted, "leaseId" | "asked">;
  readonly tryTimeoutMs: number;
}

/** A lease that its holder renews and releases by hand. */
export class ManualLease {
  readonly key: string;
  readonly leaseId: string;
  readonly #blob: LockBlob;
  readonly #goodForMs: number;
  readonly #tryTimeoutMs: number;
  readonly #origin: LeaseOrigin;
  #asked: Stopwatch;
  #over = false;
  #check: Timer | undefined;

  constructor(blob: LockBlob, { origin, granted: { leaseId, asked }, length, tryTimeoutMs }: ManualLeaseOptions) {
    this.key = blob.key;
    this.#origin = origin;
    this.leaseId = leaseId;
    this.#blob = blob;
    this.#tryTimeoutMs = tryTimeoutMs;
    this.#asked = asked;
    this.#goodForMs = length === "infinite" ? Number.POSITIVE_INFINITY : length * 1_000 * (1 - 1 / DEFAULTS.marginsPerLease);
    if (length === "infinite") this.#planCheck();
  }

  get remainingMs(): number {
    if (this.#over || (this.#asked.suspended && Number.isFinite(this.#goodForMs))) return 0;
    return Math.max(0, this.#goodForMs - this.#asked.elapsedMs);
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  /** Nothing is sent for this lease any more, and it is not held any more. */
  forget(): void {
    this.#over = true;
    this.#check?.cancel();
  }

  /** Starts the lease anew. Throws `LockLostError` if the service refuses, `StoreUnavailableError` after three tries without an answer. */
  async renew(signal?: AbortSignal): Promise<void> {
    const { store, key, name, clock } = this.#blob;
    let asked = new Stopwatch(clock);
    const answer = await untilAnswered(
      this.#blob,
      () => {
        asked = new Stopwatch(clock);
        const ask = (request: AbortSignal) => store.renew(name, this.leaseId, { signal: request });
        return attempt(this.#blob, ask, { operation: "renew", timeoutMs: this.#tryTimeoutMs, signal });
      },
      signal,
    );
    if (answer.kind === "refused") {
      this.forget();
      throw new LockLostError(key, answer.why, `renewal refused (${answer.status})`);
    }
    this.#asked = asked;
  }

  release(): Promise<ReleaseAnswer> {
    this.forget();
    this.#origin.conclude();
    return releaseLease(this.#blob, this.leaseId, this.#tryTimeoutMs);
  }

  #planCheck(): void {
    this.#check = this.#blob.clock.setTimer(INFINITE_CHECK_MS, () => {
      this.#planCheck();
      this.renew().catch((error) => this.#blob.log(`the infinite lease on "${this.key}" could not be checked: ${String(error)}`));
    });
  }
}

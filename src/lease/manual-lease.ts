import { LockLostError, NotHeldError } from "../errors.ts";
import type { LeaseLength } from "../store/lease-store.ts";
import { Stopwatch, type Timer } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";
import { HeldOnLeases } from "./held-on-leases.ts";
import { Lease, type LeaseOptions } from "./lease.ts";
import type { LockBlob } from "./lock-blob.ts";
import { lossBy } from "./refusal.ts";
import { releaseLease } from "./release.ts";
import { retry, TRIES } from "./retry.ts";
import { DEFAULTS } from "./terms.ts";

/** How often an infinite lease is checked, so that a break is noticed. */
const INFINITE_CHECK_MS = 20_000;

export interface ManualLeaseOptions extends Pick<LeaseOptions, "origin" | "granted"> {
  readonly length: LeaseLength;
  /** Called once the caller knows how the lease ended: released, or lost. */
  readonly onEnd: (lease: ManualLease) => void;
}

/** A lease that its holder renews and releases by hand. */
export class ManualLease extends HeldOnLeases {
  readonly key: string;
  readonly #blob: LockBlob;
  readonly lease: Lease;
  readonly #onEnd: (lease: ManualLease) => void;
  /** Set by an answer. That its time is over is no loss yet: a renewal may still be granted. */
  #loss: LockLostError | undefined;
  #isReleaseSent = false;
  /** Undefined once a release went unanswered: it may still be carried out, and may be sent again. */
  #releasing: Promise<void> | undefined;
  #check: Timer | undefined;

  constructor(blob: LockBlob, { origin, granted, length, onEnd }: ManualLeaseOptions) {
    const leaseSeconds = length === "infinite" ? Number.POSITIVE_INFINITY : length;
    const goodForMs = leaseSeconds * 1_000 * (1 - 1 / DEFAULTS.marginsPerLease);
    const lease = new Lease(blob, { origin, granted, terms: { leaseSeconds, goodForMs } });
    super([lease]);
    this.key = blob.key;
    this.#blob = blob;
    this.lease = lease;
    this.#onEnd = onEnd;
    if (length === "infinite") this.#planCheck();
  }

  get leaseId(): string {
    return this.lease.leaseId;
  }

  get ended(): boolean {
    return this.#isReleaseSent;
  }

  /** Whether a release is under way, or was answered. */
  get isReleased(): boolean {
    return this.#releasing !== undefined && !this.#loss;
  }

  /** Whether it has certainly run out at the service. */
  get hasLapsed(): boolean {
    return this.lease.lapsesInMs <= 0;
  }

  /** Ends the lease as lost. Nothing is sent for it any more. */
  lose(error: LockLostError): void {
    this.#check?.cancel();
    if (this.#isReleaseSent) return;
    this.#loss ??= error;
    this.lease.lose(error);
  }

  /** @inheritDoc AcquiredLease.renew */
  async renew({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    try {
      await this.#renew(signal);
    } catch (error) {
      if (error instanceof LockLostError) this.#onEnd(this);
      throw error;
    }
  }

  /** @inheritDoc AcquiredLease.release */
  async release(): Promise<void> {
    if (this.#loss) throw this.#loss;
    this.#releasing ??= this.#release();
    await this.#releasing;
  }

  async #renew(signal?: AbortSignal): Promise<void> {
    const blob = this.#blob;
    let sent = new Stopwatch(blob.clock);
    const renewOnce = () => {
      this.#throwUnlessOpen();
      sent = new Stopwatch(blob.clock);
      return blob.renew(this.leaseId, { signal });
    };
    const answer = await retry(blob, renewOnce, { signal, tries: TRIES });
    if (answer.kind === "refused") this.lose(lossBy(answer, this.key, "renewal"));
    // A release may have been sent meanwhile.
    this.#throwUnlessOpen();
    this.lease.renewed(sent);
    blob.standing.renewed(this.lease);
  }

  async #release(): Promise<void> {
    const isOverdue = this.lease.isOpen && this.lease.isOverdue;
    this.#check?.cancel();
    const releasing = this.#isReleaseSent ? releaseLease(this.#blob, this.leaseId) : this.lease.release();
    this.#isReleaseSent = true;
    // Until its end is answered it stands as every lease that is being released.
    this.#blob.standing.delete(this.lease);
    try {
      const answer = await releasing;
      if (answer.kind === "refused") throw lossBy(answer, this.key, "release");
      if ("isAssumed" in answer && isOverdue)
        throw new LockLostError(this.key, "expired", "it ran out before it was released");
    } catch (error) {
      if (error instanceof LockLostError) this.#loss = error;
      else this.#releaseFailed();
      if (this.#loss) this.#onEnd(this);
      throw error;
    }
    this.#onEnd(this);
  }

  #releaseFailed(): void {
    this.#releasing = undefined;
    this.#blob.standing.add(this.lease);
  }

  #throwUnlessOpen(): void {
    if (this.#loss) throw this.#loss;
    if (this.#isReleaseSent) throw new NotHeldError(this.key, "its release was sent");
  }

  #planCheck(): void {
    const check = (): void => {
      this.#planCheck();
      const failed = (error: unknown): void =>
        this.#blob.log(`the infinite lease on "${this.key}" could not be checked: ${String(error)}`);
      this.#renew().catch(failed);
    };
    this.#check = inRootContext(() => this.#blob.clock.setTimer(INFINITE_CHECK_MS, check));
  }
}

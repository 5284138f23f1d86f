import { Stopwatch, type Timer } from "../clock.ts";
import { LockLostError, NotHeldError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import { inRootContext } from "../root-context.ts";
import type { Granted, LeaseOrigin } from "./acquisition.ts";
import type { LeaseLength } from "./lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";
import { lossBy } from "./refusal.ts";
import { releaseLease } from "./release.ts";
import { retry, TRIES } from "./retry.ts";

/** How often an infinite lease is checked, so that somebody who breaks it is noticed. */
const INFINITE_CHECK_MS = 20_000;

export interface ManualLeaseOptions {
  readonly origin: LeaseOrigin;
  readonly length: LeaseLength;
  readonly granted: Pick<Granted, "leaseId" | "asked">;
  /** Called once the caller knows how the lease ended: released, or lost. */
  readonly onEnd: (lease: ManualLease) => void;
}

type State =
  | { readonly kind: "held" }
  | { readonly kind: "lost"; readonly error: LockLostError }
  /** A release was sent. `releasing` is undefined if it went unanswered: it may still be carried out, and may be sent again. */
  | { readonly kind: "released"; readonly releasing: Promise<void> | undefined };

const HELD: State = Object.freeze({ kind: "held" });

/** A lease that its holder renews and releases by hand. */
export class ManualLease {
  readonly key: string;
  readonly leaseId: string;
  readonly #blob: LockBlob;
  readonly #lengthMs: number;
  readonly #origin: LeaseOrigin;
  readonly #onEnd: (lease: ManualLease) => void;
  #state: State = HELD;
  #asked: Stopwatch;
  #check: Timer | undefined;

  constructor(blob: LockBlob, { origin, granted: { leaseId, asked }, length, onEnd }: ManualLeaseOptions) {
    this.key = blob.key;
    this.#origin = origin;
    this.leaseId = leaseId;
    this.#blob = blob;
    this.#onEnd = onEnd;
    this.#asked = asked;
    this.#lengthMs = length === "infinite" ? Number.POSITIVE_INFINITY : length * 1_000;
    if (length === "infinite") this.#planCheck();
  }

  get remainingMs(): number {
    return this.isUncertain ? 0 : this.#goodMs;
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  get isUncertain(): boolean {
    return this.#asked.suspended && Number.isFinite(this.#lengthMs) && this.#goodMs > 0;
  }

  /** The milliseconds left until the deadline, if the clocks can be trusted; 0 when the lease is lost or released. */
  get #goodMs(): number {
    if (this.#state.kind !== "held") return 0;
    return Math.max(0, this.#lengthMs * (1 - 1 / DEFAULTS.marginsPerLease) - this.#asked.elapsedMs);
  }

  /** The blob's. */
  get name(): string {
    return this.#blob.name;
  }

  /** Whether a release is under way, or was answered. */
  get isReleased(): boolean {
    return this.#state.kind === "released" && this.#state.releasing !== undefined;
  }

  /** Whether it has certainly run out at the service. */
  get hasLapsed(): boolean {
    return this.#asked.elapsedMs >= this.#lengthMs;
  }

  /** Ends the lease as lost. Nothing is sent for it any more. */
  lose(error: LockLostError): void {
    this.#check?.cancel();
    if (this.#state.kind === "held") this.#state = { kind: "lost", error };
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
    if (this.#state.kind === "lost") this.#throwUnlessHeld();
    if (this.#state.kind === "released" && this.#state.releasing !== undefined) return await this.#state.releasing;
    const releasing = this.#release();
    this.#state = { kind: "released", releasing };
    await releasing;
  }

  async #renew(signal?: AbortSignal): Promise<void> {
    const { clock } = this.#blob;
    let asked = new Stopwatch(clock);
    const renewOnce = () => {
      this.#throwUnlessHeld();
      asked = new Stopwatch(clock);
      return this.#blob.renew(this.leaseId, { signal });
    };
    const answer = await retry(this.#blob, async () => renewOnce(), { signal, tries: TRIES });
    if (answer.kind === "refused") this.lose(lossBy(answer, this.key, "renewal"));
    // A release may have been sent meanwhile.
    this.#throwUnlessHeld();
    this.#asked = asked;
  }

  async #release(): Promise<void> {
    const isOverdue = this.#state.kind === "held" && this.#goodMs === 0;
    this.#check?.cancel();
    this.#origin.conclude();
    try {
      const answer = await releaseLease(this.#blob, this.leaseId);
      if (answer.kind === "refused") throw lossBy(answer, this.key, "release");
      if ("isAssumed" in answer && isOverdue) throw new LockLostError(this.key, "expired", "it ran out before it was released");
    } catch (error) {
      this.#state = error instanceof LockLostError ? { kind: "lost", error } : { kind: "released", releasing: undefined };
      if (error instanceof LockLostError) this.#onEnd(this);
      throw error;
    }
    this.#onEnd(this);
  }

  #throwUnlessHeld(): void {
    if (this.#state.kind === "released") throw new NotHeldError(this.key, "its release was sent");
    if (this.#state.kind === "lost") throw this.#state.error;
  }

  #planCheck(): void {
    const check = (): void => {
      this.#planCheck();
      this.#renew().catch((error) => this.#blob.log(`the infinite lease on "${this.key}" could not be checked: ${String(error)}`));
    };
    this.#check = inRootContext(() => this.#blob.clock.setTimer(INFINITE_CHECK_MS, check));
  }
}

import { LockLostError } from "../errors.ts";
import type { Stamp } from "../store/lease-store.ts";
import type { LeaseObserver } from "../telemetry/lease-observer.ts";
import { LazySignal } from "../time/abort.ts";
import type { Stopwatch } from "../time/clock.ts";
import type { Granted, LeaseOrigin } from "./acquisition.ts";
import { type LastStamp, stampNow } from "./last-stamp.ts";
import type { LockBlob } from "./lock-blob.ts";
import { changeLease, type EndAnswer, releaseLease, releaseLost } from "./release.ts";
import type { StandingLease } from "./standing-lease.ts";
import type { LeaseTerms } from "./terms.ts";

export interface LeaseOptions {
  readonly origin: LeaseOrigin;
  readonly granted: Pick<Granted, "leaseId" | "asked" | "etag" | "date">;
  readonly terms: Pick<LeaseTerms, "leaseSeconds" | "goodForMs">;
}

type LeaseStatus =
  /** `failure`: why the last renewal failed, if it did. */
  | { readonly kind: "held"; readonly failure?: unknown }
  /** `stands`: whether the service has it all the same. */
  | { readonly kind: "lost"; readonly error: LockLostError; readonly stands: boolean }
  | { readonly kind: "released"; readonly answer: Promise<EndAnswer> };

const HELD_LEASE: LeaseStatus = Object.freeze({ kind: "held" });

/**
 * The state of a lease that was granted. Its deadline counts from before the last request that was granted and answered
 * in time. Once lost, it is lost for ever (P13).
 */
export class Lease implements StandingLease {
  readonly leaseId: string;
  readonly terms: LeaseOptions["terms"];
  readonly #blob: LockBlob;
  /** Undefined if there is nothing to conclude. */
  readonly #origin: LeaseOrigin | undefined;
  readonly #loss: LazySignal = new LazySignal();
  #state: LeaseStatus = HELD_LEASE;
  /** Started just before the last request that was granted, and answered in time. */
  #sent: Stopwatch;
  /** The same, however late the answer came: the lease stands for longer than it is good for. */
  #lastSent: Stopwatch;
  #lastStamp: LastStamp;
  #observer: LeaseObserver | undefined;

  constructor(blob: LockBlob, { origin, granted, terms }: LeaseOptions) {
    this.leaseId = granted.leaseId;
    this.terms = terms;
    this.#blob = blob;
    this.#origin = origin.isSettled ? undefined : origin;
    this.#sent = granted.asked;
    this.#lastSent = granted.asked;
    this.#lastStamp = stampNow(blob, granted);
  }

  /** The blob's. */
  get name(): string {
    return this.#blob.name;
  }

  /** Aborts when the lease is lost; its reason is a `LockLostError`. */
  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  /** What the last answer under the lease said of its blob, so that the next holder need not ask. */
  get lastStamp(): LastStamp {
    return this.#lastStamp;
  }

  /** Whether it was neither lost nor given back, the clock aside. */
  get isOpen(): boolean {
    return this.#state.kind === "held";
  }

  /** How long the lease is good for, in milliseconds, by the clock at this moment (P11); 0 when it is not held. */
  get remainingMs(): number {
    if (!this.isOpen) return 0;
    const { elapsedMs, suspended } = this.#sent.read();
    const isUnsure = suspended && Number.isFinite(this.terms.goodForMs);
    return isUnsure ? 0 : Math.max(0, this.terms.goodForMs - elapsedMs);
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  /** Whether the machine slept and no renewal was answered since: neither held nor lost (P12). Not of infinite ones. */
  get isUncertain(): boolean {
    if (!this.isOpen || !Number.isFinite(this.terms.goodForMs)) return false;
    const { elapsedMs, suspended } = this.#sent.read();
    return suspended && elapsedMs < this.terms.goodForMs;
  }

  /** Why it is lost; undefined while it is not, and once released. The clock may say so before the signal can. */
  get lostBecause(): LockLostError | undefined {
    if (this.#state.kind === "lost") return this.#state.error;
    return this.isOpen && this.isOverdue ? this.expired() : undefined;
  }

  /** Whether the deadline has passed. An answer on its way may still move it; nothing new is sent for it. */
  get isOverdue(): boolean {
    return this.elapsedMs >= this.terms.goodForMs;
  }

  /** How long ago the last request was sent that was granted and answered in time, in milliseconds. */
  get elapsedMs(): number {
    return this.#sent.elapsedMs;
  }

  /** In how many milliseconds it has certainly run out at the service. */
  get lapsesInMs(): number {
    return this.terms.leaseSeconds * 1_000 - this.#lastSent.elapsedMs;
  }

  /** Whether it is lost, and the service may have it all the same. */
  get mayStand(): boolean {
    return this.#state.kind === "lost" && (this.#state.stands || this.#state.error.why === "expired");
  }

  /** From here on the observer is told of what happens. */
  observedBy(observer: LeaseObserver): void {
    this.#observer = observer;
  }

  /** A renewal was granted that was sent then. One that is late, its own deadline past, proves nothing any more. */
  renewed(sent: Stopwatch, { isLate = false }: { readonly isLate?: boolean } = {}): void {
    this.#lastSent = sent;
    if (isLate || !this.isOpen) return;
    this.#sent = sent;
    this.#state = HELD_LEASE;
  }

  /** A renewal failed, and it is open what the service did. */
  renewalFailed(failure: unknown): void {
    if (this.isOpen) this.#state = { kind: "held", failure };
  }

  /** The holder wrote the blob under the lease. */
  wrote(stamp: LastStamp): void {
    this.#lastStamp = stamp;
  }

  /** A renewal that was sent at the stamp `before` says this of the blob. */
  stamped(stamp: Stamp, before: LastStamp): void {
    // What was written under the lease meanwhile is known better already.
    if (this.#lastStamp !== before || stamp.etag === before.etag) return;
    const now = stampNow(this.#blob, stamp);
    this.#lastStamp = now;
    // If it could not be looked at, the next renewal finds it again.
    this.#observer?.onWritten?.().catch(() => {
      if (this.#lastStamp === now) this.#lastStamp = before;
    });
  }

  /** The lease is lost. One that `stands` all the same is released when its holder is done. */
  lose(error: LockLostError, { stands = false }: { readonly stands?: boolean } = {}): void {
    if (!this.isOpen) return;
    this.#state = { kind: "lost", error, stands };
    this.#observer?.onEnd?.(error);
    this.#loss.abort(error);
  }

  /** Gives the lease back, also a lost one, which the service may have. Called again, it answers the same. */
  release(): Promise<EndAnswer> {
    return this.#end(() => releaseLease(this.#blob, this.leaseId));
  }

  /** Gives the lease to another id, or back if it is lost. Any definite answer is the end of it. */
  changeTo(leaseId: string): Promise<EndAnswer> {
    return this.#end(() => changeLease(this.#blob, this.leaseId, leaseId));
  }

  /** The loss of a lease whose deadline has passed. */
  expired(): LockLostError {
    return expiredError(this.#blob.key, this.#sent, this.#state);
  }

  #end(send: () => Promise<EndAnswer>): Promise<EndAnswer> {
    const state = this.#state;
    if (state.kind === "released") return state.answer;
    this.#observer?.onEnd?.(undefined);
    this.#origin?.conclude();
    const answer = state.kind === "lost" ? releaseLost(this.#blob, this, state.error) : send();
    this.#state = { kind: "released", answer };
    return answer;
  }
}

function expiredError(key: string, sent: Stopwatch, state: LeaseStatus): LockLostError {
  const failure = state.kind === "held" ? state.failure : undefined;
  const { elapsedMs, suspended } = sent.read();
  const how = suspended
    ? "the machine slept, and no renewal was answered since"
    : `no renewal was answered for ${Math.round(elapsedMs)} ms`;
  return new LockLostError(key, "expired", how, failure === undefined ? {} : { cause: failure });
}

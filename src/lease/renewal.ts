import { LazySignal, unlessAborted } from "../abort.ts";
import { Stopwatch, type Timer } from "../clock.ts";
import { LockLostError, NotHeldError } from "../errors.ts";
import type { LeaseTerms } from "../options.ts";
import { inRootContext } from "../root-context.ts";
import type { Renewal, Telemetry } from "../telemetry/telemetry.ts";
import type { Granted, LeaseOrigin } from "./acquisition.ts";
import { type SeenBlob, seenNow } from "./fencing.ts";
import type { Stamp } from "./lease-store.ts";
import type { LockBlob } from "./lock-blob.ts";
import { lossBy } from "./refusal.ts";
import { changeLease, type EndAnswer, releaseInBackground, releaseLease } from "./release.ts";
import { type RetryPolicy, retry, retryDelayMs } from "./retry.ts";
import type { StandingLease } from "./standing-lease.ts";
import { type Sleeper, SuspendWatch } from "./suspend-watch.ts";

export interface KeptLeaseOptions {
  readonly origin: LeaseOrigin;
  readonly granted: Pick<Granted, "leaseId" | "asked" | "etag" | "date">;
  readonly terms: LeaseTerms;
}

type State =
  | { readonly kind: "held" }
  | { readonly kind: "lost"; readonly error: LockLostError }
  | { readonly kind: "released"; readonly answer: Promise<EndAnswer> };

/** Whoever is told what becomes of a lease that is kept. */
export interface LeaseKeeper {
  /** The lease is lost; its signal is about to say so. */
  onLost(error: LockLostError): void;
  /** A renewal was answered, or failed. */
  onRenewal(renewal: Renewal): void;
  /** Sends a renewal. */
  renewing<T>(renew: () => Promise<T>): Promise<T>;
  /** A renewal says that the blob was written since the last answer, with what that had said of it. Never rejects. */
  onWritten(before: SeenBlob): Promise<void>;
}

const HELD: State = Object.freeze({ kind: "held" });

/** Nobody is told; without a reason each controller would make an exception of its own. */
const STOPPED = new Error("the lease is not renewed any more");

/**
 * A lease that is renewed until it is released or lost. Two things run side by side: the renewals, and a deadline that
 * does not care what they are doing. The deadline counts from before the last renewal that was answered.
 */
export class KeptLease implements Sleeper, StandingLease {
  readonly leaseId: string;
  readonly terms: LeaseTerms;
  /** What the last answer under the lease said of its blob, so that the next holder need not ask. */
  seen: SeenBlob;
  readonly #blob: LockBlob;
  /** Undefined if there is nothing to conclude. */
  readonly #origin: LeaseOrigin | undefined;
  readonly #loss = new LazySignal();
  /** Of the renewal that is under way. */
  #stopRenewing: LazySignal | undefined;
  /** Default: nobody. */
  keeper: LeaseKeeper | undefined;
  #paused = false;
  #isStanding = false;
  #state: State = HELD;
  /** Started just before the last request that was granted, and answered in time. */
  #asked: Stopwatch;
  /** Started just before the last request that was granted, however late that was heard of: the lease stands longer than it is good for. */
  #granted: Stopwatch;
  #deadline: Timer | undefined;
  #nextRenewal: Timer | undefined;
  #lapse: Timer | undefined;
  #renewing: Promise<void> | undefined;
  #lastFailure: unknown;

  constructor(blob: LockBlob, { origin, granted, terms }: KeptLeaseOptions) {
    const { leaseId, asked } = granted;
    this.#blob = blob;
    this.#origin = origin.isSettled ? undefined : origin;
    this.leaseId = leaseId;
    this.terms = terms;
    this.seen = seenNow(blob, granted);
    this.#asked = asked;
    this.#granted = asked;
    SuspendWatch.of(blob.clock).add(this, asked);
    blob.renewals.add(terms.renewEveryMs);
    blob.standing.add(this);
    const { elapsedMs } = asked.read();
    this.#armDeadline(elapsedMs);
    // Locks that were taken together are not renewed together.
    this.#planRenewal(elapsedMs, terms.renewEveryMs * (1 - blob.random() / 2));
  }

  get key(): string {
    return this.#blob.key;
  }

  /** The blob's. */
  get name(): string {
    return this.#blob.name;
  }

  get telemetry(): Telemetry {
    return this.#blob.telemetry;
  }

  /** Aborts when the lease is lost; its reason is a `LockLostError`. */
  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  /** How long the lease is good for, in milliseconds, by the clock at this moment; 0 when it is not held. */
  get remainingMs(): number {
    if (this.#state.kind !== "held") return 0;
    const { elapsedMs, suspended } = this.#asked.read();
    return suspended ? 0 : Math.max(0, this.terms.goodForMs - elapsedMs);
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  /**
   * Whether the machine slept, no renewal was answered since, and the deadline has not passed: the lease is neither held nor lost.
   * {@link KeptLease.freshen} waits until it is one of both.
   */
  get isUncertain(): boolean {
    if (this.#state.kind !== "held") return false;
    const { elapsedMs, suspended } = this.#asked.read();
    return suspended && elapsedMs < this.terms.goodForMs;
  }

  /**
   * Why the lease is lost, or undefined while it is held or uncertain, and once it was released. The clock may say so before the
   * signal can.
   */
  get lostBecause(): LockLostError | undefined {
    if (this.#state.kind === "lost") return this.#state.error;
    return this.#state.kind === "held" && this.#overdue ? this.#expired() : undefined;
  }

  /**
   * Waits until the lease is good for at least so long, renewing it if need be. Throws its `LockLostError`, `NotHeldError` if it is
   * not renewed any more, or the signal's reason.
   */
  async ensure(atLeastMs: number, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const lost = this.lostBecause;
      if (lost) throw lost;
      if (this.remainingMs >= atLeastMs) return;
      // No renewal is sent for the lease any more, so there is none to wait for.
      if (!this.#isRenewable) throw new NotHeldError(this.key);
      await unlessAborted(this.#renewNow(), signal);
    }
  }

  /** Waits until so much is left of the lease that a renewal, and another try of it, can fail. Throws as {@link KeptLease.ensure} does. */
  async freshen(signal?: AbortSignal): Promise<void> {
    const { leaseSeconds, goodForMs } = this.terms;
    const longEnoughMs = Math.min((leaseSeconds * 1_000) / 3, goodForMs / 2);
    if (this.remainingMs < longEnoughMs) await this.ensure(longEnoughMs, signal);
  }

  /**
   * Stops renewing and gives the lease back. Called again, it answers the same. A lease that was lost is given back too, in case
   * it still stands: its holder is done now.
   */
  release(): Promise<EndAnswer> {
    if (this.#state.kind === "released") return this.#state.answer;
    const wasLost = this.#state.kind === "lost" ? this.#state.error : undefined;
    this.#stop();
    this.#origin?.conclude();
    const answer = wasLost ? this.#releaseLost(wasLost) : releaseLease(this.#blob, this.leaseId);
    this.#state = { kind: "released", answer };
    return answer;
  }

  async #releaseLost({ why }: LockLostError): Promise<EndAnswer> {
    // A refusal proved that nothing of ours is left to release.
    if (why === "expired" || this.#isStanding) void this.#releaseInBackground();
    return { kind: "refused", why, status: "lost before it was released" };
  }

  /** Somebody was told by the service that the lease is lost, before a renewal was. One that stands all the same is released at the end. */
  learnLoss(error: LockLostError, { stands = false }: { stands?: boolean } = {}): void {
    if (this.#state.kind !== "held") return;
    this.#isStanding = stands;
    this.#lose(error);
  }

  /** Sends no renewal, nor waits for one, until {@link KeptLease.resume}. The deadline stays. */
  pause(): void {
    this.#paused = true;
    this.#nextRenewal?.cancel();
    this.#stopRenewing?.abort(STOPPED);
    this.#stopRenewing = undefined;
  }

  resume(): void {
    this.#paused = false;
    if (this.#state.kind === "held") this.#planRenewal(this.#asked.elapsedMs);
  }

  /**
   * Stops renewing and gives the lease to another id. Any definite answer is the end of it; refused, it was not ours any more,
   * or a first try that went unanswered did it.
   */
  changeTo(leaseId: string): Promise<EndAnswer> {
    if (this.#state.kind !== "held") return this.release();
    this.#stop();
    this.#origin?.conclude();
    const answer = changeLease(this.#blob, this.leaseId, leaseId);
    this.#state = { kind: "released", answer };
    return answer;
  }

  #releaseInBackground(): Promise<void> {
    return inRootContext(() => releaseInBackground(this.#blob, this.leaseId));
  }

  #setTimer(ms: number, callback: () => void): Timer {
    return inRootContext(() => this.#blob.clock.setTimer(ms, callback));
  }

  #armDeadline(elapsedMs: number): void {
    this.#deadline?.cancel();
    this.#deadline = this.#setTimer(this.terms.goodForMs - elapsedMs, () => this.#onDeadline());
  }

  #onDeadline(): void {
    if (this.#putOff()) return;
    // The answer to a renewal may already have arrived and only be waiting for its turn.
    this.#blob.clock.nextTurn(() => {
      if (this.#state.kind === "held" && !this.#putOff()) this.#lose(this.#expired());
    });
  }

  /** Sets the deadline's timer anew, once for several renewals. False if the deadline has passed. */
  #putOff(): boolean {
    const { elapsedMs } = this.#asked;
    if (elapsedMs >= this.terms.goodForMs) return false;
    this.#armDeadline(elapsedMs);
    return true;
  }

  /** @inheritDoc */
  onWake(): void {
    // The deadline's timer slept too, and would come too late by as much.
    const { elapsedMs } = this.#asked;
    this.#armDeadline(elapsedMs);
    if (elapsedMs < this.terms.goodForMs) void this.#renewNow();
  }

  /** Whether the deadline has passed. An answer on its way may still move it; nothing new is sent for it. */
  get #overdue(): boolean {
    return this.#asked.elapsedMs >= this.terms.goodForMs;
  }

  #expired(): LockLostError {
    const how = this.#asked.suspended
      ? "the machine slept, and no renewal was answered since"
      : `no renewal was answered for ${Math.round(this.#asked.elapsedMs)} ms`;
    return new LockLostError(this.#blob.key, "expired", how, this.#lastFailure === undefined ? {} : { cause: this.#lastFailure });
  }

  #lose(error: LockLostError): void {
    this.#stop();
    this.#state = { kind: "lost", error };
    this.#blob.log(error.message);
    if (error.why === "expired") this.#releaseWhenLapsed();
    this.keeper?.onLost(error);
    this.#loss.abort(error);
  }

  /** A renewal that arrives late would hold the lease for nobody. While the work may still be stopping, it is left alone. */
  #releaseWhenLapsed(): void {
    const lapsesInMs = this.terms.leaseSeconds * 1_000 - this.#granted.elapsedMs;
    this.#lapse = this.#setTimer(lapsesInMs, () => void this.#releaseInBackground());
  }

  #stop(): void {
    if (this.#state.kind === "held") this.#blob.renewals.remove(this.terms.renewEveryMs);
    this.#blob.standing.delete(this);
    this.#deadline?.cancel();
    this.#nextRenewal?.cancel();
    this.#lapse?.cancel();
    SuspendWatch.of(this.#blob.clock).remove(this);
    this.#stopRenewing?.abort(STOPPED);
  }

  #planRenewal(elapsedMs: number, everyMs: number = this.terms.renewEveryMs): void {
    this.#nextRenewal?.cancel();
    this.#nextRenewal = this.#setTimer(Math.max(0, everyMs - elapsedMs), () => void this.#renewNow());
  }

  /** Renews until a renewal was answered in time, or the lease is overdue, lost or released. Never rejects. */
  #renewNow(): Promise<void> {
    this.#renewing ??= inRootContext(() => this.#renew()).finally(() => {
      this.#renewing = undefined;
      this.#stopRenewing = undefined;
    });
    return this.#renewing;
  }

  get #stopping(): LazySignal {
    this.#stopRenewing ??= new LazySignal();
    return this.#stopRenewing;
  }

  async #renew(): Promise<void> {
    const { random, log, key } = this.#blob;
    const policy: RetryPolicy<unknown> = {
      signal: this.#stopping,
      keepAlive: false,
      isRepeated: () => this.#state.kind === "held" && !this.#paused,
      failed: (error, failures) => {
        this.#lastFailure = error;
        const msLeft = this.remainingMs;
        log(`renewal of "${key}" failed, ${Math.round(msLeft)} ms left: ${String(error)}`);
        this.#tell({ kind: "failed", error, msLeft, attempt: failures });
        return retryDelayMs(failures, random);
      },
    };
    await retry(this.#blob, (failures) => this.#renewOnce(failures > 0), policy).catch(() => undefined);
  }

  #tell(renewal: Renewal): void {
    this.#blob.telemetry.renewal(renewal);
    this.keeper?.onRenewal(renewal);
  }

  get #isRenewable(): boolean {
    return this.#state.kind === "held" && !this.#overdue && !this.#paused;
  }

  /** Resolves when the lease is settled for now: renewed in time, lost, or not to be renewed any more. 0 when it is late. */
  async #renewOnce(hasFailed: boolean): Promise<true | 0> {
    if (!this.#isRenewable) return true;
    const { key, clock, renewals } = this.#blob;
    const { goodForMs } = this.terms;
    const turn = { hasFailed, leftMs: () => this.remainingMs, isWanted: () => this.#isRenewable };
    const renewal = await renewals.run(turn, async () => {
      const { seen } = this;
      const asked = new Stopwatch(clock);
      const send = () => this.#blob.renew(this.leaseId, { signal: this.#stopping });
      const answer = await (this.keeper ? this.keeper.renewing(send) : send());
      return { answer, asked, seen };
    });
    if (!renewal || this.#state.kind !== "held") return true;
    const { answer, asked, seen } = renewal;
    const { elapsedMs, suspended } = asked.read();
    // An answer that comes after its own deadline proves nothing any more.
    const isLate = suspended || elapsedMs >= goodForMs;
    const kind = isLate && answer.kind === "renewed" ? "late" : answer.kind;
    this.#tell({ kind, tookMs: elapsedMs, msLeft: this.remainingMs });
    if (answer.kind === "refused") {
      this.#lose(lossBy(answer, key, "renewal"));
      return true;
    }
    this.#granted = asked;
    this.#sees(answer, seen);
    if (isLate) return 0;
    this.#asked = asked;
    this.#lastFailure = undefined;
    this.#planRenewal(elapsedMs);
    return true;
  }

  #sees(stamp: Stamp, before: SeenBlob): void {
    // What was written under the lease meanwhile is known better already.
    if (this.seen !== before || stamp.etag === before.etag) return;
    this.seen = seenNow(this.#blob, stamp);
    void this.keeper?.onWritten(before);
  }
}

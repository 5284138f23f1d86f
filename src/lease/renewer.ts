import { type LockLostError, NotHeldError } from "../errors.ts";
import type { LeaseObserver, Renewal } from "../telemetry/lease-observer.ts";
import { LazySignal, unlessAborted } from "../time/abort.ts";
import type { Timer } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";
import { Deadline } from "./deadline.ts";
import { Lease, type LeaseOptions } from "./lease.ts";
import type { LockBlob } from "./lock-blob.ts";
import { renew } from "./renewal.ts";
import { type Sleeper, SuspendWatch } from "./suspend-watch.ts";
import type { LeaseTerms } from "./terms.ts";

/** Shared reason of aborts. Passing it avoids an exception for each controller. */
const RENEWAL_STOPPED = new Error("the lease is not renewed any more");

/**
 * Keeps a lease alive until it is released or lost. Two things run side by side: the renewals, and a deadline that does
 * not wait for them. Tells the holder of the lease, one after the other, what happens to it.
 */
export class Renewer implements Sleeper, LeaseObserver {
  readonly lease: Lease;
  readonly terms: LeaseTerms;
  readonly #blob: LockBlob;
  readonly #deadline: Deadline;
  #holder: LeaseObserver | undefined;
  #isPaused = false;
  #timer: Timer | undefined;
  #renewing: Promise<void> | undefined;
  /** Aborts the renewal that is under way. */
  #stopRenewing: LazySignal | undefined;

  /** Begins to renew a lease that was just granted. */
  constructor(blob: LockBlob, { origin, granted, terms }: LeaseOptions & { readonly terms: LeaseTerms }) {
    this.lease = new Lease(blob, { origin, granted, terms });
    this.terms = terms;
    this.#blob = blob;
    this.#deadline = new Deadline(blob, this.lease);
    this.lease.observedBy(this);
    SuspendWatch.of(blob.clock).add(this, granted.asked);
    blob.renewals.add(terms.renewEveryMs);
    blob.standing.add(this.lease);
    const { elapsedMs } = this.lease;
    this.#deadline.set(elapsedMs);
    // Locks that were taken together are not renewed together.
    this.#planRenewal(elapsedMs, terms.renewEveryMs * (1 - blob.random() / 2));
  }

  /** Whether a renewal is to be sent, if one is due. */
  get isWanted(): boolean {
    return this.lease.isOpen && !this.lease.isOverdue && !this.#isPaused;
  }

  /** Aborts when renewals stop, for a while or for good. */
  get stopping(): LazySignal {
    this.#stopRenewing ??= new LazySignal();
    return this.#stopRenewing;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** From here on this holder is told of what happens to the lease, and no other. */
  heldBy(holder: LeaseObserver | undefined): void {
    this.#holder = holder;
  }

  /**
   * Waits until the lease is good for at least so long, renewing it if need be. Throws its `LockLostError`,
   * `NotHeldError` if it is not renewed any more, or the signal's reason.
   */
  async ensure(atLeastMs: number, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const lost = this.lease.lostBecause;
      if (lost) throw lost;
      if (this.lease.remainingMs >= atLeastMs) return;
      // No renewal is sent for the lease any more, so there is none to wait for.
      if (!this.isWanted) throw new NotHeldError(this.#blob.key);
      await unlessAborted(this.#renewNow(), signal);
    }
  }

  /**
   * Waits until so much is left of the lease that a renewal, and another try of it, can fail. Throws as {@link
   * Renewer.ensure} does.
   */
  async freshen(signal?: AbortSignal): Promise<void> {
    const { leaseSeconds, goodForMs } = this.terms;
    const longEnoughMs = Math.min((leaseSeconds * 1_000) / 3, goodForMs / 2);
    if (this.lease.remainingMs < longEnoughMs) await this.ensure(longEnoughMs, signal);
  }

  /** Sends no renewal, nor waits for one, until {@link Renewer.resume}. The deadline stays. */
  pause(): void {
    this.#isPaused = true;
    this.#stopNow();
    this.#stopRenewing = undefined;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.lease.isOpen) this.#planRenewal(this.lease.elapsedMs);
  }

  /** The deadline's timer slept as well, and would come too late by as much. @inheritDoc */
  onWake(): void {
    this.#deadline.set(this.lease.elapsedMs);
    if (!this.lease.isOverdue) void this.#renewNow();
  }

  /** @inheritDoc */
  renewing<T>(send: () => Promise<T>): Promise<T> {
    return this.#holder?.renewing ? this.#holder.renewing(send) : send();
  }

  /** @inheritDoc */
  onRenewal(renewal: Renewal): void {
    this.#blob.telemetry.onRenewal(renewal);
    this.#holder?.onRenewal?.(renewal);
    if (renewal.kind !== "renewed") return;
    this.#blob.standing.renewed(this.lease);
    this.#planRenewal(renewal.tookMs);
  }

  /** @inheritDoc */
  async onWritten(): Promise<void> {
    await this.#holder?.onWritten?.();
  }

  /** @inheritDoc */
  onEnd(lost: LockLostError | undefined): void {
    if (this.#blob.standing.delete(this.lease)) this.#blob.renewals.remove(this.terms.renewEveryMs);
    SuspendWatch.of(this.#blob.clock).remove(this);
    this.#deadline.cancel();
    this.#stopNow();
    if (!lost) return;
    this.#blob.log(lost.message);
    if (this.lease.mayStand) this.#deadline.releaseWhenLapsed();
    this.#holder?.onEnd?.(lost);
  }

  #stopNow(): void {
    this.#timer?.cancel();
    this.#stopRenewing?.abort(RENEWAL_STOPPED);
  }

  /** P15: a third of the lease after the last renewal was sent. */
  #planRenewal(elapsedMs: number, everyMs: number = this.terms.renewEveryMs): void {
    this.#timer?.cancel();
    const renew = (): void => void this.#renewNow();
    this.#timer = inRootContext(() => this.#blob.clock.setTimer(Math.max(0, everyMs - elapsedMs), renew));
  }

  /** Renews until a renewal was answered in time, or the lease is overdue, lost or released. Never rejects. */
  #renewNow(): Promise<void> {
    this.#renewing ??= inRootContext(() => renew(this.#blob, this.lease, this)).finally(() => {
      this.#renewing = undefined;
      this.#stopRenewing = undefined;
    });
    return this.#renewing;
  }
}

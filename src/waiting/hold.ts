import { LockLostError, type LossReason, NotHeldError } from "../errors.ts";
import { HeldOnLeases } from "../lease/held-on-leases.ts";
import type { Lease } from "../lease/lease.ts";
import type { LeaseObserver, Renewal } from "../telemetry/lease-observer.ts";
import { LazySignal } from "../time/abort.ts";
import type { HandOver, HoldEnd } from "./hand-over.ts";
import type { HandedTo, Held } from "./held.ts";
import type { QueueHead } from "./local-queue.ts";
import { lossAtEnd } from "./loss-at-end.ts";
import type { ProcessLease } from "./process-lease.ts";

export interface HoldOptions {
  readonly lease: ProcessLease;
  readonly head: QueueHead<ProcessLease>;
  readonly token: number | undefined;
  /** Says who gets the lock next. */
  readonly handOver: HandOver;
}

type HoldStatus =
  | { readonly kind: "held" }
  | { readonly kind: "lost"; readonly error: LockLostError }
  | { readonly kind: "ended"; readonly lost: Promise<LockLostError | undefined> };

const HELD_HOLD: HoldStatus = Object.freeze({ kind: "held" });

/** One task's part of a lease. What happens to the lease after the hold has ended does not change the hold. */
export class Hold extends HeldOnLeases implements Held, LeaseObserver {
  readonly token: number | undefined;
  readonly #lease: ProcessLease;
  readonly #head: QueueHead<ProcessLease>;
  readonly #handOver: HandOver;
  readonly #loss: LazySignal = new LazySignal();
  #state: HoldStatus = HELD_HOLD;
  #observer: LeaseObserver | undefined;
  #handedTo: HandedTo | undefined;
  /** The lease id that was read, if one was. */
  #idGivenOut: string | undefined;
  #beforeNext: (() => Promise<void>) | undefined;

  constructor({ lease, head, token, handOver }: HoldOptions) {
    super([lease.renewer.lease]);
    this.#lease = lease;
    this.#head = head;
    this.#handOver = handOver;
    this.token = token;
    lease.renewer.heldBy(this);
  }

  get key(): string {
    return this.#lease.blob.key;
  }

  /** The state of the whole lease. */
  get lease(): Lease {
    return this.#lease.renewer.lease;
  }

  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  get ended(): boolean {
    return this.#state.kind === "ended";
  }

  get handedTo(): HandedTo | undefined {
    return this.#handedTo;
  }

  /** @inheritDoc */
  observedBy(observer: LeaseObserver): void {
    this.#observer = observer;
  }

  /** @inheritDoc */
  onRenewal(renewal: Renewal): void {
    this.#observer?.onRenewal?.(renewal);
  }

  /** @inheritDoc */
  renewing<T>(send: () => Promise<T>): Promise<T> {
    return this.#observer?.renewing ? this.#observer.renewing(send) : send();
  }

  /** The next task in line may try for another lease; the work under a lost one may still be stopping. @inheritDoc */
  onEnd(lost: LockLostError | undefined): void {
    if (!lost || this.#state.kind !== "held") return;
    this.#state = { kind: "lost", error: lost };
    this.#loss.abort(lost);
    this.#head.leave();
  }

  /**
   * Either the holder wrote its own blob, or the lease was broken, other processes have held the lock, and a late
   * request or a hand-over brought the lease back under its old id: it stands, and the token is too low.
   */
  async onWritten(): Promise<void> {
    if (this.token === undefined) return;
    // P18: the ETag of a renewal's answer has changed.
    if (!(await this.#lease.tokens.areOvertaken(this.#lease.blob))) return;
    const lost = new LockLostError(this.key, "taken", "others have held it since, and have given it back");
    this.lease.lose(lost, { stands: true });
  }

  /**
   * The lease id, which may be on its way in a write of the holder's from now on: the lease is not handed on under it.
   * Asked for first when the hold has ended, it is an id that no lease has: the real one may be another task's.
   */
  giveOutId(): string {
    this.#idGivenOut ??= this.ended ? this.#lease.blob.newId() : this.lease.leaseId;
    return this.#idGivenOut;
  }

  /** Renews the lease no more: it lapses by itself, as its deadline says. */
  letLapse(): void {
    if (this.#state.kind === "held") this.#lease.renewer.pause();
  }

  /** Renews the lease again, unless it has lapsed by now. */
  keep(): void {
    if (this.#state.kind === "held" && this.#lease.renewer.isPaused) this.#lease.renewer.resume();
  }

  /** @inheritDoc */
  lose(why: LossReason, how: string): void {
    if (this.#state.kind !== "held" || this.lostBecause) return;
    this.lease.lose(new LockLostError(this.key, why, how), { stands: true });
  }

  /** Runs this once the hold has ended, before the next holder gets the lock. Must not reject. */
  beforeNext(run: () => Promise<void>): void {
    this.#beforeNext = run;
  }

  /** Renews the lease if little of it is left, or if it is uncertain. Throws as {@link Renewer.ensure} does. */
  async freshen(signal: AbortSignal | undefined): Promise<void> {
    this.throwIfEnded();
    await this.#lease.renewer.freshen(signal);
    // The lease may be another task's by now.
    this.throwIfEnded();
  }

  /** Throws if it has ended: `MutexClosedError` while the mutex releases everything, or `NotHeldError`. */
  throwIfEnded(): void {
    if (!this.ended) return;
    this.#lease.blob.closing.signal.throwIfAborted();
    throw new NotHeldError(this.key, "it was released while more was waited for");
  }

  /** Ends it without its holder: the signal aborts, and {@link Hold.end} says why. Rejects as that does. */
  async revoke(): Promise<undefined> {
    const isHeld = this.#state.kind === "held";
    const ending = this.end();
    if (isHeld) {
      const error = new LockLostError(this.key, "released", "this process released it while its holder worked on");
      const lost = ending.catch(() => error).then((before) => before ?? error);
      this.#state = { kind: "ended", lost };
      this.#loss.abort(error);
    }
    await ending;
    return undefined;
  }

  /** Hands the lock to the next task in line, or gives the lease back. */
  end(): Promise<LockLostError | undefined> {
    // P21: a second release does nothing to a later hold.
    if (this.#state.kind === "ended") return this.#state.lost;
    const declared = this.#state.kind === "lost" ? this.#state.error : undefined;
    // Lost by the clock, and not declared yet.
    const overdue = declared ? undefined : this.lostBecause;
    const ending = declared || overdue ? this.lease.release().finally(() => this.#head.leave()) : this.#passOn();
    const handedOver = (to: HandedTo | undefined): void => {
      this.#handedTo = to;
    };
    const lost = lossAtEnd(this.key, { ending, declared, overdue, handedOver });
    this.#state = { kind: "ended", lost };
    return lost;
  }

  #passOn(): Promise<HoldEnd> {
    // To hand it on it may have to be renewed first.
    if (this.#lease.renewer.isPaused) this.#lease.renewer.resume();
    const passOn = () => this.#handOver.end(this.#lease, this.#head, this.#idGivenOut !== undefined);
    return this.#beforeNext ? this.#beforeNext().then(passOn) : passOn();
  }
}

/** Whether a hold is held once it was freshened. Throws as {@link Hold.throwIfEnded} does, or the signal's reason. */
export async function confirmHeld(hold: Hold, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await hold.freshen(signal);
  } catch (error) {
    if (signal?.aborted || !hold.lostBecause) throw error;
  }
  return hold.isHeld;
}

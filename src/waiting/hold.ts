import { LazySignal } from "../abort.ts";
import { LockLostError, NotHeldError } from "../errors.ts";
import { HeldOnLeases } from "../lease/held-on-leases.ts";
import type { LastStamp } from "../lease/last-stamp.ts";
import { lossBy } from "../lease/refusal.ts";
import type { LeaseObserver, Renewal } from "../telemetry/lease-observer.ts";
import type { HandOver, HoldEnd } from "./hand-over.ts";
import type { HandedTo, Held } from "./held.ts";
import type { QueueHead } from "./local-queue.ts";
import type { ProcessLease } from "./process-lease.ts";

export interface HoldOptions {
  readonly lease: ProcessLease;
  readonly head: QueueHead<ProcessLease>;
  readonly token: number | undefined;
  /** Says who gets the lock next. */
  readonly handOver: HandOver;
}

type State =
  | { readonly kind: "held" }
  | { readonly kind: "lost"; readonly error: LockLostError }
  | { readonly kind: "ended"; readonly lost: Promise<LockLostError | undefined> };

const HELD: State = Object.freeze({ kind: "held" });

/** One task's part of a lease. What happens to the lease after the hold has ended is no concern of it. */
export class Hold extends HeldOnLeases implements Held, LeaseObserver {
  readonly token: number | undefined;
  readonly #lease: ProcessLease;
  readonly #head: QueueHead<ProcessLease>;
  readonly #handOver: HandOver;
  readonly #loss: LazySignal = new LazySignal();
  #state: State = HELD;
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

  get leaseId(): string {
    return this.#lease.renewer.lease.leaseId;
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

  /** What is known of the blob. */
  get lastStamp(): LastStamp {
    return this.#lease.renewer.lease.lastStamp;
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

  /** The lease is lost. The next task in line may try for another; the work under this one may still be stopping. @inheritDoc */
  onEnd(lost: LockLostError | undefined): void {
    if (!lost || this.#state.kind !== "held") return;
    this.#state = { kind: "lost", error: lost };
    this.#loss.abort(lost);
    this.#head.leave();
  }

  /**
   * The holder may have written its blob. Or others have had the lock, after the lease was broken, and a late request or a
   * hand-over brought it back under its old id: it stands, and the token is too low.
   */
  async onWritten(): Promise<void> {
    if (this.token === undefined) return;
    const { blob, tokens, renewer } = this.#lease;
    if (!(await tokens.areOvertaken(blob))) return;
    const lost = new LockLostError(this.key, "taken", "others have held it since, and have given it back");
    renewer.lease.lose(lost, { stands: true });
  }

  /**
   * The lease id, which may be on its way in a write of the holder's from now on: the lease is not handed to another task under it.
   * Asked for the first time when the hold has ended, it is an id that no lease has. The real one may be another task's by then.
   */
  giveOutId(): string {
    this.#idGivenOut ??= this.ended ? this.#lease.blob.newId() : this.leaseId;
    return this.#idGivenOut;
  }

  /** The holder wrote the blob. */
  wrote(stamp: LastStamp): void {
    this.#lease.renewer.lease.wrote(stamp);
  }

  /** The service has said that the lease is lost. */
  lose(error: LockLostError): void {
    this.#lease.renewer.lease.lose(error);
  }

  /** Renews the lease no more: it lapses by itself, as its deadline says. */
  letLapse(): void {
    if (this.#state.kind === "held") this.#lease.renewer.pause();
  }

  /** What is to be done once the lock is not held any more and before the next one gets it. Must not reject. */
  beforeNext(run: () => Promise<void>): void {
    this.#beforeNext = run;
  }

  /**
   * Renews the lease if little of it is left, or if it is uncertain. Throws its `LockLostError`, `NotHeldError` if the hold has ended,
   * or the signal's reason.
   */
  async freshen(signal: AbortSignal | undefined): Promise<void> {
    this.throwIfEnded();
    await this.#lease.renewer.freshen(signal);
    // The lease may be another task's by now.
    this.throwIfEnded();
  }

  /** Whether it is held once {@link Hold.freshen} is done. Throws as {@link Hold.throwIfEnded}, or the signal's reason. */
  async confirm(signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.freshen(signal);
    } catch (error) {
      if (signal?.aborted || !this.lostBecause) throw error;
    }
    return this.isHeld;
  }

  /** Throws if it has ended: `MutexClosedError` while the mutex releases everything, or `NotHeldError`. */
  throwIfEnded(): void {
    if (!this.ended) return;
    this.#lease.blob.closing.signal.throwIfAborted();
    throw new NotHeldError(this.key, "it was released while more was waited for");
  }

  /**
   * Ends it without its holder. The signal aborts, and the holder's own {@link Hold.end} says that it was released under the work.
   * Rejects as that does.
   */
  async revoke(): Promise<undefined> {
    const isHeld = this.#state.kind === "held";
    const ending = this.end();
    if (isHeld) {
      const error = new LockLostError(this.key, "released", "this process released it while its holder worked on");
      const lost = ending.then(
        (before) => before ?? error,
        () => error,
      );
      this.#state = { kind: "ended", lost };
      this.#loss.abort(error);
    }
    await ending;
    return undefined;
  }

  /** Hands the lock to the next task in line, or gives the lease back. */
  end(): Promise<LockLostError | undefined> {
    if (this.#state.kind === "ended") return this.#state.lost;
    const declared = this.#state.kind === "lost" ? this.#state.error : undefined;
    // Lost by the clock, and not declared yet.
    const overdue = declared ? undefined : this.lostBecause;
    const ending = declared || overdue ? this.#giveBack() : this.#passOn();
    const lost = this.#lostAt(ending, declared, overdue);
    this.#state = { kind: "ended", lost };
    return lost;
  }

  async #lostAt(
    ending: Promise<HoldEnd>,
    declared: LockLostError | undefined,
    overdue: LockLostError | undefined,
  ): Promise<LockLostError | undefined> {
    try {
      const answer = await ending;
      this.#handedTo = answer.handedTo;
      if (declared) return declared;
      // The release came after the deadline. Its answer shows that no other holder was in between; an assumed release shows nothing.
      if (answer.kind === "released") return "isAssumed" in answer ? overdue : undefined;
      const refused = lossBy(answer, this.key, "release");
      if (!overdue) return refused;
      overdue.cause ??= refused;
      return overdue;
    } catch (error) {
      const lost = declared ?? overdue;
      if (lost) return lost;
      throw error;
    }
  }

  #passOn(): Promise<HoldEnd> {
    const { renewer } = this.#lease;
    // To hand it on it may have to be renewed first.
    if (renewer.isPaused) renewer.resume();
    const passOn = () => this.#handOver.end(this.#lease, this.#head, this.#idGivenOut !== undefined);
    return this.#beforeNext ? this.#beforeNext().then(passOn) : passOn();
  }

  #giveBack(): Promise<HoldEnd> {
    return this.#lease.renewer.lease.release().finally(() => this.#head.leave());
  }
}

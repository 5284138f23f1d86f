import { LazySignal } from "../abort.ts";
import { LockLostError, NotHeldError } from "../errors.ts";
import type { FencingTokens, SeenBlob } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { lossBy } from "../lease/refusal.ts";
import type { EndAnswer } from "../lease/release.ts";
import type { KeptLease, LeaseKeeper } from "../lease/renewal.ts";
import type { LockEvents } from "../telemetry/lock-events.ts";
import type { Renewal } from "../telemetry/telemetry.ts";
import type { Turn } from "./local-queue.ts";
import type { Share } from "./share.ts";

/** Who holds the lock next. */
export interface Succession {
  /** Hands a lease that is held to the next task of this process, or to another process, or gives it back; and leaves the turn. */
  end(lease: LocalLease, turn: Turn<LocalLease>, idGivenOut: boolean): Promise<EndAnswer>;
}

export interface LocalLeaseOptions {
  readonly kept: KeptLease;
  readonly share: Share;
  /** Default: there was none. */
  readonly ticketGone?: Promise<void> | undefined;
  readonly blob: LockBlob;
  /** Those of the blob's key. */
  readonly tokens: FencingTokens;
}

/** A lease that the tasks of this process hold, one after the other, while the service sees one holder. */
export class LocalLease implements LeaseKeeper {
  readonly kept: KeptLease;
  readonly share: Share;
  /** Resolves when the ticket that won it is certain to be gone. */
  readonly ticketGone: Promise<void> | undefined;
  readonly #blob: LockBlob;
  readonly #tokens: FencingTokens;
  #holder: Hold | undefined;
  #onArrival: (() => void) | undefined;

  constructor({ kept, share, ticketGone, blob, tokens }: LocalLeaseOptions) {
    this.kept = kept;
    this.share = share;
    this.ticketGone = ticketGone;
    this.#blob = blob;
    this.#tokens = tokens;
    kept.keeper = this;
  }

  /** Aborts when the mutex releases everything. */
  get closing(): AbortSignal {
    return this.#blob.closing.signal;
  }

  onLost(error: LockLostError): void {
    this.#holder?.lose(error);
  }

  onRenewal(renewal: Renewal): void {
    this.#holder?.observer?.renewal(renewal);
  }

  renewing<T>(renew: () => Promise<T>): Promise<T> {
    const observer = this.#holder?.observer;
    return observer ? observer.renewing(renew) : renew();
  }

  /** An id that no lease has. */
  newId(): string {
    return this.#blob.newId();
  }

  /** Makes a task the holder, until its hold ends. */
  holdBy(turn: Turn<LocalLease>, token: number | undefined, succession: Succession): Hold {
    this.#holder = new Hold(this, turn, token, succession);
    this.#onArrival?.();
    this.#onArrival = undefined;
    return this.#holder;
  }

  /** Hands the lease to the next task in line, if there is one that can take it. It then is that task's, from this moment on. */
  passBy(turn: Turn<LocalLease>): boolean {
    const holder = this.#holder;
    this.#holder = undefined;
    this.#onArrival = this.kept.telemetry.handsOver();
    const isPassed = turn.pass(this);
    if (isPassed && holder) holder.handedTo = "task";
    return isPassed;
  }

  /** Gives the lease to another process, under the id that it will know it by. */
  changeTo(leaseId: string): Promise<EndAnswer> {
    if (this.#holder) this.#holder.handedTo = "process";
    return this.kept.changeTo(leaseId);
  }

  /**
   * The holder may have written its blob. Or others have had the lock, after somebody broke the lease, and a late request or a
   * hand-over brought it back under its old id: it stands, and the token is too low.
   */
  async onWritten(before: SeenBlob): Promise<void> {
    const { kept } = this;
    const { seen, key } = kept;
    if (this.#holder?.token === undefined) return;
    try {
      if (await this.#tokens.areOvertaken(this.#blob))
        kept.learnLoss(new LockLostError(key, "taken", "others have held it since, and have given it back"), { stands: true });
    } catch {
      // To be looked at again at the next renewal.
      if (kept.seen === seen) kept.seen = before;
    }
  }
}

type HandedTo = LockEvents["handedOver"]["to"];

/** Sees the renewals of a lease. */
export interface RenewalObserver {
  /** Called when a renewal was answered, or failed. */
  renewal(renewal: Renewal): void;
  /** Runs the function that sends a renewal. */
  renewing<T>(renew: () => Promise<T>): Promise<T>;
}

/** The time for which somebody holds something: a lease, a part of one, or several. */
export interface Tenure {
  /** Aborts when it is lost; its reason is a `LockLostError`. */
  readonly signal: AbortSignal;
  /** For how long it is certain to last, in milliseconds, by the clock at this moment; 0 when it is lost or has ended. */
  readonly remainingMs: number;
  readonly isHeld: boolean;
  /** Whether the machine slept and no renewal was answered since: it is neither held nor lost. */
  readonly isUncertain: boolean;
  /** Why it is lost, or undefined while it is not or once it has ended. The clock may say so before the signal can. */
  readonly lostBecause: LockLostError | undefined;
  readonly ended: boolean;
  /** Default: there is none. */
  readonly token?: number | undefined;
  /** To whom it was handed as it ended. Default: to nobody. */
  readonly handedTo?: HandedTo | undefined;
  /** Sees the renewals of its lease. Default: they are not seen. */
  observer?: RenewalObserver | undefined;
  /**
   * Ends it. Resolves with the error if it was lost before that; rejects if the service could not be told. Called again, it
   * answers the same.
   */
  end(): Promise<LockLostError | undefined>;
}

/**
 * Ends what nobody waits for any more, or whose end changes nothing about the work: a failure goes to the log. Resolves with the
 * error if it was lost before. Never rejects.
 */
export async function endQuietly(
  tenure: Pick<Tenure, "end">,
  log: (message: string) => void,
  what: string,
): Promise<LockLostError | undefined> {
  try {
    return await tenure.end();
  } catch (error) {
    log(`${what} could not be released and lapses by itself: ${String(error)}`);
    return undefined;
  }
}

type State =
  | { readonly kind: "held" }
  | { readonly kind: "lost"; readonly error: LockLostError }
  | { readonly kind: "ended"; readonly lost: Promise<LockLostError | undefined> };

const HELD: State = Object.freeze({ kind: "held" });

/** One task's part of a lease: what happens to the lease after the hold has ended is nobody's business here. */
export class Hold implements Tenure {
  readonly token: number | undefined;
  handedTo: HandedTo | undefined;
  observer: RenewalObserver | undefined;
  readonly #lease: LocalLease;
  readonly #turn: Turn<LocalLease>;
  readonly #succession: Succession;
  #state: State = HELD;
  readonly #loss = new LazySignal();
  /** The lease id that was read, if one was. */
  #idGivenOut: string | undefined;
  #isLapsing = false;
  #farewell: (() => Promise<void>) | undefined;

  constructor(lease: LocalLease, turn: Turn<LocalLease>, token: number | undefined, succession: Succession) {
    this.#lease = lease;
    this.#turn = turn;
    this.#succession = succession;
    this.token = token;
  }

  get key(): string {
    return this.#lease.kept.key;
  }

  get leaseId(): string {
    return this.#lease.kept.leaseId;
  }

  get signal(): AbortSignal {
    return this.#loss.signal;
  }

  get remainingMs(): number {
    return this.#state.kind === "held" ? this.#lease.kept.remainingMs : 0;
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  get isUncertain(): boolean {
    return this.#state.kind === "held" && this.#lease.kept.isUncertain;
  }

  get lostBecause(): LockLostError | undefined {
    if (this.#state.kind === "lost") return this.#state.error;
    return this.#state.kind === "held" ? this.#lease.kept.lostBecause : undefined;
  }

  get ended(): boolean {
    return this.#state.kind === "ended";
  }

  /**
   * The lease id, which may be on its way in a write of the holder's from now on: the lease is not handed to another task under it.
   * Asked for the first time when the hold has ended, it is an id that no lease has. The real one may be another task's by then.
   */
  giveOutId(): string {
    this.#idGivenOut ??= this.ended ? this.#lease.newId() : this.leaseId;
    return this.#idGivenOut;
  }

  /** The lease is lost. The next task in line may try for another; the work under this one may still be stopping. */
  lose(error: LockLostError): void {
    if (this.#state.kind !== "held") return;
    this.#state = { kind: "lost", error };
    this.#loss.abort(error);
    this.#turn.leave();
  }

  /** What is known of the blob. */
  get seen(): SeenBlob {
    return this.#lease.kept.seen;
  }

  set seen(seen: SeenBlob) {
    this.#lease.kept.seen = seen;
  }

  /** Somebody was told by the service that the lease is lost. */
  learnLoss(error: LockLostError): void {
    this.#lease.kept.learnLoss(error);
  }

  /** Nobody renews the lease any more: it lapses by itself, as its deadline says. */
  letLapse(): void {
    if (this.#state.kind !== "held") return;
    this.#isLapsing = true;
    this.#lease.kept.pause();
  }

  /** What is to be done once the lock is not held any more and before the next one gets it. Must not reject. */
  beforeNext(farewell: () => Promise<void>): void {
    this.#farewell = farewell;
  }

  /**
   * Renews the lease if little of it is left, or if it is uncertain. Throws its `LockLostError`, `NotHeldError` if the hold has ended,
   * or the signal's reason.
   */
  async freshen(signal: AbortSignal | undefined): Promise<void> {
    this.throwIfEnded();
    await this.#lease.kept.freshen(signal);
    // The lease may be another task's by now.
    this.throwIfEnded();
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
      this.#state = {
        kind: "ended",
        lost: ending.then(
          (lost) => lost ?? error,
          () => error,
        ),
      };
      this.#loss.abort(error);
    }
    await ending;
    return undefined;
  }

  /** Hands the lock to the next task in line, or gives the lease back. */
  end(): Promise<LockLostError | undefined> {
    if (this.#state.kind === "ended") return this.#state.lost;
    const declared = this.#state.kind === "lost" ? this.#state.error : undefined;
    // Lost by the clock, and nobody has said so yet.
    const overdue = declared ? undefined : this.lostBecause;
    const answer = declared || overdue ? this.#giveBack() : this.#passOn();
    const lost = this.#lostAt(answer, declared, overdue);
    this.#state = { kind: "ended", lost };
    return lost;
  }

  async #lostAt(
    ending: Promise<EndAnswer>,
    declared: LockLostError | undefined,
    overdue: LockLostError | undefined,
  ): Promise<LockLostError | undefined> {
    try {
      const answer = await ending;
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
    this.#lease.closing.throwIfAborted();
    throw new NotHeldError(this.key, "it was released while more was waited for");
  }

  #passOn(): Promise<EndAnswer> {
    // Whoever hands it on may have to renew it first.
    if (this.#isLapsing) this.#lease.kept.resume();
    const isIdGivenOut = this.#idGivenOut !== undefined;
    const passOn = () => this.#succession.end(this.#lease, this.#turn, isIdGivenOut);
    return this.#farewell ? this.#farewell().then(passOn) : passOn();
  }

  #giveBack(): Promise<EndAnswer> {
    return this.#lease.kept.release().finally(() => this.#turn.leave());
  }
}

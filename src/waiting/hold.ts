import { onAbort } from "../abort.ts";
import type { Clock } from "../clock.ts";
import type { LockLostError } from "../errors.ts";
import type { SeenBlob } from "../lease/fencing.ts";
import type { ReleaseAnswer } from "../lease/lease-store.ts";
import type { KeptLease } from "../lease/renewal.ts";
import type { Turn } from "./local-queue.ts";

/** Who holds the lock next. */
export interface Succession {
  /** Hands a lease that is held to the next task of this process, or to another process, or gives it back; and leaves the turn. */
  end(lease: LocalLease, turn: Turn<LocalLease>, idGivenOut: boolean): Promise<ReleaseAnswer>;
}

/** A lease that the tasks of this process hold, one after the other, while the service sees one holder. */
export class LocalLease {
  readonly kept: KeptLease;
  /** What is known of the blob, so that the next holder need not ask. */
  seen: SeenBlob;
  /** Resolves when the ticket that won it is certain to be gone. */
  readonly ticketGone: Promise<void>;
  readonly #clock: Clock;
  readonly #since: number;
  #handOvers = 0;
  #holder: Hold | undefined;

  constructor(kept: KeptLease, seen: SeenBlob, clock: Clock, ticketGone: Promise<void> = Promise.resolve()) {
    this.kept = kept;
    this.seen = seen;
    this.ticketGone = ticketGone;
    this.#clock = clock;
    this.#since = clock.now();
    onAbort(kept.signal, () => this.#holder?.lose(kept.signal.reason));
  }

  /** Makes a task the holder, until its hold ends. */
  holdBy(turn: Turn<LocalLease>, token: number | undefined, succession: Succession): Hold {
    this.#holder = new Hold(this, turn, token, succession);
    return this.#holder;
  }

  /** How often it went from one task to the next. */
  get handOvers(): number {
    return this.#handOvers;
  }

  /** How long ago the service granted it, in milliseconds. */
  get ageMs(): number {
    return this.#clock.now() - this.#since;
  }

  /** Hands the lease to the next task in line, if there is one that can take it. It then is that task's, from this moment on. */
  passBy(turn: Turn<LocalLease>): boolean {
    this.#holder = undefined;
    this.#handOvers += 1;
    return turn.pass(this);
  }
}

type State =
  | { readonly kind: "held" }
  | { readonly kind: "lost"; readonly error: LockLostError }
  | { readonly kind: "ended"; readonly answer: Promise<ReleaseAnswer> };

/** One task's part of a lease: what happens to the lease after the hold has ended is nobody's business here. */
export class Hold {
  readonly token: number | undefined;
  readonly #lease: LocalLease;
  readonly #turn: Turn<LocalLease>;
  readonly #succession: Succession;
  #state: State = { kind: "held" };
  #loss: AbortController | undefined;
  #overdue: LockLostError | undefined;
  #idGivenOut = false;

  constructor(lease: LocalLease, turn: Turn<LocalLease>, token: number | undefined, succession: Succession) {
    this.#lease = lease;
    this.#turn = turn;
    this.#succession = succession;
    this.token = token;
  }

  get leaseId(): string {
    return this.#lease.kept.leaseId;
  }

  /** Aborts when the lock is lost during this hold. Made when it is first asked for: most short holds never do. */
  get signal(): AbortSignal {
    this.#loss ??= new AbortController();
    if (this.#state.kind === "lost") this.#loss.abort(this.#state.error);
    return this.#loss.signal;
  }

  get remainingMs(): number {
    return this.#state.kind === "held" ? this.#lease.kept.remainingMs : 0;
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  /** Why the lock is not held, or undefined while it is or once the hold has ended. The clock may say so before the signal can. */
  get lostBecause(): LockLostError | undefined {
    if (this.#state.kind === "lost") return this.#state.error;
    return this.#state.kind === "held" ? this.#lease.kept.lostBecause : undefined;
  }

  /** The loss as it was declared, or undefined. */
  get declaredLoss(): LockLostError | undefined {
    return this.#state.kind === "lost" ? this.#state.error : undefined;
  }

  get ended(): boolean {
    return this.#state.kind === "ended";
  }

  /** By the clock, the lock was not held any more when the hold ended and the lease had to be given back. */
  get overdue(): LockLostError | undefined {
    return this.#overdue;
  }

  /** The lease id may be on its way in a write of the holder's. The lease is not handed to another task under this id. */
  giveOutId(): string {
    this.#idGivenOut = true;
    return this.leaseId;
  }

  /** The lease is lost. The next task in line may try for another; the work under this one may still be stopping. */
  lose(error: LockLostError): void {
    if (this.#state.kind !== "held") return;
    this.#state = { kind: "lost", error };
    this.#loss?.abort(error);
    this.#turn.leave();
  }

  /** Hands the lock to the next task in line, or gives the lease back. Called again, it answers the same. */
  end(): Promise<ReleaseAnswer> {
    if (this.#state.kind === "ended") return this.#state.answer;
    this.#overdue = this.lostBecause;
    const isHeld = this.#state.kind === "held" && !this.#overdue;
    const answer = isHeld ? this.#succession.end(this.#lease, this.#turn, this.#idGivenOut) : this.#giveBack();
    this.#state = { kind: "ended", answer };
    return answer;
  }

  #giveBack(): Promise<ReleaseAnswer> {
    return this.#lease.kept.release().finally(() => this.#turn.leave());
  }
}

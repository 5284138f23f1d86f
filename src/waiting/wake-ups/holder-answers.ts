import type { Lease } from "../../lease/lease.ts";
import type { Clock, Timer } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import { MOST_IDS } from "./message.ts";

/** The time between two answers, in milliseconds. What was asked meanwhile is answered together. */
const ANSWER_EVERY_MS = 25;
/** So many waiters may wait for an answer. More of them ask again. */
const MOST_UNANSWERED = 256;

/**
 * The answers of a holder to its waiters, while it holds: at once, but not more often than so many times a second.
 */
export class HolderAnswers {
  /** What this process holds of the key, and what it may have lost. */
  readonly #leases = new Set<Pick<Lease, "isHeld">>();
  readonly #clock: Clock;
  readonly #send: (asks: readonly string[]) => void;
  readonly #asks = new Set<string>();
  #pause: Timer | undefined;

  constructor(clock: Clock, send: (asks: readonly string[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Answers while this lease is held. */
  under(lease: Pick<Lease, "isHeld">): void {
    this.#leases.add(lease);
  }

  noMoreUnder(lease: Pick<Lease, "isHeld">): void {
    this.#leases.delete(lease);
    if (!this.isHolder) this.end();
  }

  get isHolder(): boolean {
    for (const lease of this.#leases) {
      if (lease.isHeld) return true;
      this.#leases.delete(lease);
    }
    return false;
  }

  /** A waiter asks. It gets no answer of a process that does not hold. */
  add(ask: string): void {
    if (!this.isHolder) return;
    if (this.#asks.size < MOST_UNANSWERED) this.#asks.add(ask);
    if (!this.#pause) this.#sendNext();
  }

  /** Answers no more. */
  end(): void {
    this.#asks.clear();
    this.#pause?.cancel();
    this.#pause = undefined;
  }

  #sendNext(): void {
    this.#pause = undefined;
    const next = [...this.#asks].slice(0, MOST_IDS);
    if (next.length === 0) return;
    for (const ask of next) this.#asks.delete(ask);
    this.#send(next);
    this.#pause = inRootContext(() => this.#clock.setTimer(ANSWER_EVERY_MS, () => this.#sendNext()));
  }
}

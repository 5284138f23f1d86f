import type { WaitingTicket } from "../blobs/queue-ticket.ts";

/**
 * When to ask for a lock that may have been handed to this waiter, in milliseconds: while a hand-over may be on its
 * way.
 */
const ASK_AFTER_MS = [200, 3_000, 10_000];
/** The same, where only a request that took long can have led to it. */
const ASK_LATE_AFTER_MS = [3_000];
const SECOND_MS = 1_000;

/**
 * P37. Whether the lock may have been handed to this waiter although other tickets stand before its own. Tickets sort
 * by arrival, to the second, and the time that a task waited in its process counts: a ticket that is made later may
 * sort first. If the holder handed the lock on before that, it went to this waiter, and no other can take it. A waiter
 * that only waited to be first would wait until the lease ran out.
 */
export class PossibleHandOver {
  /** By name and date: a ticket that lapsed and was made anew counts as another. */
  readonly #seenTickets = new Set<string>();
  #hasLooked = false;
  #asks: number[] = [];
  /** Whether it is to ask for more than the tickets that it has seen. */
  #isSuspected = false;

  /** A listing shows these tickets before this waiter's own, which was made at `madeAt`. */
  sawBefore(before: readonly WaitingTicket[], madeAt: number, now: number): void {
    for (const ticket of before) {
      const ticketKey = `${ticket.name} ${ticket.madeAt}`;
      if (this.#seenTickets.has(ticketKey)) continue;
      this.#seenTickets.add(ticketKey);
      // It stood already when this waiter's ticket was made, or a later listing will show it.
      if (!this.#hasLooked && ticket.madeAt < madeAt - SECOND_MS) continue;
      this.#askAfter(ticket.madeAt < madeAt ? ASK_LATE_AFTER_MS : ASK_AFTER_MS, now);
    }
    this.#hasLooked = true;
  }

  /** It is not known what happened to this waiter's ticket just now, or what its last request did. */
  suspect(now: number): void {
    this.#isSuspected = true;
    this.#askAfter(ASK_AFTER_MS, now);
  }

  /**
   * After the last listing another process held the lock, and had not looked yet who is next: it will see the tickets
   * of that listing.
   */
  heldSince(): void {
    if (!this.#isSuspected) this.#asks = [];
  }

  /** Whether to ask for the lock now. Asking it counts as having asked for the lock. */
  isDue(now: number): boolean {
    const due = this.dueInMs(now) <= 0;
    this.#asks = this.#asks.filter((at) => at > now);
    this.#isSuspected &&= this.#asks.length > 0;
    return due;
  }

  /** In how many milliseconds to ask for the lock. */
  dueInMs(now: number): number {
    return (this.#asks[0] ?? Number.POSITIVE_INFINITY) - now;
  }

  #askAfter(delays: readonly number[], now: number): void {
    const soon = this.#asks.filter((at) => at < now + SECOND_MS);
    this.#asks = [...soon, ...delays.map((ms) => now + ms)].sort((a, b) => a - b);
  }
}

import type { WaitingTicket } from "../blobs/queue-ticket.ts";

/** When to ask for the lock once it may have been handed to us: as long as a hand-over may be on its way. */
const ASK_AFTER_MS = [200, 3_000, 10_000];
/** And if only a request that took long can have made that so. */
const ASK_LATE_AFTER_MS = [3_000];
const SECOND_MS = 1_000;

/**
 * P37. Whether the lock may be ours though other tickets are before ours. Tickets sort by arrival, to the second and
 * with what a task waited in its process: one that stands later than ours may sort before it. If the holder handed the
 * lock on in between, it went to us, and only this waiter can take it: one that only waited to be first would wait
 * until the lease ran out.
 */
export class PossibleHandOver {
  /** By name and date: one that lapsed and was made anew is another. */
  readonly #seenTickets = new Set<string>();
  #hasLooked = false;
  #asks: number[] = [];

  /** These are before us, as a listing shows. */
  sawBefore(before: readonly WaitingTicket[], madeAt: number, now: number): void {
    for (const ticket of before) {
      const ticketKey = `${ticket.name} ${ticket.madeAt}`;
      if (this.#seenTickets.has(ticketKey)) continue;
      this.#seenTickets.add(ticketKey);
      // When ours was made, that one stood already, or will be seen to be late.
      if (!this.#hasLooked && ticket.madeAt < madeAt - SECOND_MS) continue;
      this.#askAfter(ticket.madeAt < madeAt ? ASK_LATE_AFTER_MS : ASK_AFTER_MS, now);
    }
    this.#hasLooked = true;
  }

  /** For a while before now it is not known what happened to our place, or what a request of ours did. */
  suspect(now: number): void {
    this.#askAfter(ASK_AFTER_MS, now);
  }

  /** Whether to ask for the lock now. Asking it counts as having asked for the lock. */
  isDue(now: number): boolean {
    const due = this.dueInMs(now) <= 0;
    this.#asks = this.#asks.filter((at) => at > now);
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

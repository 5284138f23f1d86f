import type { WaitingTicket } from "./fair-queue.ts";

/** When to ask for the lock once a ticket turned up before ours that may not have been there before: as long as a hand-over may be on its way. */
const ASK_AFTER_MS = [200, 3_000, 10_000];
/** And if it was made in the second before ours: then only a request that took long can have made it stand later. */
const ASK_LATE_AFTER_MS = [3_000];
const SECOND_MS = 1_000;

/**
 * Whether the lock may be ours though others are before us. Tickets sort by arrival, to the second and with what a task waited in
 * its process: one that was made after ours may sort before it. If the holder handed the lock on in between, it went to us, and
 * nobody but us can take it: whoever only waited to be first would wait until the lease ran out.
 */
export class Doubt {
  readonly #known = new Set<string>();
  #asks: number[] = [];

  /** These are before us, as a listing shows. */
  saw(before: readonly WaitingTicket[], madeAt: number, now: number): void {
    for (const ticket of before) {
      if (ticket.madeAt < madeAt - SECOND_MS || this.#known.has(ticket.name)) continue;
      this.#known.add(ticket.name);
      const asks = ticket.madeAt < madeAt ? ASK_LATE_AFTER_MS : ASK_AFTER_MS;
      this.#asks = [...this.#asks.filter((at) => at < now + SECOND_MS), ...asks.map((ms) => now + ms)].sort((a, b) => a - b);
    }
  }

  /** Whether to ask for the lock. Whoever is told so does it. */
  isDue(now: number): boolean {
    const due = this.dueInMs(now) <= 0;
    this.#asks = this.#asks.filter((at) => at > now);
    return due;
  }

  /** In how many milliseconds to ask for the lock. */
  dueInMs(now: number): number {
    return (this.#asks[0] ?? Number.POSITIVE_INFINITY) - now;
  }
}

/** So many polls may come at once. */
const BURST = 10;
/** In the long run, the milliseconds between two polls: about as many as without messages. */
const EVERY_MS = 500;
/** The shortest time between two of them, in milliseconds. */
const SHORTEST_MS = 10;

/** Limits how early messages bring the next poll of one wait: any process may write to a channel. */
export class PollLimit {
  #lastAt = Number.NEGATIVE_INFINITY;
  /** When as many polls as came so far would have come at the pace of the long run. */
  #evenAt = Number.NEGATIVE_INFINITY;

  /** When a poll may come that a message wants at `at`. */
  earliest(at: number): number {
    return Math.max(at, this.#lastAt + SHORTEST_MS, this.#evenAt - (BURST - 1) * EVERY_MS);
  }

  /** A poll comes now. */
  count(now: number): void {
    this.#lastAt = now;
    this.#evenAt = Math.max(this.#evenAt, now) + EVERY_MS;
  }
}

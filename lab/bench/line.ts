/** Those who wait, in the order in which they came. */
export class Line {
  /** How often a turn came though another waiter had come before. */
  overtakings = 0;
  // A set keeps the order in which its members came.
  readonly #waiting = new Set<symbol>();

  join(): symbol {
    const place = Symbol("place");
    this.#waiting.add(place);
    return place;
  }

  enter(place: symbol): void {
    const [first] = this.#waiting;
    if (first !== place) this.overtakings += 1;
    this.#waiting.delete(place);
  }

  /** Also for a waiter that gave up. */
  leave(place: symbol): void {
    this.#waiting.delete(place);
  }
}

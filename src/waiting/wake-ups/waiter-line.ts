/** So many waiters are known at most: more would be forged, or served late anyway. */
const MOST_WAITERS = 256;

/** The waiters of one key that were heard of, first heard first. */
export class WaiterLine {
  readonly #forMs: number;
  /** When each was last heard of. */
  readonly #heardAt = new Map<string, number>();

  /** A waiter that was not heard of for `forMs` is forgotten. */
  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  heard(id: string, now: number): void {
    if (this.#heardAt.size >= MOST_WAITERS && !this.#heardAt.has(id)) this.#forgetOld(now);
    if (this.#heardAt.size < MOST_WAITERS || this.#heardAt.has(id)) this.#heardAt.set(id, now);
  }

  remove(id: string): void {
    this.#heardAt.delete(id);
  }

  /** Those who wait, in order. */
  ids(now: number): readonly string[] {
    this.#forgetOld(now);
    return [...this.#heardAt.keys()];
  }

  #forgetOld(now: number): void {
    for (const [id, at] of this.#heardAt) if (now - at > this.#forMs) this.#heardAt.delete(id);
  }
}

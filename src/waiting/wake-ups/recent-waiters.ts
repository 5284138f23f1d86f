/** More waiters are forgotten, those first that were heard of longest ago. */
const MOST_RECENT = 2_048;

/** The waiters of one key that were heard of, however long ago. */
export class RecentWaiters {
  /** A set keeps the order in which its members came. */
  readonly #ids = new Set<string>();

  add(id: string): void {
    this.#ids.delete(id);
    this.#ids.add(id);
    const [oldest = id] = this.#ids;
    if (this.#ids.size > MOST_RECENT) this.#ids.delete(oldest);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }
}

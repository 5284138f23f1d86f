/**
 * P58. Whether the queue of a key is certain enough to be empty for a release without a look: this process has looked
 * a moment ago, and would have heard of a waiter that came since.
 */
export class EmptyQueue {
  /** What this process said last when it got the lock. */
  #said: string | undefined;
  /** When it first heard that itself, and last. */
  #hearsSince = Number.POSITIVE_INFINITY;
  #heardAt = Number.NEGATIVE_INFINITY;
  #foundEmptyAt = Number.NEGATIVE_INFINITY;

  /** This process says that it has the lock now, under this id. */
  saying(id: string): void {
    this.#said = id;
  }

  /** A process says that it has the lock now. What this process says itself shows that messages arrive. */
  heard(id: string, now: number): void {
    if (id !== this.#said) return;
    this.#hearsSince = Math.min(this.#hearsSince, now);
    this.#heardAt = now;
  }

  /**
   * A look at the queue that was sent then has shown whether it is empty. Only one that was sent when messages arrived
   * already counts: a waiter that came before is in it, and one that came later is heard.
   */
  looked(isEmpty: boolean, sentAt: number): void {
    this.#foundEmptyAt = isEmpty && this.#hearsSince <= sentAt ? sentAt : Number.NEGATIVE_INFINITY;
  }

  /** A waiter is, or was, in it. */
  hasWaiter(): void {
    this.#foundEmptyAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether that was within so many milliseconds. */
  isCertain(now: number, withinMs: number): boolean {
    return now - Math.min(this.#heardAt, this.#foundEmptyAt) < withinMs;
  }
}

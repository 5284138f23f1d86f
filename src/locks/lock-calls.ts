import { holdingState } from "./holding.ts";
import type { Lock } from "./lock.ts";

/** The calls of one locker that {@link Locker.unlock} may mean. */
export class LockCalls {
  /** The oldest and the latest lock that neither `unlock` nor a release of its own has answered yet. */
  #oldest: Lock | undefined;
  #latest: Lock | undefined;
  #ended = 0;
  /** The value of `#ended` when the latest lock was asked for. */
  #endedBefore = 0;

  /**
   * How many calls have ended whose callers may call `unlock` again: those that got nothing, and those that `unlock`
   * answered.
   */
  get ended(): number {
    return this.#ended;
  }

  /** Settles as a call does, and notes what it got; so many calls had ended when it began. */
  async during<L extends Lock | undefined>(endedBefore: number, call: Promise<L>): Promise<L> {
    let lock: L | undefined;
    try {
      lock = await call;
      return lock;
    } finally {
      if (lock) {
        this.#oldest = this.#unanswered ?? lock;
        this.#latest = lock;
        this.#endedBefore = endedBefore;
      } else this.answer();
    }
  }

  /** The lock that `unlock` means, and whether it can only be this one. */
  unlocked(): { readonly lock: Lock; readonly isCertain: boolean } | undefined {
    const lock = this.#unanswered;
    return lock && { lock, isCertain: lock === this.#latest && this.#ended === this.#endedBefore };
  }

  /** A call got its answer. */
  answer(): void {
    this.#ended += 1;
  }

  forget(lock: Lock): void {
    if (this.#oldest === lock) this.#oldest = undefined;
    if (this.#latest === lock) this.#latest = undefined;
  }

  get #unanswered(): Lock | undefined {
    return [this.#oldest, this.#latest].find((lock) => lock && !holdingState(lock).held.ended);
  }
}

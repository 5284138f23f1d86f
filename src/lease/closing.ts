import { MutexClosedError } from "../errors.ts";

/** Whether a mutex grants locks. It grants none while it releases all of them, and none once it is closed. */
export class Closing {
  #controller = new AbortController();
  #releasing = 0;
  #isClosed = false;

  /**
   * Aborts, with a `MutexClosedError`, when no lock is granted any more. Another one follows if locks are granted
   * again.
   */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends every wait for a lock, and refuses new ones until {@link Closing.reopen}. */
  refuse(): void {
    this.#releasing += 1;
    this.#controller.abort(new MutexClosedError("the mutex releases everything it holds"));
  }

  /** To be called once for each {@link Closing.refuse}. */
  reopen(): void {
    this.#releasing -= 1;
    if (this.#releasing === 0 && !this.#isClosed) this.#controller = new AbortController();
  }

  /** Ends every wait for a lock, and refuses new ones for good. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const closed = new MutexClosedError("the mutex is closed");
    this.#controller.abort(closed);
    // While the mutex releases everything, the signal has another reason already.
    this.#controller = new AbortController();
    this.#controller.abort(closed);
  }
}

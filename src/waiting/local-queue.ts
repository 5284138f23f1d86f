import { onAbort } from "../abort.ts";

/** A place at the head of the queue. */
export interface Turn {
  /** Lets the next one in. Leaving twice does nothing. */
  leave(): void;
}

interface Waiter {
  admit(): void;
}

/** The tasks of this process that want one key, first come, first served: one contends or holds, the others wait in memory. */
export class LocalQueue {
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>();
  #occupied = false;

  /** Whether somebody of this process has, or waits for, a turn. */
  get busy(): boolean {
    return this.#occupied;
  }

  /** Takes the turn if nobody has it. */
  tryEnter(): Turn | undefined {
    return this.#occupied ? undefined : this.#turn();
  }

  /** Waits for the turn; rejects with the signal's reason as soon as it aborts. */
  enter(signal: AbortSignal): Promise<Turn> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (!this.#occupied) return Promise.resolve(this.#turn());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          stopListening();
          resolve(this.#turn());
        },
      };
      this.#waiting.add(waiter);
      const stopListening = onAbort(signal, () => {
        this.#waiting.delete(waiter);
        reject(signal.reason);
      });
    });
  }

  #turn(): Turn {
    this.#occupied = true;
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        this.#occupied = false;
        const [next] = this.#waiting;
        if (!next) return;
        this.#waiting.delete(next);
        next.admit();
      },
    };
  }
}

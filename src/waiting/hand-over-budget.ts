import type { Clock } from "../time/clock.ts";

/**
 * After how many hand-overs the event loop turns. A hand-over takes no request, so tasks with short holds would keep
 * the loop from turning.
 */
const HAND_OVERS_A_TURN = 64;

/**
 * P32. How long, and how often, the tasks of this process have kept a lock for themselves since another process last
 * had it.
 */
export class HandOverBudget {
  readonly #clock: Clock;
  readonly #since: number;
  #handOvers = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** How often the lock went from one task to the next, under one lease or under several. */
  get handOvers(): number {
    return this.#handOvers;
  }

  /** How long ago the first of them got it, in milliseconds. */
  get ageMs(): number {
    return this.#clock.now() - this.#since;
  }

  /** A task is done with the lock. */
  count(): void {
    this.#handOvers += 1;
  }

  /** Lets the event loop turn, if that is due, before the next hand-over. Undefined if it is not. */
  loopTurned(): Promise<void> | undefined {
    if (this.#handOvers % HAND_OVERS_A_TURN > 0) return undefined;
    return new Promise((resolve) => this.#clock.nextTurn(resolve));
  }
}

/** The longest a waiter sleeps between two looks at the queue. */
const LONGEST_SLEEP_MS = 10_000;
/** Before anything is known, the queue is taken to move this fast. */
const FIRST_PACE_MS = 500;
/** How much of the time to one's turn, if the queue moves at its fastest, is slept. */
const CAUTION = 0.6;
/** z of the 3 % quantile of the normal distribution. */
const Z = -1.8808;
const QUICKEST_MS = 60;
const SLOWEST_MS = 250;

/** How often a waiter looks at the queue, from the pace at which it moves: less often the further back, and quickly when it is next. */
export class Pace {
  readonly #longestMs: number;
  readonly #joinedAt: number;
  #firstPosition: number | undefined;
  #last: { readonly at: number; readonly position: number } | undefined;
  #recentMs: number | undefined;

  constructor(now: number, longestMs: number = LONGEST_SLEEP_MS) {
    this.#joinedAt = now;
    this.#longestMs = Math.min(longestMs, LONGEST_SLEEP_MS);
  }

  /** The waiter has so many before it at this moment. */
  saw(position: number, now: number): void {
    this.#firstPosition ??= position;
    const moved = (this.#last?.position ?? position) - position;
    if (this.#last && moved > 0) this.#recentMs = (now - this.#last.at) / moved;
    if (!this.#last || moved !== 0) this.#last = { at: now, position };
    this.#sinceJoiningMs =
      moved >= 0 && this.#firstPosition > position ? (now - this.#joinedAt) / (this.#firstPosition - position) : this.#sinceJoiningMs;
  }

  #sinceJoiningMs: number | undefined;

  /** How long to sleep before the next look, with so many before us. */
  sleepMs(position: number, random: () => number): number {
    if (position === 0) return Math.min(SLOWEST_MS, Math.max(QUICKEST_MS, 0.1 * this.#paceMs)) * (0.8 + 0.4 * random());
    return Math.max(QUICKEST_MS, Math.min(this.#longestMs, CAUTION * this.#paceMs * quickestTurns(position)));
  }

  /** The minimum of two estimates: a moving average would feed on our own sleep. */
  get #paceMs(): number {
    return Math.min(this.#recentMs ?? FIRST_PACE_MS, this.#sinceJoiningMs ?? FIRST_PACE_MS);
  }
}

/** The 3 % quantile of Gamma(k + 1): how many mean holds it takes at the quickest until k places are gone. By Wilson and Hilferty. */
function quickestTurns(position: number): number {
  const shape = position + 1;
  return shape * (1 - 1 / (9 * shape) + Z / (3 * Math.sqrt(shape))) ** 3;
}

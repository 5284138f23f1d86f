/** The longest a waiter sleeps between two looks at the queue. */
const LONGEST_SLEEP_MS = 10_000;
/**
 * A waiter that has so many before it, in a queue that is known to move so slowly, is not given the lock unless all of
 * them give up at once, and may sleep this much longer.
 */
const FAR_BACK = 8;
const SLOW_PACE_MS = 2_000;
const FAR_BACK_SLEEPS = 3;
/** Before anything is known, the queue is taken to move this fast. */
const FIRST_PACE_MS = 500;
/** How much of the time to one's turn, if the queue moves at its quickest, is slept. */
const CAUTION = 0.85;
/** How much of a hold lies between two polls of the next waiter. */
const HEAD_POLLS = 0.17;
/** z of the 3 % quantile of the normal distribution. */
const Z = -1.8808;
/**
 * A queue that has not moved for so long has a holder that stays, a leader say: those who wait look less often then.
 * The first in line still finds within half a second that a dead holder's lease has run out.
 */
const STANDSTILL_MS = 60_000;
const STANDING_FIRST_MS = 450;
/** Those behind sleep this part of the time for which it has not moved, and so long at most. */
const STANDING_PART = 0.02;
const STANDING_LONGEST_MS = 2_000;
const QUICKEST_MS = 90;
/** The next waiter may ask this often: no other does. */
const QUICKEST_FIRST_MS = 45;
const SLOWEST_MS = 250;

/**
 * How often a waiter looks at the queue, from the pace at which it moves: less often the further back, and quickly when
 * it is next.
 */
export class Pace {
  readonly #longestMs: number;
  readonly #joinedAt: number;
  #firstPosition: number | undefined;
  #last: { readonly at: number; readonly position: number } | undefined;
  #recentMs = FIRST_PACE_MS;
  #sinceJoiningMs = FIRST_PACE_MS;

  constructor(now: number, longestMs: number = LONGEST_SLEEP_MS) {
    this.#joinedAt = now;
    this.#longestMs = Math.min(longestMs, LONGEST_SLEEP_MS);
  }

  /** The waiter has so many before it at this moment. */
  saw(position: number, now: number): void {
    this.#firstPosition ??= position;
    const { at, position: before } = this.#last ?? { at: now, position };
    if (before > position) {
      this.#recentMs = paceOf(now - at, before - position);
      this.#sinceJoiningMs = paceOf(now - this.#joinedAt, this.#firstPosition - position);
    }
    if (!this.#last || before !== position) this.#last = { at: now, position };
  }

  /** How long to sleep before the next look, with so many before us. */
  sleepMs(position: number, now: number, random: () => number): number {
    const standingMs = now - (this.#last?.at ?? this.#joinedAt);
    const movingMs = this.#movingSleepMs(position, random);
    if (standingMs < STANDSTILL_MS) return movingMs;
    const standingSleepMs =
      position === 0 ? STANDING_FIRST_MS : Math.min(STANDING_LONGEST_MS, STANDING_PART * standingMs);
    return Math.max(movingMs, standingSleepMs);
  }

  #movingSleepMs(position: number, random: () => number): number {
    if (position === 0)
      return Math.min(SLOWEST_MS, Math.max(QUICKEST_FIRST_MS, HEAD_POLLS * this.#paceMs)) * (0.8 + 0.4 * random());
    const isFarBack = position >= FAR_BACK && this.#paceMs >= SLOW_PACE_MS;
    const longestMs = isFarBack ? FAR_BACK_SLEEPS * this.#longestMs : this.#longestMs;
    return Math.max(QUICKEST_MS, Math.min(longestMs, CAUTION * this.#paceMs * quickestTurns(position)));
  }

  /** The minimum of two estimates: a moving average would feed on our own sleep. */
  get #paceMs(): number {
    return Math.min(this.#recentMs, this.#sinceJoiningMs);
  }
}

/**
 * One move more than were seen: what few moves tell is mostly chance, and a waiter that sleeps too long keeps all
 * others waiting.
 */
function paceOf(ms: number, moves: number): number {
  return ms / (Math.max(0, moves) + 1);
}

/**
 * The 3 % quantile of Gamma(k + 1): how many mean holds it takes at the quickest until k places are gone. By Wilson and
 * Hilferty.
 */
function quickestTurns(position: number): number {
  const shape = position + 1;
  return shape * (1 - 1 / (9 * shape) + Z / (3 * Math.sqrt(shape))) ** 3;
}

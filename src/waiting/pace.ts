/** The longest a waiter sleeps between two looks at the queue. */
const LONGEST_SLEEP_MS = 10_000;
/**
 * From this position on, in a queue that takes this long for a place, a waiter sleeps three times as long: it is given
 * the lock early only if all waiters before it give up at once.
 */
const FAR_BACK = 8;
const SLOW_PACE_MS = 2_000;
const FAR_BACK_SLEEPS = 3;
/** The pace that is assumed before the queue was seen to move, in milliseconds for a place. */
const FIRST_PACE_MS = 500;
/** The part of the shortest likely time to the waiter's turn that it sleeps. */
const CAUTION = 0.85;
/** The part of a mean hold that lies between two polls of the first waiter. */
const HEAD_POLLS = 0.17;
/** z of the 3 % quantile of the normal distribution. */
const Z = -1.8808;
/**
 * A queue that has not moved for this long has a holder that stays, such as a leader: its waiters look less often. The
 * first waiter still finds within half a second that a dead holder's lease has run out.
 */
const STANDSTILL_MS = 60_000;
const STANDING_FIRST_MS = 450;
/** The other waiters sleep this part of the time for which the queue has not moved, up to a longest time. */
const STANDING_PART = 0.02;
const STANDING_LONGEST_MS = 2_000;
const QUICKEST_MS = 90;
/** The shortest pause of the first waiter, in milliseconds: it alone polls the lock. */
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

  /** A look at the queue has shown how many waiters stand before this one. */
  saw(position: number, now: number): void {
    this.#firstPosition ??= position;
    const { at, position: before } = this.#last ?? { at: now, position };
    if (before > position) {
      this.#recentMs = paceOf(now - at, before - position);
      this.#sinceJoiningMs = paceOf(now - this.#joinedAt, this.#firstPosition - position);
    }
    if (!this.#last || before !== position) this.#last = { at: now, position };
  }

  /** How long to sleep before the next look, in milliseconds, given how many waiters stand before this one. */
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

  /** The smaller of two estimates: a moving average would measure the waiter's own sleep. */
  get #paceMs(): number {
    return Math.min(this.#recentMs, this.#sinceJoiningMs);
  }
}

/**
 * Milliseconds for a place, as if the queue had moved once more than was seen: few moves are mostly chance, and a
 * waiter that sleeps too long keeps all others waiting.
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

import type { Clock } from "../time/clock.ts";

/** So many renewals of one mutex may be under way at once in any case. */
export const RENEWALS_AT_ONCE = 64;
/** Of more leases than that, as many as come due within this time: if answers take no longer, nothing waits. */
const ANSWERED_WITHIN_MS = 250;
/** A renewal without an answer for this long is stuck. It no longer counts as under way. */
const STUCK_MS = 500;

/** A renewal that waits for its turn. */
interface WaitingRenewal {
  /** When its lease is good no longer, by the clock. */
  readonly dueAt: number;
  readonly begin: () => void;
}

export interface RenewalTurn {
  /** Whether it was sent before and failed. */
  readonly hasFailed: boolean;
  /** How much of the lease is left, in milliseconds. */
  leftMs(): number;
  /** Whether it is still to be sent, when it had to wait. */
  isWanted(): boolean;
}

/**
 * Limits how many renewals of one mutex are under way at once, to what a slow service can still answer. Without the
 * limit they time out and are sent again, the service does the work twice and falls further behind, and every lock is
 * lost.
 */
export class RenewalTurns {
  readonly #clock: Clock;
  /** Each in the order of their deadlines. */
  readonly #fresh: WaitingRenewal[] = [];
  readonly #failed: WaitingRenewal[] = [];
  #wasFresh = false;
  #underWay = 0;
  /** How many come due while one is answered, of all leases that are kept. */
  #due = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A lease is kept from now on that is renewed so often. */
  add(renewEveryMs: number): void {
    this.#due += ANSWERED_WITHIN_MS / renewEveryMs;
  }

  remove(renewEveryMs: number): void {
    this.#due -= ANSWERED_WITHIN_MS / renewEveryMs;
  }

  /** Runs the renewal at once, or when it is its turn. Resolves with undefined if it is not wanted any more by then. */
  async run<T>({ hasFailed, leftMs, isWanted }: RenewalTurn, renew: () => Promise<T>): Promise<T | undefined> {
    if (this.#underWay < Math.max(RENEWALS_AT_ONCE, this.#due)) this.#underWay += 1;
    else {
      const line = hasFailed ? this.#failed : this.#fresh;
      await new Promise<void>((begin) => join(line, { dueAt: this.#clock.now() + leftMs(), begin }));
      if (!isWanted()) {
        this.#next();
        return undefined;
      }
    }
    let counts = true;
    const ends = (): void => {
      if (counts) this.#next();
      counts = false;
    };
    const stuck = this.#clock.setTimer(STUCK_MS, ends);
    try {
      return await renew();
    } finally {
      stuck.cancel();
      ends();
    }
  }

  /**
   * Renewals that failed before and fresh ones take turns: neither kind keeps the other waiting for ever.
   */
  #next(): void {
    const [first, second] = this.#wasFresh ? [this.#failed, this.#fresh] : [this.#fresh, this.#failed];
    this.#wasFresh = !this.#wasFresh;
    const next = first.shift() ?? second.shift();
    if (next) next.begin();
    else this.#underWay -= 1;
  }
}

function join(line: WaitingRenewal[], waiting: WaitingRenewal): void {
  const after = line.findLastIndex(({ dueAt }) => dueAt <= waiting.dueAt);
  line.splice(after + 1, 0, waiting);
}

import type { Clock } from "../time/clock.ts";

/** So many renewals of one mutex may be under way at once in any case. */
const AT_ONCE = 64;
/** Of more leases than that, as many as come due within this time: if answers take no longer, nothing waits. */
const ANSWERED_WITHIN_MS = 250;
/** One that is not answered for so long is stuck, and not what keeps the service from answering others. */
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
 * The renewals of one mutex, no more of them at once than a service that is slow can still answer. Sent all the same,
 * they would be given up and sent again, and a service that does the work of both falls ever further behind: every lock
 * would be lost where a short wait here loses none.
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
    if (this.#underWay < Math.max(AT_ONCE, this.#due)) this.#underWay += 1;
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
   * In turns of what has failed before, which may well do so again, and what has not: neither keeps the other waiting
   * for ever.
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

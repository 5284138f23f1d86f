import type { Clock } from "../clock.ts";

/** How many renewals of one mutex are under way at once. Answered within 10 ms, that is 6,400 a second. */
const MOST_AT_ONCE = 64;
/** One that is not answered for so long is stuck, and not what keeps the service from answering others. */
const STUCK_MS = 500;

/** A renewal that waits for its turn. */
interface Waiting {
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
 * The renewals of one mutex, no more of them at once than a service that is slow can still answer. Sent all the same, they would
 * be given up and sent again, and a service that does the work of both falls ever further behind: every lock would be lost
 * where a short wait here loses none.
 */
export class RenewalTurns {
  readonly #clock: Clock;
  /** Each in the order of their deadlines. */
  readonly #fresh: Waiting[] = [];
  readonly #failed: Waiting[] = [];
  #wasFresh = false;
  #underWay = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs the renewal at once, or when it is its turn. Resolves with undefined if it is not wanted any more by then. */
  async run<T>({ hasFailed, leftMs, isWanted }: RenewalTurn, renew: () => Promise<T>): Promise<T | undefined> {
    if (this.#underWay < MOST_AT_ONCE) this.#underWay += 1;
    else {
      const line = hasFailed ? this.#failed : this.#fresh;
      await new Promise<void>((begin) => join(line, { dueAt: this.#clock.now() + leftMs(), begin }));
      if (!isWanted()) return this.#next();
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

  /** In turns of what has failed before, which may well do so again, and what has not: neither keeps the other waiting for ever. */
  #next(): undefined {
    const [first, second] = this.#wasFresh ? [this.#failed, this.#fresh] : [this.#fresh, this.#failed];
    this.#wasFresh = !this.#wasFresh;
    const next = first.shift() ?? second.shift();
    if (next) next.begin();
    else this.#underWay -= 1;
    return undefined;
  }
}

function join(line: Waiting[], waiting: Waiting): void {
  const after = line.findLastIndex(({ dueAt }) => dueAt <= waiting.dueAt);
  line.splice(after + 1, 0, waiting);
}

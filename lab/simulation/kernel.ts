/** Something that happens at a true time, unless it is called off before. */
export interface Planned {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export interface RunOptions {
  /** Looked at after every event, when every promise that could settle has settled. What it throws ends the run. */
  readonly afterEach: () => void;
  /** Whether the run is over. Asked after every event, too. */
  readonly isOver: () => boolean;
  /** The true time at which it ends in any case. */
  readonly until: number;
}

/** So many turns of the event loop are asked for at once: between those, only promises settle. */
const TURNS_AT_ONCE = 64;

/**
 * True time, which no machine of the simulation can read, and what happens in it: one event after the other, always in
 * the same order.
 */
export class Kernel {
  #now = 0;
  #count = 0;
  #steps = 0;
  readonly #heap: Planned[] = [];

  /** True time, in milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** How many events were planned so far. */
  get planned(): number {
    return this.#count;
  }

  /** How many events have happened so far. */
  get steps(): number {
    return this.#steps;
  }

  /** What is planned for one instant happens in the order in which it was planned. */
  at(when: number, run: () => void): Planned {
    this.#count += 1;
    const planned: Planned = { at: Math.max(when, this.#now), order: this.#count, run };
    this.#push(planned);
    return planned;
  }

  in(ms: number, run: () => void): Planned {
    return this.at(this.#now + ms, run);
  }

  /** Lets events happen until the run is over, nothing is left, or the time has come. */
  run({ afterEach, isOver, until }: RunOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      let toCome = 0;
      let ended = false;
      // Each in a turn of the real event loop: it comes only when no promise is left to settle.
      const step = (): void => {
        toCome -= 1;
        if (ended) return;
        try {
          afterEach();
          ended = isOver() || !this.#next(until);
        } catch (error) {
          ended = true;
          reject(error);
        }
        if (ended) resolve();
        else if (toCome === 0) ask();
      };
      const ask = (): void => {
        toCome = TURNS_AT_ONCE;
        for (let turn = 0; turn < TURNS_AT_ONCE; turn += 1) setImmediate(step);
      };
      ask();
    });
  }

  /** Makes the next thing happen. False if there is none in time. */
  #next(until: number): boolean {
    for (let next = this.#heap[0]; next; next = this.#heap[0]) {
      if (next.run && next.at > until) break;
      this.#pop();
      if (!next.run) continue;
      this.#now = next.at;
      this.#steps += 1;
      next.run();
      return true;
    }
    this.#now = Math.max(this.#now, Math.min(until, this.#heap[0]?.at ?? until));
    return false;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (!parent || isBefore(parent, planned)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = planned;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = left && right && isBefore(right, left);
      const child = isRight ? right : left;
      if (!child || isBefore(last, child)) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

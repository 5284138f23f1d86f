import { type Clock, systemClock, type Timer, type TimerOptions } from "../time/clock.ts";

interface PendingTimer {
  readonly due: number;
  readonly callback: () => void;
  readonly keepAlive: boolean;
}

/**
 * A clock that stands still until a test moves it. It never really waits, and the same test runs the same way every
 * time.
 *
 * @example
 * ```ts
 * const clock = new FakeClock();
 * const mutex = new AzureMutex({ store: new MemoryLeaseStore({ clock }), clock });
 * const lock = await mutex.locker("job").lock();
 * await clock.advance(3_600_000); // renewed for an hour, at once
 * console.log(lock.isHeld);
 * ```
 *
 * Only what is asked of this clock is fake: real sockets, real timers and `AbortSignal.timeout()` go on as ever, and
 * {@link advance} does not wait for them.
 */
export class FakeClock implements Clock {
  #now = 0;
  // Apart from `now` from the start, so that code which mixes the two up is wrong at once, and not only after a
  // suspend.
  #uptime = 3_600_000;
  #moving = false;
  readonly #timers = new TimerQueue();
  #turns: (() => void)[] = [];

  /** Milliseconds since the clock was made, {@link suspend} not counted. */
  now(): number {
    return this.#now;
  }

  /** Milliseconds since an hour before the clock was made, {@link suspend} counted. */
  uptime(): number {
    return this.#uptime;
  }

  /** Calls back once so many milliseconds of this clock have passed. */
  setTimer(ms: number, callback: () => void, { keepAlive = false }: TimerOptions = {}): Timer {
    const timer: PendingTimer = { due: this.#now + onGrid(ms), callback, keepAlive };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.remove(timer) };
  }

  /** Calls back after what is ready now, without time passing. */
  nextTurn(callback: () => void): void {
    this.#turns.push(callback);
  }

  /**
   * Lets `ms` milliseconds pass and runs what falls due: timers in order of time, those of one instant in order of
   * creation, each after every promise that could settle before it has settled. As in Node, the timers of one instant
   * all run before the callbacks of {@link nextTurn}. Ends exactly `ms` later, with nothing left to settle.
   *
   * Rejects with what a callback throws, and with an `Error` while another `advance()` of this clock is under way.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity))
      throw new RangeError(`a clock advances by a finite number of milliseconds, not by ${ms}`);
    if (this.#moving) throw new Error("this clock is already advancing: await the advance() before");
    this.#moving = true;
    try {
      const end = this.#now + onGrid(ms);
      await promisesSettled();
      await this.#runTurns();
      for (let next = this.#timers.first; next && next.due <= end; next = this.#timers.first) {
        this.block(next.due - this.#now);
        await this.#runDue();
        await this.#runTurns();
      }
      this.block(end - this.#now);
    } finally {
      this.#moving = false;
    }
  }

  /**
   * Lets everything that needs no time happen: promises, callbacks of {@link nextTurn}, timers that are due already.
   * Rejects as {@link advance} does.
   */
  settle(): Promise<void> {
    return this.advance(0);
  }

  /** The machine sleeps for `ms` milliseconds: {@link uptime} goes on, {@link now} and the timers stand still. */
  suspend(ms: number): void {
    this.#uptime += onGrid(ms);
  }

  /**
   * The event loop stalls for `ms` milliseconds: both clocks go on and nothing runs. What fell due runs, late, at the
   * next {@link advance} or {@link settle}.
   */
  block(ms: number): void {
    const passed = onGrid(ms);
    this.#now += passed;
    this.#uptime += passed;
  }

  /** How many timers are set; with `keepAlive`, only those that do, or do not, keep the process alive. */
  pendingTimers({ keepAlive }: TimerOptions = {}): number {
    return this.#timers.count((timer) => keepAlive === undefined || timer.keepAlive === keepAlive);
  }

  async #runDue(): Promise<void> {
    for (let next = this.#timers.first; next && next.due <= this.#now; next = this.#timers.first) {
      this.#timers.remove(next);
      next.callback();
      await promisesSettled();
    }
  }

  async #runTurns(): Promise<void> {
    while (this.#turns.length > 0) {
      const turns = this.#turns;
      this.#turns = [];
      for (const callback of turns) {
        callback();
        await promisesSettled();
      }
    }
  }
}

/** Timers in order of time, those of one instant in order of creation. */
class TimerQueue {
  readonly #timers: PendingTimer[] = [];

  get first(): PendingTimer | undefined {
    return this.#timers[0];
  }

  add(timer: PendingTimer): void {
    this.#timers.splice(
      this.#countUntil((other) => other.due > timer.due),
      0,
      timer,
    );
  }

  /** Does nothing if the timer is not there any more. */
  remove(timer: PendingTimer): void {
    for (
      let index = this.#countUntil((other) => other.due >= timer.due);
      this.#timers[index]?.due === timer.due;
      index += 1
    ) {
      if (this.#timers[index] !== timer) continue;
      this.#timers.splice(index, 1);
      return;
    }
  }

  count(what: (timer: PendingTimer) => boolean): number {
    return this.#timers.filter(what).length;
  }

  /**
   * How many timers come before the first that is late enough, found by halves: a simulation has hundreds of timers at
   * any time.
   */
  #countUntil(isLateEnough: (timer: PendingTimer) => boolean): number {
    let from = 0;
    let to = this.#timers.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      const timer = this.#timers[middle];
      if (!timer || isLateEnough(timer)) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}

/**
 * How many turns are asked for at once. Those that were asked for together come one after the other, with nothing but
 * promises settling in between; only every so many does the event loop go round to look for input, which takes longer
 * than all else.
 */
const TURNS_AT_ONCE = 16;

const waitingForTurn: (() => void)[] = [];
let turnsToCome = 0;

/** A turn of the real event loop comes only when no promise is left to settle. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => {
    waitingForTurn.push(resolve);
    if (waitingForTurn.length <= turnsToCome) return;
    turnsToCome += TURNS_AT_ONCE;
    for (let turn = 0; turn < TURNS_AT_ONCE; turn += 1) systemClock.nextTurn(onTurn);
  });
}

/** Some come when they are not waited for any more. */
function onTurn(): void {
  turnsToCome -= 1;
  waitingForTurn.shift()?.();
}

/**
 * Rounded up to a 1,024th of a millisecond. Sums of such times are exact, so a timer never fires a hair too early: code
 * that waits for the rest would then wait for ever, because no time is left that a number of this size could show.
 */
function onGrid(ms: number): number {
  return Math.ceil(Math.max(0, ms) * 1_024) / 1_024;
}

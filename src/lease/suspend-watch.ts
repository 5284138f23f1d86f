import { type Clock, Stopwatch, SUSPEND_MS, type Timer } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";

/** How soon after the machine woke up the holders of its leases are told. */
const SLEEP_CHECK_MS = 1_000;
/** Short sleeps add up. What is shorter than this may be the two clocks' own coarseness. */
const SHORTEST_SLEEP_MS = 50;

const watches = new WeakMap<Clock, SuspendWatch>();

/** What sleeps as the machine does. */
export interface Sleeper {
  /** The machine woke up. */
  onWake(): void;
}

/**
 * Notices that the machine slept. Timers sleep with it, so a lease that ran out meanwhile would be given up too late by
 * its own timer. One watch serves every lease kept by one clock, and runs only while there are any.
 */
export class SuspendWatch {
  readonly #clock: Clock;
  readonly #sleepers = new Set<Sleeper>();
  #sleptMs = 0;
  #timer: Timer | undefined;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  static of(clock: Clock): SuspendWatch {
    const watch = watches.get(clock) ?? new SuspendWatch(clock);
    watches.set(clock, watch);
    return watch;
  }

  /** It is told from now on. The stopwatch is one that was started lately. */
  add(sleeper: Sleeper, lately: Stopwatch): void {
    this.#sleepers.add(sleeper);
    if (!this.#timer) this.#planLook(lately);
  }

  remove(sleeper: Sleeper): void {
    this.#sleepers.delete(sleeper);
    if (this.#sleepers.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #planLook(since: Stopwatch): void {
    const look = (): void => {
      this.#planLook(new Stopwatch(this.#clock));
      this.#look(since.sleptMs);
    };
    this.#timer = inRootContext(() => this.#clock.setTimer(SLEEP_CHECK_MS, look));
  }

  #look(sleptMs: number): void {
    if (sleptMs >= SHORTEST_SLEEP_MS) this.#sleptMs += sleptMs;
    if (this.#sleptMs <= SUSPEND_MS) return;
    this.#sleptMs = 0;
    for (const sleeper of [...this.#sleepers]) sleeper.onWake();
  }
}

import { type Clock, Stopwatch, type Timer } from "../clock.ts";

/** How soon after the machine woke up the holders of its leases are told. */
const LOOK_EVERY_MS = 1_000;

const watches = new WeakMap<Clock, SuspendWatch>();

/**
 * Notices that the machine slept. Timers sleep with it, so a lease that ran out meanwhile would be given up too late by
 * its own timer. One watch serves every lease kept by one clock, and runs only while there are any.
 */
export class SuspendWatch {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #timer: Timer | undefined;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  static of(clock: Clock): SuspendWatch {
    const watch = watches.get(clock) ?? new SuspendWatch(clock);
    watches.set(clock, watch);
    return watch;
  }

  /** Calls back whenever the machine woke up, until the returned function is called. */
  onWake(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (!this.#timer) this.#look();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  #look(): void {
    const since = new Stopwatch(this.#clock);
    this.#timer = this.#clock.setTimer(LOOK_EVERY_MS, () => {
      this.#look();
      if (since.suspended) for (const listener of [...this.#listeners]) listener();
    });
  }
}

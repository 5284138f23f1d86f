import type { Clock, Timer } from "../../time/clock.ts";

const TICK_MS = 20;

/** Measures how late timers fire: for how long the event loop was kept from turning. */
export class EventLoopWatch {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #due = 0;
  #latestMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#arm();
  }

  /** The latest of all, in milliseconds. */
  stop(): number {
    this.#timer?.cancel();
    return this.#latestMs;
  }

  #arm(): void {
    this.#due = this.#clock.now() + TICK_MS;
    this.#timer = this.#clock.setTimer(TICK_MS, () => {
      this.#latestMs = Math.max(this.#latestMs, this.#clock.now() - this.#due);
      this.#arm();
    });
  }
}

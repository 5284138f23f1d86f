import { type Sleeper, SuspendWatch } from "../lease/suspend-watch.ts";
import { type Clock, Stopwatch, type Timer } from "../time/clock.ts";
import { inRootContext } from "../time/root-context.ts";

/** Calls back once when a hold has lasted for so long, sleeps of the machine included. Keeps no process alive. */
export class HoldBound implements Sleeper {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #reached: () => void;
  readonly #held: Stopwatch;
  #timer: Timer | undefined;

  /** The hold begins now. */
  constructor(clock: Clock, ms: number, reached: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#reached = reached;
    this.#held = new Stopwatch(clock);
    SuspendWatch.of(clock).add(this, this.#held);
    this.onWake();
  }

  /** The hold has ended. */
  end(): void {
    this.#timer?.cancel();
    SuspendWatch.of(this.#clock).remove(this);
  }

  /** The timer slept as well, and would come too late by as much. @inheritDoc */
  onWake(): void {
    this.#timer?.cancel();
    const leftMs = Math.max(0, this.#ms - this.#held.elapsedMs);
    this.#timer = inRootContext(() => this.#clock.setTimer(leftMs, () => this.#onTimer()));
  }

  #onTimer(): void {
    if (this.#held.elapsedMs < this.#ms) this.onWake();
    else {
      this.end();
      this.#reached();
    }
  }
}

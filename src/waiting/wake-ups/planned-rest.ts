import { onAbort } from "../../time/abort.ts";
import type { Clock, Timer } from "../../time/clock.ts";

/** In how many milliseconds a pause is over, or is to be planned anew. */
export interface RestPlan {
  readonly inMs: number;
  readonly isOver: boolean;
}

/** What is left of a time may be less than the clock can tell, and would be planned for ever. */
const SHORTEST_MS = 1;

/** A pause whose end is planned anew whenever something is heard. */
export class PlannedRest {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #next: () => RestPlan;
  readonly #onEnd: () => void;
  #timer: Timer | undefined;
  #over: (() => void) | undefined;

  constructor(clock: Clock, signal: AbortSignal, next: () => RestPlan, onEnd: () => void) {
    this.#clock = clock;
    this.#signal = signal;
    this.#next = next;
    this.#onEnd = onEnd;
  }

  /** Pauses until it is over. Rejects with the signal's reason. */
  begin(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) return reject(this.#signal.reason);
      const end = (): void => {
        this.#timer?.cancel();
        stopListening();
        this.#over = undefined;
        this.#onEnd();
      };
      this.#over = () => {
        end();
        resolve();
      };
      const stopListening = onAbort(this.#signal, () => {
        end();
        reject(this.#signal.reason);
      });
      this.plan();
    });
  }

  /** Plans its end anew. Does nothing when it is over. */
  plan(): void {
    this.#timer?.cancel();
    const over = this.#over;
    if (!over) return;
    const { inMs, isOver } = this.#next();
    this.#timer = isOver
      ? this.#clock.setTimer(inMs, over, { keepAlive: true })
      : this.#clock.setTimer(Math.max(SHORTEST_MS, inMs), () => this.plan(), { keepAlive: true });
  }
}

import type { Clock, Timer } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import type { WakeUpMessage } from "./message.ts";

/** After so many milliseconds a message that had no effect is sent again; after twice as many the next time. */
const AGAIN_AFTER_MS = 100;
const MOST_REPEATS = 4;

/** What a process says when it hands a lock over, said again until the next holder says that it has the lock. */
export class RepeatedNotice {
  readonly #clock: Clock;
  readonly #publish: (message: WakeUpMessage) => void;
  #id: string | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, publish: (message: WakeUpMessage) => void) {
    this.#clock = clock;
    this.#publish = publish;
  }

  /** The lock was handed to the first of these waiters. */
  say(ids: readonly string[]): void {
    this.end();
    [this.#id] = ids;
    const message: WakeUpMessage = { word: "released", ids };
    this.#publish(message);
    if (this.#id !== undefined) this.#planRepeat(message, MOST_REPEATS);
  }

  /** A message says who holds the lock, or was handed it. If that is another than this process said, it is old news. */
  heard({ word, ids: [id] }: WakeUpMessage): void {
    if (word === "taken" || (word === "released" && id !== this.#id)) this.end();
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#id = undefined;
  }

  #planRepeat(message: WakeUpMessage, left: number): void {
    if (left === 0) {
      this.end();
      return;
    }
    const inMs = AGAIN_AFTER_MS * 2 ** (MOST_REPEATS - left);
    this.#timer = inRootContext(() =>
      this.#clock.setTimer(inMs, () => {
        this.#publish(message);
        this.#planRepeat(message, left - 1);
      }),
    );
  }
}

import { onAbort } from "../../time/abort.ts";
import type { Timer } from "../../time/clock.ts";
import type { KeyTopic } from "./key-topic.ts";
import { PollLimit } from "./poll-limit.ts";

/** A holder says that it has the lock before its record says so: the pause before the second look, in milliseconds. */
const SECOND_LOOK_MS = 50;

/** P55. One observer of a key: it looks at its own pace, and at once when a message says that the holder changed. */
export class WakeUpWatch {
  readonly #topic: KeyTopic;
  readonly #onEnd: () => void;
  readonly #looks = new PollLimit();
  /** The pause before the next look because of a message, in milliseconds. It doubles with each that finds nothing. */
  #soonMs: number | undefined;
  #plan: (() => void) | undefined;

  constructor(topic: KeyTopic, onEnd: () => void) {
    this.#topic = topic;
    this.#onEnd = onEnd;
  }

  /** A message says that the lock was released or taken. */
  told(): void {
    this.#soonMs = 0;
    this.#plan?.();
  }

  /** A look has found what the message told of. */
  found(): void {
    this.#soonMs = undefined;
  }

  /** Pauses until the next look, for `usualMs` at the most. Rejects with the signal's reason. */
  rest(usualMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#topic.sources;
    const since = this.#topic.now;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      let timer: Timer | undefined;
      const end = (): void => {
        timer?.cancel();
        stopListening();
        this.#plan = undefined;
      };
      const over = (): void => {
        end();
        this.#looks.count(this.#topic.now);
        if (this.#soonMs !== undefined) this.#soonMs = this.#soonMs === 0 ? SECOND_LOOK_MS : 2 * this.#soonMs;
        resolve();
      };
      this.#plan = () => {
        timer?.cancel();
        const { now } = this.#topic;
        // As if no message had come, once the pauses have grown to the usual one.
        const soonMs = this.#soonMs ?? usualMs;
        const at = soonMs < usualMs ? this.#looks.earliest(Math.max(now, since + soonMs)) : since + usualMs;
        timer = clock.setTimer(Math.max(0, Math.min(at, since + usualMs) - now), over, { keepAlive: true });
      };
      const stopListening = onAbort(signal, () => {
        end();
        reject(signal?.reason);
      });
      this.#plan();
    });
  }

  /** Looks no more. */
  end(): void {
    this.#onEnd();
  }
}

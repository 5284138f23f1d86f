import type { Timer } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import type { KeyTopic } from "./key-topic.ts";
import type { WakeUpMessage } from "./message.ts";

/** After so many milliseconds a message that had no effect is sent again; after twice as many the next time. */
const AGAIN_AFTER_MS = 100;
/** How often it is sent again where the lock was handed to one waiter, which no other can ask for. */
export const MOST_REPEATS = 5;

/** What is said of one release, until a message shows that it had its effect. */
interface ReleaseNotice {
  readonly message: WakeUpMessage;
  readonly saidAt: number;
  /** How often it may be said again. */
  readonly mostRepeats: number;
}

/**
 * What a process says as it releases a lock, or hands it over, said again until the next holder says that it has the
 * lock.
 */
export class RepeatedNotice {
  readonly #topic: KeyTopic;
  #notice: ReleaseNotice | undefined;
  #timer: Timer | undefined;

  constructor(topic: KeyTopic) {
    this.#topic = topic;
  }

  /**
   * The lock is being released, and these waiters ask first. What it returns is to be called when the service has
   * answered.
   */
  say(release: Pick<WakeUpMessage, "ids" | "tokens">, mostRepeats: number): () => void {
    this.end();
    const message: WakeUpMessage = { word: "released", ...release, at: this.#topic.releaseTime.nowText };
    const notice = { message, saidAt: this.#topic.now, mostRepeats };
    this.#topic.publish(message);
    if (release.ids.length === 0) return () => undefined;
    this.#notice = notice;
    return () => {
      // P59: a request of the first waiter may have been quicker than the release. One that was not is over by then,
      // and its sender has said so.
      const inMs = Math.min(2 * (this.#topic.now - notice.saidAt), AGAIN_AFTER_MS);
      if (this.#notice === notice) this.#planRepeat(notice, inMs, 0);
    };
  }

  /** A message says who holds the lock, or was handed it. If that is another than this process said, it is old news. */
  heard({ word, ids: [id] }: WakeUpMessage): void {
    if (word === "taken" || (word === "released" && id !== this.#notice?.message.ids[0])) this.end();
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#notice = undefined;
  }

  #planRepeat(notice: ReleaseNotice, inMs: number, repeats: number): void {
    if (repeats === notice.mostRepeats) {
      this.end();
      return;
    }
    this.#timer = inRootContext(() =>
      this.#topic.sources.clock.setTimer(inMs, () => {
        this.#topic.publish(notice.message);
        this.#planRepeat(notice, AGAIN_AFTER_MS * 2 ** repeats, repeats + 1);
      }),
    );
  }
}

import type { Lease } from "../../lease/lease.ts";
import type { Timer } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import { HolderAnswers } from "./holder-answers.ts";
import { KeyTopic, type TopicOptions } from "./key-topic.ts";
import { MOST_IDS, type WakeUpMessage, waiterOf } from "./message.ts";
import { WakeUpWait } from "./wake-up-wait.ts";

/** How long a key stays subscribed that this process neither holds nor waits for, in milliseconds. */
const LINGER_MS = 30_000;

/** What one process tells others about one key, and hears of it, as a holder and as a waiter. */
export class KeyWakeUps {
  readonly #topic: KeyTopic;
  readonly #answers: HolderAnswers;
  readonly #onUnused: () => void;
  #wait: WakeUpWait | undefined;
  #lease: Pick<Lease, "isHeld"> | undefined;
  #unused: Timer | undefined;

  /** `onUnused` is called when nothing is left of it. */
  constructor(options: TopicOptions, onUnused: () => void) {
    this.#topic = new KeyTopic(options, (message) => this.#receive(message));
    this.#answers = new HolderAnswers(options.sources.clock, (ids) => this.#topic.publish({ word: "held", ids }));
    this.#onUnused = onUnused;
    this.#keepWhileUsed();
  }

  /** A task of this process begins to wait for the lease of the blob. The wait is to be ended. */
  wait(): WakeUpWait {
    this.#keepWhileUsed();
    const wait: WakeUpWait = new WakeUpWait(this.#topic, () => {
      if (this.#wait === wait) this.#wait = undefined;
    });
    this.#wait = wait;
    return wait;
  }

  /** This process has the lease now. The returned function tells others that it was released. */
  holds(lease: Pick<Lease, "isHeld">): () => void {
    const topic = this.#topic;
    const id = this.#wait?.granted() ?? topic.sources.newId();
    this.#lease = lease;
    this.#keepWhileUsed();
    void topic.subscribed();
    topic.line.remove(id);
    topic.publish({ word: "taken", ids: [id] });
    return () => {
      if (this.#lease === lease) this.#lease = undefined;
      topic.publish({ word: "released", ids: topic.line.ids(topic.now).slice(0, MOST_IDS) });
    };
  }

  /** Hears and answers no more. */
  close(): void {
    this.#unused?.cancel();
    this.#unused = undefined;
    this.#answers.end();
    this.#topic.unsubscribe();
    this.#onUnused();
  }

  #receive(message: WakeUpMessage): void {
    const { line, now } = this.#topic;
    const { word, ids } = message;
    const [id = ""] = ids;
    if (word === "waiting") {
      line.heard(waiterOf(id), now);
      if (this.#lease?.isHeld) this.#answers.add(id);
    }
    if (word === "left" || word === "taken") line.remove(id);
    this.#wait?.receive(message);
    // The first one asks now. If it lives, and another was quicker, it says so again.
    if (word === "released") line.remove(id);
  }

  /** Looks now and then whether the key is used: a lease may be lost without a word. */
  #keepWhileUsed(): void {
    this.#unused ??= inRootContext(() =>
      this.#topic.sources.clock.setTimer(LINGER_MS, () => {
        this.#unused = undefined;
        if (this.#wait || this.#lease?.isHeld) this.#keepWhileUsed();
        else this.close();
      }),
    );
  }
}

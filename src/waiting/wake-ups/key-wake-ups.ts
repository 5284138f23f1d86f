import type { Lease } from "../../lease/lease.ts";
import type { Timer } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import { HolderAnswers } from "./holder-answers.ts";
import { KeyTopic, type TopicOptions } from "./key-topic.ts";
import { MOST_IDS, type WakeUpMessage, waiterOf } from "./message.ts";
import { type WakeUpOrder, WakeUpWait } from "./wake-up-wait.ts";
import { WakeUpWatch } from "./wake-up-watch.ts";

/** How long a key stays subscribed that this process neither holds nor waits for, in milliseconds. */
const LINGER_MS = 30_000;

/** What one process tells others about one key, and hears of it, as a holder and as a waiter. */
export class KeyWakeUps {
  readonly #topic: KeyTopic;
  readonly #answers: HolderAnswers;
  readonly #onUnused: () => void;
  readonly #waits = new Set<WakeUpWait>();
  readonly #watches = new Set<WakeUpWatch>();
  /** What this process holds of the key, and what it may have lost. */
  readonly #leases = new Set<Pick<Lease, "isHeld">>();
  #unused: Timer | undefined;

  /** `onUnused` is called when nothing is left of it. */
  constructor(options: TopicOptions, onUnused: () => void) {
    this.#topic = new KeyTopic(options, (message) => this.#receive(message));
    this.#answers = new HolderAnswers(options.sources.clock, (ids) => this.#topic.publish({ word: "held", ids }));
    this.#onUnused = onUnused;
    this.#keepWhileUsed();
  }

  /** A task of this process begins to wait for what so many can hold. The wait is to be ended. */
  wait(order: WakeUpOrder): WakeUpWait {
    this.#keepWhileUsed();
    const wait: WakeUpWait = new WakeUpWait(this.#topic, order, () => void this.#waits.delete(wait));
    this.#waits.add(wait);
    return wait;
  }

  /** A task of this process begins to observe the key. The watch is to be ended. */
  watch(): WakeUpWatch {
    this.#keepWhileUsed();
    const watch: WakeUpWatch = new WakeUpWatch(this.#topic, () => void this.#watches.delete(watch));
    this.#watches.add(watch);
    void this.#topic.subscribed();
    return watch;
  }

  /**
   * This process has a lease now, by this wait if it waited. The returned function tells others that it was released.
   */
  holds(lease: Pick<Lease, "isHeld">, wait: WakeUpWait | undefined): () => void {
    const topic = this.#topic;
    const id = wait?.granted() ?? topic.sources.newId();
    this.#leases.add(lease);
    this.#keepWhileUsed();
    void topic.subscribed();
    topic.line.remove(id);
    topic.publish({ word: "taken", ids: [id] });
    return () => {
      this.#leases.delete(lease);
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
      if (this.#isHolder) this.#answers.add(id);
    }
    if (word === "left" || word === "taken") line.remove(id);
    for (const wait of this.#waits) wait.receive(message);
    if (word === "released" || word === "taken") for (const watch of this.#watches) watch.told();
    // The first one asks now. If it lives, and another was quicker, it says so again.
    if (word === "released") line.remove(id);
  }

  get #isHolder(): boolean {
    for (const lease of this.#leases) {
      if (lease.isHeld) return true;
      this.#leases.delete(lease);
    }
    return false;
  }

  /** Looks now and then whether the key is used: a lease may be lost without a word. */
  #keepWhileUsed(): void {
    this.#unused ??= inRootContext(() =>
      this.#topic.sources.clock.setTimer(LINGER_MS, () => {
        this.#unused = undefined;
        const isWaiting = this.#waits.size > 0 || this.#watches.size > 0;
        if (!isWaiting && !this.#isHolder) return this.close();
        // A holder whose subscription failed would answer no waiter for as long as it holds.
        void this.#topic.subscribed();
        this.#keepWhileUsed();
      }),
    );
  }
}

import type { ReservedBlock } from "../../lease/fencing.ts";
import type { Lease } from "../../lease/lease.ts";
import type { Timer } from "../../time/clock.ts";
import { inRootContext } from "../../time/root-context.ts";
import type { TellRelease } from "../process-lease.ts";
import { EmptyQueue } from "./empty-queue.ts";
import { HolderAnswers } from "./holder-answers.ts";
import { KeyTopic, type TopicOptions } from "./key-topic.ts";
import type { KeyWait } from "./key-wait.ts";
import { MOST_IDS, type WakeUpMessage, waiterOf } from "./message.ts";
import { PlaceWait, type PlaceWaitOptions } from "./place-wait.ts";
import { publicId } from "./public-id.ts";
import { RecentWaiters } from "./recent-waiters.ts";
import { MOST_REPEATS, RepeatedNotice } from "./repeated-notice.ts";
import { tokensText } from "./reserved-tokens.ts";
import { type WakeUpOrder, WakeUpWait } from "./wake-up-wait.ts";
import { WakeUpWatch } from "./wake-up-watch.ts";

/** How long a key stays subscribed that this process neither holds nor waits for, in milliseconds. */
const LINGER_MS = 30_000;

/** What one process tells others about one key, and hears of it, as a holder and as a waiter. */
export class KeyWakeUps {
  readonly #topic: KeyTopic;
  readonly #answers: HolderAnswers;
  readonly #onUnused: () => void;
  readonly #waits = new Set<KeyWait>();
  readonly #watches = new Set<WakeUpWatch>();
  readonly #emptyQueue = new EmptyQueue();
  readonly #release: RepeatedNotice;
  readonly #heard = new RecentWaiters();
  #unused: Timer | undefined;

  /** `onUnused` is called when nothing is left of it. */
  constructor(options: TopicOptions, onUnused: () => void) {
    this.#topic = new KeyTopic(options, (message) => this.#receive(message));
    this.#answers = new HolderAnswers(options.sources.clock, (ids) => this.#topic.publish({ word: "held", ids }));
    this.#release = new RepeatedNotice(this.#topic);
    this.#onUnused = onUnused;
    this.#keepWhileUsed();
  }

  /** A task of this process begins to wait for what so many can hold. The wait is to be ended. */
  wait(order: WakeUpOrder): WakeUpWait {
    const wait: WakeUpWait = new WakeUpWait(this.#topic, order, () => void this.#waits.delete(wait));
    return this.#begun(wait);
  }

  /** A task of this process begins to wait in the queue between processes. The wait is to be ended. */
  waitInQueue(options: PlaceWaitOptions): PlaceWait {
    const wait: PlaceWait = new PlaceWait(this.#topic, options, () => void this.#waits.delete(wait));
    return this.#begun(wait);
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
   * This process has a lease now, by this wait if it waited. The returned function tells others that it is being
   * released, or handed over to the first of these lease ids, which the others wait for behind it; what that returns is
   * to be called when the service has answered.
   */
  holds(lease: Pick<Lease, "isHeld">, wait: KeyWait | undefined): TellRelease {
    const topic = this.#topic;
    const id = wait?.granted() ?? topic.sources.newId();
    this.answersFor(lease);
    this.#keepWhileUsed();
    void topic.subscribed();
    topic.line.remove(id);
    if (wait?.hasWaited) this.#emptyQueue.hasWaiter();
    this.#emptyQueue.saying(id);
    topic.publish({ word: "taken", ids: [id] });
    return (next, reserved) => {
      this.answersNoMoreFor(lease);
      return next
        ? this.handsOver(next, reserved)
        : this.#release.say({ ids: topic.line.ids(topic.now).slice(0, MOST_IDS) }, 1);
    };
  }

  /** Waiters that ask are answered while this lease is held. */
  answersFor(lease: Pick<Lease, "isHeld">): void {
    this.#answers.under(lease);
  }

  /** It is about to be handed over. */
  answersNoMoreFor(lease: Pick<Lease, "isHeld">): void {
    this.#answers.noMoreUnder(lease);
  }

  /**
   * Tells others that the lock is being handed over to the first of these lease ids, with the tokens that are reserved
   * for it, or released if there is none. What it returns is to be called when the service has answered.
   */
  handsOver(next: readonly string[], reserved?: ReservedBlock): () => void {
    const [first] = next;
    const tokens = reserved && first !== undefined ? tokensText(reserved, first) : undefined;
    return this.#release.say({ ids: next.slice(0, MOST_IDS).map(publicId), tokens }, MOST_REPEATS);
  }

  /** Whether the waiter of this lease id was heard of: it is on the channel. */
  isHeard(leaseId: string): boolean {
    return this.#topic.isTrusted && this.#heard.has(publicId(leaseId));
  }

  /** A look at the queue that was sent then has shown whether it is empty. */
  looked(isEmpty: boolean, sentAt: number): void {
    this.#emptyQueue.looked(isEmpty, sentAt);
  }

  /** P58. Whether no waiter is in the queue but one that this process cannot have heard of yet. */
  get isQueueEmpty(): boolean {
    const { idlePollMs, isTrusted, line, now } = this.#topic;
    return isTrusted && this.#emptyQueue.isCertain(now, idlePollMs) && line.ids(now).length === 0;
  }

  /** Hears and answers no more. */
  close(): void {
    this.#unused?.cancel();
    this.#unused = undefined;
    this.#answers.end();
    this.#release.end();
    this.#topic.unsubscribe();
    this.#onUnused();
  }

  #receive(message: WakeUpMessage): void {
    const { line, now } = this.#topic;
    const { word, ids } = message;
    const [id = ""] = ids;
    this.#topic.releaseTime.heard(message);
    if (word === "waiting") {
      line.heard(waiterOf(id), now);
      this.#emptyQueue.hasWaiter();
      this.#heard.add(waiterOf(id));
      this.#answers.add(id);
    }
    this.#release.heard(message);
    if (word === "taken") this.#emptyQueue.heard(id, now);
    if (word === "left" || word === "taken") line.remove(id);
    for (const wait of this.#waits) wait.receive(message);
    if (word === "released" || word === "taken") for (const watch of this.#watches) watch.told();
    // The first one asks now. If it lives, and another was quicker, it says so again.
    if (word === "released") line.remove(id);
  }

  #begun<T extends KeyWait>(wait: T): T {
    this.#keepWhileUsed();
    this.#waits.add(wait);
    return wait;
  }

  /** Looks now and then whether the key is used: a lease may be lost without a word. */
  #keepWhileUsed(): void {
    this.#unused ??= inRootContext(() =>
      this.#topic.sources.clock.setTimer(LINGER_MS, () => {
        this.#unused = undefined;
        const isWaiting = this.#waits.size > 0 || this.#watches.size > 0;
        if (!isWaiting && !this.#answers.isHolder) return this.close();
        // A holder whose subscription failed would answer no waiter for as long as it holds.
        void this.#topic.subscribed();
        this.#keepWhileUsed();
      }),
    );
  }
}

import type { Sources } from "../../time/clock.ts";
import { messageIn, type WakeUpMessage } from "./message.ts";
import { ReleaseTime } from "./release-time.ts";
import type { SafeChannel, Unsubscribe } from "./safe-channel.ts";
import { WaiterLine } from "./waiter-line.ts";

/** How many idle polls may pass without a message of a waiter before it is forgotten. */
const POLLS_REMEMBERED = 3;

export interface TopicOptions {
  readonly channel: SafeChannel;
  readonly topic: string;
  readonly sources: Sources;
  readonly idlePollMs: number;
}

/** The topic of one key on the channel, as one process knows it. */
export class KeyTopic {
  readonly sources: Sources;
  readonly idlePollMs: number;
  /** The waiters that this process has heard of. */
  readonly line: WaiterLine;
  /** When the key was last released. */
  readonly releaseTime: ReleaseTime;
  readonly #channel: SafeChannel;
  readonly #topic: string;
  readonly #onMessage: (message: WakeUpMessage) => void;
  #subscription: Promise<Unsubscribe | undefined> | undefined;
  #distrustedUntil = Number.NEGATIVE_INFINITY;

  constructor({ channel, topic, sources, idlePollMs }: TopicOptions, onMessage: (message: WakeUpMessage) => void) {
    this.sources = sources;
    this.idlePollMs = idlePollMs;
    this.line = new WaiterLine(POLLS_REMEMBERED * idlePollMs);
    this.releaseTime = new ReleaseTime(channel, sources.clock);
    this.#channel = channel;
    this.#topic = topic;
    this.#onMessage = onMessage;
  }

  get now(): number {
    return this.sources.clock.now();
  }

  publish(message: WakeUpMessage): void {
    this.#channel.publish(this.#topic, message);
  }

  /** Subscribes unless this process has. Resolves with whether messages arrive. */
  async subscribed(): Promise<boolean> {
    const subscription = this.#subscription ?? this.#subscribe();
    this.#subscription = subscription;
    const unsubscribe = await subscription;
    const isMine = this.#subscription === subscription;
    // The next call tries again.
    if (isMine && !unsubscribe) this.#subscription = undefined;
    return isMine && unsubscribe !== undefined;
  }

  /** Hears no more. */
  unsubscribe(): void {
    void this.#subscription?.then((unsubscribe) => unsubscribe?.());
    this.#subscription = undefined;
  }

  /** Whether messages count: not for a while after one was missing. */
  get isTrusted(): boolean {
    return this.now >= this.#distrustedUntil;
  }

  distrust(forMs: number): void {
    this.#distrustedUntil = this.now + forMs;
  }

  #subscribe(): Promise<Unsubscribe | undefined> {
    return this.#channel.subscribe(this.#topic, (text) => {
      const message = messageIn(text);
      if (message && this.#subscription !== undefined) this.#onMessage(message);
    });
  }
}

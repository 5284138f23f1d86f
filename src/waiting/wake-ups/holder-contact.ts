import type { KeyTopic } from "./key-topic.ts";

/** A holder that has not answered after this time, in milliseconds, is taken for one that does not speak. */
const ANSWER_WITHIN_MS = 1_000;
/** For how many idle polls an answer shows that messages of a holder arrive. */
const POLLS_PROVEN = 2;

/**
 * P56. Whether the holder of a key speaks, as one waiter knows by asking it. Only an answer to its own question, in
 * time, shows that messages arrive both ways.
 */
export class HolderContact {
  readonly #topic: KeyTopic;
  readonly #id: string;
  #count = 0;
  /** When the question was asked that has no answer yet. */
  #askedAt: number | undefined;
  /** How long after a question without an answer the next one follows, in milliseconds. */
  #askAgainMs = ANSWER_WITHIN_MS;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** Whether a process that speaks holds the lock, as far as messages say. */
  #isHeld = false;
  /** When the lock was handed to a waiter that has not said yet that it holds it. */
  #handedAt: number | undefined;

  constructor(topic: KeyTopic, id: string) {
    this.#topic = topic;
    this.#id = id;
  }

  get hasAsked(): boolean {
    return this.#count > 0;
  }

  /** Asks the holder, unless the last question is still open. */
  ask(): void {
    const { now } = this.#topic;
    const openMs = now - (this.#askedAt ?? Number.NEGATIVE_INFINITY);
    if (openMs < this.#askAgainMs) return;
    const isUnanswered = this.#askedAt !== undefined;
    this.#askAgainMs = isUnanswered ? Math.min(this.#topic.idlePollMs, 2 * openMs) : ANSWER_WITHIN_MS;
    if (isUnanswered) this.#isHeld = false;
    this.#askedAt = now;
    this.#count += 1;
    const count = this.#count;
    void this.#topic.subscribed().then((isSubscribed) => {
      if (!isSubscribed || this.#count !== count) return;
      if (this.#askedAt !== undefined) this.#askedAt = this.#topic.now;
      this.#topic.publish({ word: "waiting", ids: [`${this.#id}.${count}`] });
    });
  }

  /** A holder has answered these questions. When this waiter's last one was asked, if that is among them, in time. */
  answered(asks: readonly string[]): number | undefined {
    const { now } = this.#topic;
    const askedAt = this.#askedAt;
    const isInTime = askedAt !== undefined && now - askedAt <= ANSWER_WITHIN_MS;
    if (!isInTime || !asks.includes(`${this.#id}.${this.#count}`)) return undefined;
    this.#askedAt = undefined;
    this.#answeredAt = now;
    this.#isHeld = true;
    return askedAt;
  }

  /** Another process says that it holds the lock now. */
  taken(): void {
    this.#askedAt = undefined;
    this.#handedAt = undefined;
    this.#isHeld = true;
  }

  released(): void {
    this.#askedAt = undefined;
    this.#handedAt = undefined;
    this.#isHeld = false;
  }

  /** The lock was handed to another waiter, which is to say so when it holds it. */
  handedOver(): void {
    this.#handedAt ??= this.#topic.now;
  }

  /** A holder speaks to others. Where it has answered this waiter before, that goes on. */
  overheard(): void {
    const { now } = this.#topic;
    if (this.isHeldFor(now)) this.#answeredAt = now;
    this.#handedAt = undefined;
  }

  /** Whether the holder will say when it releases the lock. */
  isHeldFor(now: number): boolean {
    const isProven = now - this.#answeredAt < POLLS_PROVEN * this.#topic.idlePollMs;
    return this.#isHeld && isProven && this.silentInMs(now) > 0;
  }

  /** In how many milliseconds the holder is taken for silent, if it does not answer. */
  silentInMs(now: number): number {
    const { POSITIVE_INFINITY } = Number;
    const since = Math.min(this.#askedAt ?? POSITIVE_INFINITY, this.#handedAt ?? POSITIVE_INFINITY);
    return this.#isHeld ? since + ANSWER_WITHIN_MS - now : POSITIVE_INFINITY;
  }
}

import { onAbort } from "../../time/abort.ts";
import type { Timer } from "../../time/clock.ts";
import { HolderContact } from "./holder-contact.ts";
import type { KeyTopic } from "./key-topic.ts";
import type { WakeUpMessage } from "./message.ts";
import { PollLimit } from "./poll-limit.ts";

/**
 * How those who wait for a key ask after a release, one after the other, by how many can hold it: the milliseconds
 * between two of them, and how many ask in any case. The others do not if a message says that another was quicker.
 */
const ORDERS: Readonly<Record<WakeUpOrder, { readonly staggerMs: number; readonly certain: number }>> = {
  // The one before has it by then.
  one: { staggerMs: 100, certain: 1 },
  // Two releases may be told at once.
  several: { staggerMs: 100, certain: 2 },
  all: { staggerMs: 5, certain: Number.POSITIVE_INFINITY },
};

export type WakeUpOrder = "one" | "several" | "all";

/** For how long messages do not count after one was missing, in milliseconds. */
const DISTRUST_MS = 30_000;

/** The pause before the next poll, while it goes on. */
interface Rest {
  readonly since: number;
  /** How long it lasts where nothing is known of the holder, in milliseconds. */
  readonly usualMs: number;
  /** How long it lasts while the holder answers, in milliseconds. */
  readonly idleMs: number;
  /** Plans its end anew. */
  readonly plan: () => void;
}

/** A poll that is due because of a release. */
interface Wake {
  readonly at: number;
  /** Whether it comes in any case. */
  readonly isCertain: boolean;
  /** Whether the holder answered until then, so that no poll would be due before that. */
  readonly wasIdle: boolean;
}

/** P55. One task that waits for a key: what the holder says decides when it polls next. */
export class WakeUpWait {
  readonly #topic: KeyTopic;
  readonly #id: string;
  readonly #order: WakeUpOrder;
  readonly #onEnd: () => void;
  readonly #contact: HolderContact;
  readonly #polls = new PollLimit();
  #rest: Rest | undefined;
  #wake: Wake | undefined;
  /** Whether the poll that is under way came though no message announced that the lock is free. */
  #isUnannounced = false;
  /** Whether others know that it waits no more. */
  #isTold = false;

  constructor(topic: KeyTopic, order: WakeUpOrder, onEnd: () => void) {
    this.#topic = topic;
    this.#id = topic.sources.newId();
    this.#order = order;
    this.#onEnd = onEnd;
    this.#contact = new HolderContact(topic, this.#id);
  }

  /**
   * Pauses until the next poll, after one that was refused: for `usualMs` where no holder answers, for up to
   * `idlePollMs` while one does, and less when the lock is released. `bounded` says how much of a pause the caller's
   * timeout leaves. Rejects with the signal's reason.
   */
  rest(usualMs: number, bounded: (ms: number) => number, signal: AbortSignal): Promise<void> {
    const { sources, idlePollMs, line, now: since } = this.#topic;
    const { clock, random } = sources;
    line.heard(this.#id, since);
    this.#contact.ask();
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let timer: Timer | undefined;
      const end = (): void => {
        timer?.cancel();
        stopListening();
        this.#ended();
      };
      const over = (): void => {
        end();
        resolve();
      };
      const plan = (): void => {
        timer?.cancel();
        const { now } = this.#topic;
        const pauseMs = bounded(Math.max(0, this.#dueAt(now) - now));
        // The holder that answered so far may be gone by then.
        const untilSilentMs = this.#isIdle(now) ? this.#contact.silentInMs(now) : Number.POSITIVE_INFINITY;
        const isOver = pauseMs <= untilSilentMs;
        timer = clock.setTimer(isOver ? pauseMs : untilSilentMs, isOver ? over : plan, { keepAlive: true });
      };
      const stopListening = onAbort(signal, () => {
        end();
        reject(signal.reason);
      });
      const idleMs = Math.max(usualMs, idlePollMs * (0.8 + random() / 5));
      this.#rest = { since, usualMs, idleMs, plan };
      plan();
    });
  }

  /** A message about the key, of any process. */
  receive({ word, ids }: WakeUpMessage): void {
    if (word === "released") this.#released(ids);
    if (word === "held") this.#contact.answered(ids);
    if (word === "taken") {
      this.#contact.taken();
      if (!this.#wake?.isCertain) this.#wake = undefined;
    }
    if (word !== "waiting" && word !== "left") this.#rest?.plan();
  }

  /** A poll found free what is waited for. */
  foundFree(): void {
    // If no message said so, the next one may be missing, too.
    if (this.#isUnannounced) this.#topic.distrust(DISTRUST_MS);
    this.#isUnannounced = false;
  }

  /** It has what it waits for, and others are told. Returns the id under which they know this waiter. */
  granted(): string {
    this.foundFree();
    this.#isTold = true;
    return this.#id;
  }

  /** It waits no more. */
  end(): void {
    this.#onEnd();
    this.#topic.line.remove(this.#id);
    if (!this.#isTold && this.#contact.hasAsked) this.#topic.publish({ word: "left", ids: [this.#id] });
  }

  /** Those that the message names ask first, then those that this process knows of, one after the other. */
  #released(first: readonly string[]): void {
    const { now } = this.#topic;
    const wasIdle = this.#isIdle(now);
    this.#isUnannounced = false;
    this.#contact.released();
    if (!this.#rest) return;
    const others = this.#topic.line.ids(now).filter((id) => !first.includes(id));
    const line = [...first, ...others];
    const place = line.includes(this.#id) ? line.indexOf(this.#id) : line.length;
    const { since, idleMs } = this.#rest;
    const { staggerMs, certain } = ORDERS[this.#order];
    const at = this.#polls.earliest(Math.min(now + place * staggerMs, Math.max(now, since + idleMs)));
    // A later message does not put a poll off.
    const before = this.#wake ?? { at, isCertain: false, wasIdle };
    const isCertain = before.isCertain || place < certain;
    this.#wake = { at: Math.min(at, before.at), isCertain, wasIdle: before.wasIdle };
  }

  #dueAt(now: number): number {
    if (!this.#rest) return now;
    const { since, usualMs, idleMs } = this.#rest;
    if (this.#wake?.wasIdle) return this.#wake.at;
    return Math.min(since + (this.#isIdle(now) ? idleMs : usualMs), this.#wake?.at ?? Number.POSITIVE_INFINITY);
  }

  #isIdle(now: number): boolean {
    return this.#topic.isTrusted && this.#contact.isHeldFor(now);
  }

  #ended(): void {
    const { now } = this.#topic;
    this.#polls.count(now);
    this.#isUnannounced = !this.#wake && this.#isIdle(now);
    this.#wake = undefined;
    this.#rest = undefined;
  }
}

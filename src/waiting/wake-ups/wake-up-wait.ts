import type { KeyTopic } from "./key-topic.ts";
import { KeyWait } from "./key-wait.ts";
import type { WakeUpMessage } from "./message.ts";
import type { RestPlan } from "./planned-rest.ts";

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

/** The pause before the next poll, while it goes on. */
interface Rest {
  readonly since: number;
  /** How long it lasts where nothing is known of the holder, in milliseconds. */
  readonly usualMs: number;
  /** How long it lasts while the holder answers, in milliseconds. */
  readonly idleMs: number;
}

/** A poll that is due because of a release. */
interface DuePoll {
  readonly at: number;
  /** Whether it comes in any case. */
  readonly isCertain: boolean;
  /** Whether the holder answered until then, so that no poll would be due before that. */
  readonly wasIdle: boolean;
}

/** One task that waits without a queue between processes: those who wait poll one after the other. */
export class WakeUpWait extends KeyWait {
  readonly #order: WakeUpOrder;
  #rest: Rest | undefined;
  #wake: DuePoll | undefined;
  /** The waiter that has said last that it holds the lock: its release is no news any more. */
  #takenBy: string | undefined;

  constructor(topic: KeyTopic, order: WakeUpOrder, onEnd: () => void) {
    super(topic, topic.sources.newId(), onEnd);
    this.#order = order;
  }

  /** @inheritDoc */
  rest(usualMs: number, bounded: (ms: number) => number, signal: AbortSignal): Promise<void> {
    const { sources, idlePollMs, line, now: since } = this.topic;
    line.heard(this.id, since);
    this.contact.ask();
    const idleMs = Math.max(usualMs, idlePollMs * (0.8 + sources.random() / 5));
    this.#rest = { since, usualMs, idleMs };
    return this.pause(
      signal,
      () => this.#next(bounded),
      (now) => {
        const isWoken = this.#wake !== undefined && this.#wake.at <= now;
        const isUnannounced = !this.#wake && this.isIdle(now);
        this.#wake = undefined;
        this.#rest = undefined;
        return { isWoken, isUnannounced };
      },
    );
  }

  /** @inheritDoc */
  receive({ word, ids }: WakeUpMessage): void {
    if (word === "released") this.#released(ids);
    if (word === "held") this.contact.answered(ids);
    if (word === "taken") {
      [this.#takenBy] = ids;
      this.contact.taken();
      if (!this.#wake?.isCertain) this.#wake = undefined;
    }
    if (word !== "waiting" && word !== "left") this.plan();
  }

  #next(bounded: (ms: number) => number): RestPlan {
    const { now } = this.topic;
    const pauseMs = bounded(Math.max(0, this.#dueAt(now) - now));
    // The holder that answered so far may be gone by then.
    const untilSilentMs = this.isIdle(now) ? this.contact.silentInMs(now) : Number.POSITIVE_INFINITY;
    const isOver = pauseMs <= untilSilentMs;
    return { inMs: isOver ? pauseMs : untilSilentMs, isOver };
  }

  /** Those that the message names ask first, then those that this process knows of, one after the other. */
  #released(first: readonly string[]): void {
    if (first.length > 0 && first[0] === this.#takenBy && first[0] !== this.id) return;
    const { now } = this.topic;
    const wasIdle = this.isIdle(now);
    this.announced();
    this.contact.released();
    if (!this.#rest) return;
    const others = this.topic.line.ids(now).filter((id) => !first.includes(id));
    const line = [...first, ...others];
    const place = line.includes(this.id) ? line.indexOf(this.id) : line.length;
    const { since, idleMs } = this.#rest;
    const { staggerMs, certain } = ORDERS[this.#order];
    const at = this.polls.earliest(Math.min(now + place * staggerMs, Math.max(now, since + idleMs)));
    // A later message does not put a poll off.
    const before = this.#wake ?? { at, isCertain: false, wasIdle };
    const isCertain = before.isCertain || place < certain;
    this.#wake = { at: Math.min(at, before.at), isCertain, wasIdle: before.wasIdle };
  }

  #dueAt(now: number): number {
    if (!this.#rest) return now;
    const { since, usualMs, idleMs } = this.#rest;
    if (this.#wake?.wasIdle) return this.#wake.at;
    return Math.min(since + (this.isIdle(now) ? idleMs : usualMs), this.#wake?.at ?? Number.POSITIVE_INFINITY);
  }
}

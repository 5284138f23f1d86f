import type { ReservedBlock } from "../../lease/fencing.ts";
import type { KeyTopic } from "./key-topic.ts";
import { KeyWait } from "./key-wait.ts";
import { KnownPlace, type KnownPlaceOptions } from "./known-place.ts";
import type { WakeUpMessage } from "./message.ts";
import type { RestPlan } from "./planned-rest.ts";
import { reservedIn } from "./reserved-tokens.ts";

/** So long after a message of a holder it is asked again by a waiter that may have been handed the lock. */
const DOUBT_MS = 100;

/** What a message says to a waiter: the lock was handed to it, or is free. */
export type LockNews = "handed" | "free";

export type PlaceWaitOptions = Pick<KnownPlaceOptions, "leaseId" | "pace" | "possible" | "longestSleepMs">;

/**
 * P57. One task that waits in the queue between processes. A message tells it that the lock was handed to it, or who
 * was; only a look at the queue makes it the first.
 */
export class PlaceWait extends KeyWait {
  readonly #place: KnownPlace;
  readonly #leaseId: string;
  #usualEndsAt = 0;
  #wake: { readonly at: number; readonly news: LockNews } | undefined;
  #news: LockNews | undefined;
  #tokens: string | undefined;
  /** The waiter that was last handed the lock: its holder may say so again. */
  #handedTo: string | undefined;
  /** Whether a holder speaks that has not said yet that it has released the lock, or handed it over. */
  #isToBeTold = false;
  #questionAt = Number.POSITIVE_INFINITY;

  constructor(topic: KeyTopic, options: PlaceWaitOptions, onEnd: () => void) {
    const { idlePollMs, sources } = topic;
    const place = new KnownPlace({ ...options, idlePollMs, random: sources.random });
    super(topic, place.id, onEnd);
    this.#place = place;
    this.#leaseId = options.leaseId;
  }

  /** The tokens that the holder before has reserved for this waiter in the record at this ETag, if it said so. */
  reservedAt(etag: string): ReservedBlock | undefined {
    return this.#tokens === undefined ? undefined : reservedIn(this.#tokens, this.#leaseId, etag);
  }

  /** Its ticket stands. */
  joined(): void {
    this.contact.ask();
  }

  /** A look has shown who stands before it, by their lease ids; undefined if it is not in the queue. */
  looked(before: readonly string[] | undefined): void {
    this.#place.looked(before, this.topic.now);
  }

  /** Why its last rest ended, if that was for a message. Asked again, it says nothing. */
  takeNews(): LockNews | undefined {
    const news = this.#news;
    this.#news = undefined;
    return news;
  }

  /** @inheritDoc */
  rest(usualMs: number, bounded: (ms: number) => number, signal: AbortSignal): Promise<void> {
    const { now } = this.topic;
    this.#usualEndsAt = now + usualMs;
    this.#place.rests(now);
    if (!this.contact.isHeldFor(now)) this.contact.ask();
    return this.pause(
      signal,
      () => this.#next(bounded),
      (endedAt) => {
        this.#news = this.#wake && this.#wake.at <= endedAt ? this.#wake.news : undefined;
        this.#wake = undefined;
        return { isWoken: this.#news !== undefined, isUnannounced: !this.#news && this.#isToBeTold };
      },
    );
  }

  /** @inheritDoc */
  receive({ word, ids, tokens }: WakeUpMessage): void {
    const { now } = this.topic;
    const [first = ""] = ids;
    if (word === "released" && first === this.id) this.#tokens = tokens;
    if (word === "released") this.#released(ids, first, now);
    if (word === "taken" && first !== this.id) {
      this.#place.handedOver([first], now);
      this.contact.overheard();
      this.contact.taken();
      this.#isToBeTold = this.contact.isHeldFor(now);
      this.#planQuestion();
    }
    if (word === "held") {
      const askedAt = this.contact.answered(ids);
      if (askedAt !== undefined) this.#place.heldAt(askedAt);
      this.#isToBeTold ||= askedAt !== undefined;
      this.contact.overheard();
      this.#planQuestion();
    }
    if (word === "left") this.#place.left(first, now);
    if (word !== "waiting") this.plan();
  }

  #released(ids: readonly string[], first: string, now: number): void {
    if (first !== "" && first !== this.id && first === this.#handedTo) return;
    this.#handedTo = first;
    this.#isToBeTold = false;
    if (ids.length > 0 && first !== this.id) {
      this.#place.handedOver(ids, now);
      this.contact.overheard();
      this.contact.handedOver();
      return;
    }
    this.announced();
    this.contact.released();
    if (first === this.id) this.#wakes("handed", now);
    else if (this.#place.isNext) this.#wakes("free", now);
  }

  #wakes(news: LockNews, now: number): void {
    const { at } = this.#wake ?? { at: Number.POSITIVE_INFINITY };
    this.#wake = { at: Math.min(at, this.polls.earliest(now)), news: this.#wake?.news === "handed" ? "handed" : news };
  }

  #next(bounded: (ms: number) => number): RestPlan {
    const { now } = this.topic;
    const isIdle = this.isIdle(now);
    if (isIdle && this.#questionAt <= now) {
      this.#questionAt = Number.POSITIVE_INFINITY;
      this.contact.ask();
    }
    const endsAt = (isIdle ? this.#place.restsUntil(now) : undefined) ?? this.#usualEndsAt;
    const pauseMs = bounded(Math.max(0, Math.min(endsAt, this.#wake?.at ?? endsAt) - now));
    const againMs = isIdle ? Math.min(this.contact.silentInMs(now), this.#questionAt - now) : Number.POSITIVE_INFINITY;
    return pauseMs <= againMs ? { inMs: pauseMs, isOver: true } : { inMs: againMs, isOver: false };
  }

  /** Asks the holder again before its last answer is old, and soon if this waiter may have been handed the lock. */
  #planQuestion(): void {
    const { idlePollMs, now, sources } = this.topic;
    const isSoon = this.#place.isInDoubt(now);
    const at = now + (isSoon ? DOUBT_MS : idlePollMs * (0.8 + sources.random() / 5));
    this.#questionAt = isSoon ? Math.min(at, this.#questionAt) : at;
  }
}

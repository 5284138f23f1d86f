import type { Pace } from "../pace.ts";
import type { PossibleHandOver } from "../possible-hand-over.ts";
import { publicId } from "./public-id.ts";

/** A waiter looks itself within this time, whatever messages say of its place, in milliseconds. */
const LOOK_EVERY_MS = 60_000;

export interface KnownPlaceOptions {
  /** The id that the waiter will have on the lock. */
  readonly leaseId: string;
  readonly pace: Pace;
  readonly possible: PossibleHandOver;
  /** P40: within this time it has to find out that it was handed the lock, in milliseconds. */
  readonly longestSleepMs: number;
  readonly idlePollMs: number;
  readonly random: () => number;
}

/** What one waiter knows of its place in the queue between processes: by looks, and by messages since. */
export class KnownPlace {
  readonly id: string;
  readonly #of: KnownPlaceOptions;
  readonly #idleMs: number;
  /** Who stands before it. Undefined while it is not in the queue. */
  #before: readonly string[] | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #restEndsAt = Number.NEGATIVE_INFINITY;

  constructor(options: KnownPlaceOptions) {
    this.id = publicId(options.leaseId);
    this.#of = options;
    this.#idleMs = Math.min(options.idlePollMs, options.longestSleepMs);
  }

  get isNext(): boolean {
    return this.#before?.length === 0;
  }

  /** A look has shown who stands before it, by their lease ids; undefined if it is not in the queue. */
  looked(before: readonly string[] | undefined, now: number): void {
    this.#before = before?.map(publicId);
    this.#lookedAt = now;
    this.rests(now);
  }

  /**
   * A holder has handed the lock to the first of these waiters, and the others come next. What would put this waiter
   * further back is an old message.
   */
  handedOver(ids: readonly string[], now: number): void {
    const [first = ""] = ids;
    const own = ids.indexOf(this.id);
    const at = this.#before?.indexOf(first) ?? -1;
    if (own > 0) this.#moveUp(ids.slice(1, own), now);
    else if (at >= 0) this.#moveUp(this.#before?.slice(at + 1), now);
  }

  /** A waiter has given up. */
  left(id: string, now: number): void {
    this.#moveUp(
      this.#before?.filter((other) => other !== id),
      now,
    );
  }

  /** A rest begins, or begins anew. */
  rests(now: number): void {
    const place = this.#before?.length ?? 0;
    const { pace, random } = this.#of;
    const idleMs = this.#idleMs * (0.9 + random() / 10);
    const sleepMs = place === 0 ? idleMs : Math.max(idleMs, pace.sleepMs(place, now, random));
    this.#restEndsAt = Math.min(now + sleepMs, place === 0 ? Number.POSITIVE_INFINITY : this.#lookedAt + LOOK_EVERY_MS);
  }

  /** Until when it rests while messages of holders arrive. Undefined while it is not in the queue. */
  restsUntil(now: number): number | undefined {
    if (!this.#before) return undefined;
    return Math.min(this.#restEndsAt, now + this.#of.possible.dueInMs(now) + this.#idleMs);
  }

  /** A holder that had not looked who is next has answered what this waiter asked then. */
  heldAt(askedAt: number): void {
    if (askedAt >= this.#lookedAt) this.#of.possible.heldSince();
  }

  /** Whether the lock may be its own, and an answer of a holder would say that it is not. */
  isInDoubt(now: number): boolean {
    return Number.isFinite(this.#of.possible.dueInMs(now));
  }

  #moveUp(before: readonly string[] | undefined, now: number): void {
    if (!before || !this.#before || before.length >= this.#before.length) return;
    this.#before = before;
    this.#of.pace.saw(before.length, now);
    this.rests(now);
  }
}

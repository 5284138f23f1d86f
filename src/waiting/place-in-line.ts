import { isArrival, type TicketText } from "../blobs/queue-ticket.ts";
import type { Acquisition, AcquisitionAnswer, Granted } from "../lease/acquisition.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { isUnsure } from "../lease/retry.ts";
import { arrivalOf, type FairQueue } from "./fair-queue.ts";
import type { Pace } from "./pace.ts";
import type { PossibleHandOver } from "./possible-hand-over.ts";
import type { Ticket } from "./ticket.ts";
import type { WaitLimit } from "./wait-limit.ts";
import type { PlaceWait } from "./wake-ups/place-wait.ts";

/** A waiter whose ticket is gone takes it again after this time. */
const REJOIN_MS = 250;

export interface PlaceOptions extends Pick<TicketText, "holder" | "record"> {
  readonly blob: LockBlob;
  readonly queue: FairQueue;
  readonly acquisition: Acquisition;
  readonly limit: WaitLimit;
  readonly pace: Pace;
  readonly possible: PossibleHandOver;
  /** Called when this waiter is first and another process has held the lock for two polls. */
  readonly onNext: () => void;
  /** What it hears of the queue. Undefined where there is no channel. */
  readonly wakeUps: PlaceWait | undefined;
}

/**
 * One task's place in the queue between processes. It asks for the lock once; then it takes a ticket, looks now and
 * then who is before it, and asks again when none is, or when it may have been handed the lock all the same.
 */
export class PlaceInLine {
  readonly #options: PlaceOptions;
  readonly #possible: PossibleHandOver;
  #ticket: Ticket | undefined;
  /** How many waiters stand before this one, at the last look. Undefined while it is not in the queue. */
  #position: number | undefined;
  #hasStood = false;
  /** How often an acquire was refused while this waiter was first. */
  #heldWhenNext = 0;
  #lookAt = Number.NEGATIVE_INFINITY;

  constructor(options: PlaceOptions) {
    this.#options = options;
    this.#possible = options.possible;
  }

  /** A waiter that has one may have been handed the lock. */
  get ticket(): Ticket | undefined {
    return this.#ticket;
  }

  /** What brings its next step forward, or puts it off. Undefined where there is no channel. */
  get wakeUps(): PlaceWait | undefined {
    return this.#options.wakeUps;
  }

  /**
   * One step towards the lock: what was granted, or when to take the next step, in milliseconds. Rejects as requests
   * do.
   */
  async step(): Promise<Granted | number> {
    const { queue, acquisition, limit, holder, record, blob, pace, wakeUps } = this.#options;
    // Lapsed, or swept away, while this process was stopped or could not reach the service.
    if (!this.#ticket?.stands) this.#position = undefined;
    // P36: only the first asks for the lock.
    const isFirst = this.#position === 0;
    const news = wakeUps?.takeNews();
    // The first of those who heard that the lock is free asks for it.
    if (news === "free") this.#lookAt = this.#now;
    if (!this.#ticket || isFirst || news === "handed" || this.#possible.isDue(this.#now)) {
      const answer = await this.#ask();
      if (answer.kind === "acquired") return answer;
      const arrivedAt = arrivalOf(answer.date, limit.waitedMs);
      // A ticket is named by the date of an answer. Without a date this waiter asks again.
      if (!this.#ticket && !isArrival(arrivedAt)) return REJOIN_MS;
      this.#ticket ??= queue.ticket(arrivedAt, { leaseId: acquisition.leaseId, holder, record });
      if (isFirst) {
        this.#heldWhenNext += 1;
        // At the first refusal the holder may be new, and about to write its record.
        if (this.#heldWhenNext === 2) this.#options.onNext();
        return pace.sleepMs(0, this.#now, blob.random);
      }
    }
    if (this.#position !== undefined && this.#lookAt > this.#now) return this.#untilNext();
    if (this.#position === undefined) {
      await this.#ticket.join(limit.signal);
      wakeUps?.joined();
    }
    return await this.#look();
  }

  async #ask(): Promise<AcquisitionAnswer> {
    const { acquisition, limit } = this.#options;
    try {
      return await acquisition.ask(limit.signal);
    } catch (error) {
      if (isUnsure(error)) this.#possible.suspect(this.#now);
      throw error;
    }
  }

  async #look(): Promise<number> {
    const { queue, acquisition, limit, blob, pace, wakeUps } = this.#options;
    const { tickets } = await queue.waiting(limit.signal);
    const position = tickets.findIndex(({ leaseId }) => leaseId === acquisition.leaseId);
    const now = this.#now;
    const isBack = this.#position === undefined && this.#hasStood;
    const before = tickets.slice(0, Math.max(0, position));
    wakeUps?.looked(position < 0 ? undefined : before.map(({ leaseId }) => leaseId));
    this.#position = position < 0 ? undefined : position;
    if (this.#position === undefined) {
      // A waiter that no listing shows is not handed the lock. If the container is gone, an acquire makes it anew.
      this.#possible.suspect(now);
      return REJOIN_MS;
    }
    this.#hasStood = true;
    // A waiter that was away may have been handed the lock before that.
    if (isBack) this.#possible.suspect(now);
    pace.saw(position, now);
    this.#possible.sawBefore(before, tickets[position]?.madeAt ?? 0, now);
    if (position === 0) return 0;
    this.#lookAt = now + pace.sleepMs(position, now, blob.random);
    return this.#untilNext();
  }

  /** How long to rest until the next look, or until it asks although others stand before it. */
  #untilNext(): number {
    return Math.min(this.#lookAt - this.#now, this.#possible.dueInMs(this.#now));
  }

  get #now(): number {
    return this.#options.blob.clock.now();
  }
}

import { QUEUE, type TicketText, ticketIn, ticketName, type WaitingTicket } from "../blobs/queue-ticket.ts";
import type { Acquisition } from "../lease/acquisition.ts";
import { ServiceTime } from "../lease/last-stamp.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import { changeLease, releaseLease } from "../lease/release.ts";
import { repeat, retry, TRIES } from "../lease/retry.ts";
import { sweepHelpers } from "../lease/sweep.ts";
import { Stopwatch } from "../time/clock.ts";
import { Ticket } from "./ticket.ts";
import type { KeyWakeUps } from "./wake-ups/key-wake-ups.ts";

/** A ticket that is not leased and was not written for this long belongs to a dead process. */
const TICKET_DEAD_AFTER_MS = 60_000;
/** P44: for how long a hand-over to a waiter that gave up may still be on its way. */
const LATE_HAND_OVER_MS = 60_000;

export interface WaitingTickets {
  /** In the order of arrival. */
  readonly tickets: readonly WaitingTicket[];
  /** Undefined if there was nothing to list. */
  readonly time: ServiceTime | undefined;
}

/** The arrival of a waiter that had waited for `waitedMs` when the service gave the date. */
export function arrivalOf(date: number, waitedMs: number): number {
  return Math.ceil((date - waitedMs) / 1_000) * 1_000;
}

/** The lease ids of those who wait, in order, without the present one of the lock. */
export function nextInLine(tickets: readonly WaitingTicket[], present: string): readonly string[] {
  return tickets.map(({ leaseId }) => leaseId).filter((leaseId) => leaseId !== present);
}

/** The queue between processes for one key: a folder of tickets, which every process can list. */
export class FairQueue {
  readonly #blob: LockBlob;
  readonly #wakeUps: Pick<KeyWakeUps, "handsOver"> | undefined;
  #passing: Promise<unknown> = Promise.resolve();

  /** What is handed over by a waiter that gives up is told over `wakeUps`, if there are any. */
  constructor(blob: LockBlob, wakeUps?: Pick<KeyWakeUps, "handsOver">) {
    this.#blob = blob;
    this.#wakeUps = wakeUps;
  }

  ticket(arrivedAt: number, waiter: Omit<TicketText, "key">): Ticket {
    const { name: key } = this.#blob;
    return new Ticket(this.#blob.helper(ticketName(key, arrivedAt, waiter.leaseId)), { ...waiter, key });
  }

  /** The waiters, in order. One request. Tickets of dead processes are deleted in the background. */
  async waiting(signal?: AbortSignal): Promise<WaitingTickets> {
    const found = await this.#blob.list(QUEUE, { signal });
    sweepHelpers(this.#blob, found, TICKET_DEAD_AFTER_MS);
    const tickets = found.flatMap((blob) => ticketIn(blob) ?? []);
    const [first] = found;
    return { tickets, time: first && new ServiceTime(this.#blob.clock, first.date) };
  }

  /**
   * P43. For a waiter that gives up, and may have been handed the lock, or may be yet: passes the lock on to the first
   * waiter, or releases it. Repeated for a minute, until it turns out that the lock was this waiter's.
   */
  async giveUp(acquisition: Pick<Acquisition, "leaseId" | "mayReturn">, ticket: Ticket | undefined): Promise<void> {
    const since = new Stopwatch(this.#blob.clock);
    await ticket?.leave();
    const isOver = async (): Promise<boolean> =>
      (await this.#passOn(acquisition.leaseId)) || !(ticket || acquisition.mayReturn);
    if ((await isOver()) || since.elapsedMs >= LATE_HAND_OVER_MS) return;
    await repeat(this.#blob, isOver, LATE_HAND_OVER_MS, since);
  }

  /**
   * Whether the lock was this waiter's, and is passed on. Calls run one after the other, so that none renews a lease
   * that another is about to pass on.
   */
  #passOn(leaseId: string): Promise<boolean> {
    const passed = this.#passing.then(() => this.#passOnNow(leaseId));
    this.#passing = passed;
    return passed;
  }

  async #passOnNow(leaseId: string): Promise<boolean> {
    const blob = this.#blob;
    try {
      // A change to the present id succeeds whatever the old id was: only a renewal tells whether it was ours.
      const renewed = await retry(blob, () => blob.renew(leaseId), { tries: TRIES });
      if (renewed.kind === "refused") return false;
      const { tickets } = await retry(blob, () => this.waiting(), { tries: TRIES });
      const next = nextInLine(tickets, leaseId);
      const [first] = next;
      const ending = first === undefined ? releaseLease(blob, leaseId) : changeLease(blob, leaseId, first);
      await ending.finally(this.#wakeUps?.handsOver(next));
      return true;
    } catch (error) {
      blob.log(`a lease on "${blob.key}" could not be passed on; if it stands, it lapses by itself: ${String(error)}`);
      return false;
    }
  }
}

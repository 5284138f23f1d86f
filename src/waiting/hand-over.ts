import type { WaitingTicket } from "../blobs/queue-ticket.ts";
import type { ReservedBlock } from "../lease/fencing.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import type { EndAnswer } from "../lease/release.ts";
import { stayAwayMs } from "./backoff.ts";
import { arrivalOf, type FairQueue, nextInLine, type WaitingTickets } from "./fair-queue.ts";
import type { HandedTo } from "./held.ts";
import type { QueueHead } from "./local-queue.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";
import type { ProcessLease } from "./process-lease.ts";
import type { KeyWakeUps } from "./wake-ups/key-wake-ups.ts";

/** How a hold ended, and which waiter the lock went to, if it was handed over. */
export type HoldEnd = EndAnswer & { readonly handedTo?: HandedTo | undefined };

const HANDED_OVER: HoldEnd = Object.freeze({ kind: "released", handedTo: "task" });

/** Says who holds the lock next. */
export interface HandOver {
  /**
   * Hands a lease that is held to the next task of this process, or to another process, or gives it back; and leaves
   * the queue.
   */
  end(lease: ProcessLease, head: QueueHead<ProcessLease>, isIdGivenOut: boolean): Promise<HoldEnd>;
}

/** Tasks of this process first, within a budget; then the process that polls at the right moment. */
export class LocalFirstHandOver implements HandOver {
  readonly #options: Pick<ResolvedLockerOptions, "handOverCount" | "handOverMs" | "poll">;
  readonly #random: () => number;

  constructor(options: Pick<ResolvedLockerOptions, "handOverCount" | "handOverMs" | "poll">, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  end(lease: ProcessLease, head: QueueHead<ProcessLease>, isIdGivenOut: boolean): Promise<HoldEnd> {
    lease.budget.count();
    const loopTurned = lease.budget.loopTurned();
    const end = () => this.#end(lease, head, isIdGivenOut);
    return loopTurned === undefined ? end() : loopTurned.then(end);
  }

  #end(processLease: ProcessLease, head: QueueHead<ProcessLease>, isIdGivenOut: boolean): Promise<HoldEnd> {
    const { handOverCount, handOverMs, poll } = this.#options;
    const {
      budget,
      renewer: { lease },
    } = processLease;
    const isWithin = budget.handOvers <= handOverCount && budget.ageMs < handOverMs;
    // A lease that is uncertain is released instead: the answer tells whether it still stood.
    // P7, P31: held by the clock, and under an id that no write of this task bears.
    if (!isIdGivenOut && isWithin && lease.isHeld && passTo(head, processLease)) return Promise.resolve(HANDED_OVER);
    const released = lease.release();
    const onAnswered = processLease.onRelease?.();
    return released.finally(() => {
      onAnswered?.();
      // P33: a process that has used up its budget, and has more tasks waiting, lets other processes come first.
      const isFirst = isWithin || head.nextWaitedMs === undefined;
      head.leave(isFirst ? { budget } : { stayAwayMs: stayAwayMs(poll, this.#random) });
    });
  }
}

/** A hand-over does not wait longer than this for the next holder's tokens to be reserved, in milliseconds. */
export const RESERVED_WITHIN_MS = 500;

export interface FifoOptions {
  readonly queue: FairQueue;
  readonly blob: LockBlob;
  /** What has to be left of the lease for the next holder to find out that it has the lock, in milliseconds. */
  readonly enoughMs: number;
  /** What this process hears of the key. Undefined where there is no channel. */
  readonly wakeUps:
    | Pick<KeyWakeUps, "isQueueEmpty" | "isHeard" | "looked" | "answersFor" | "answersNoMoreFor">
    | undefined;
}

/** The first to arrive, in this process or another. */
export class FifoHandOver implements HandOver {
  readonly #options: FifoOptions;

  constructor(options: FifoOptions) {
    this.#options = options;
  }

  async end(processLease: ProcessLease, head: QueueHead<ProcessLease>, isIdGivenOut: boolean): Promise<HoldEnd> {
    const { blob } = this.#options;
    let answer: HoldEnd | undefined;
    try {
      answer = await this.#handOver(processLease, head, isIdGivenOut);
    } catch (error) {
      blob.log(`the queue of "${blob.key}" could not be served, its lock is released: ${String(error)}`);
    }
    if (answer) return answer;
    const released = processLease.renewer.lease.release();
    const onAnswered = processLease.onRelease?.([]);
    return await released.finally(() => {
      onAnswered?.();
      head.leave();
    });
  }

  async #handOver(
    processLease: ProcessLease,
    head: QueueHead<ProcessLease>,
    isIdGivenOut: boolean,
  ): Promise<HoldEnd | undefined> {
    const { queue, blob, enoughMs, wakeUps } = this.#options;
    const { renewer, ticketGone } = processLease;
    const { lease } = renewer;
    // P39: this process's own ticket, if it were still there, would be handed the lock.
    await ticketGone;
    // P58: without a look.
    if (wakeUps?.isQueueEmpty) {
      const isPassed = !isIdGivenOut && lease.isHeld && passTo(head, processLease);
      return isPassed ? HANDED_OVER : undefined;
    }
    // P40: a change of the id does not extend the lease.
    if (lease.remainingMs < enoughMs) await renewer.ensure(enoughMs);
    // P57: the look sees a waiter that was answered.
    wakeUps?.answersNoMoreFor(lease);
    const lookedAt = blob.clock.now();
    // P41: no renewal between list and change.
    renewer.pause();
    const waiting = await queue.waiting();
    const next = waiting.tickets.find(({ leaseId }) => leaseId !== lease.leaseId);
    wakeUps?.looked(next === undefined, lookedAt);
    if (!isIdGivenOut && isLocalTurn(head, next, waiting) && lease.isHeld && passTo(head, processLease)) {
      renewer.resume();
      wakeUps?.answersFor(lease);
      return HANDED_OVER;
    }
    if (!next) return undefined;
    const reserved = await this.#reserveFor(next, processLease);
    // P42: the next holder holds by its own acquire.
    const changed = lease.changeTo(next.leaseId);
    // P59: the message is on its way as the change is.
    const onAnswered = processLease.onRelease?.(nextInLine(waiting.tickets, lease.leaseId), reserved);
    // A next holder that is told at once could be done before the next task of this process has its ticket.
    if (wakeUps) head.leave();
    const answer = await changed.finally(() => {
      onAnswered?.();
      head.leave();
    });
    return { ...answer, handedTo: "process" };
  }

  /** P60: the next holder's tokens, where a message can tell it of them. */
  async #reserveFor(
    { leaseId: next, holder, record }: WaitingTicket,
    { tokens, renewer: { lease } }: ProcessLease,
  ): Promise<ReservedBlock | undefined> {
    const { blob, wakeUps } = this.#options;
    if (!record || !wakeUps?.isHeard(next) || !lease.isHeld) return undefined;
    const { leaseId, lastStamp } = lease;
    const late = new AbortController();
    const timer = blob.clock.setTimer(RESERVED_WITHIN_MS, () => late.abort());
    const description = { ...record, holder, fair: true };
    const reserved = await tokens.reserveFor(blob, { leaseId, lastStamp, description, signal: late.signal });
    timer.cancel();
    return reserved;
  }
}

/**
 * Hands the lease to the next task of this process, if there is one that can take it. From this moment on the lease is
 * that task's.
 */
function passTo(head: QueueHead<ProcessLease>, processLease: ProcessLease): boolean {
  const { blob, renewer } = processLease;
  renewer.heldBy(undefined);
  const onTaken = blob.telemetry.handsOver();
  return head.pass(onTaken === processLease.onTaken ? processLease : { ...processLease, onTaken });
}

/** P46: whether the first in line of this process came before all tickets. */
function isLocalTurn(
  head: QueueHead<ProcessLease>,
  next: WaitingTicket | undefined,
  { time }: WaitingTickets,
): boolean {
  if (!next || !time) return true;
  return head.nextWaitedMs !== undefined && arrivalOf(time.ms, head.nextWaitedMs) <= next.arrivedAt;
}

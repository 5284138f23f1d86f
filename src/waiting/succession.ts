import type { LockBlob } from "../lease/lock-blob.ts";
import type { EndAnswer } from "../lease/release.ts";
import { stayAwayMs } from "./backoff.ts";
import { arrivalOf, type FairQueue, type Waiting, type WaitingTicket } from "./fair-queue.ts";
import type { LocalLease, Succession } from "./hold.ts";
import type { Turn } from "./local-queue.ts";
import type { ResolvedLockerOptions } from "./locker-options.ts";

const RELEASED: EndAnswer = Object.freeze({ kind: "released" });

type Budget = Pick<ResolvedLockerOptions, "handOverCount" | "handOverMs" | "poll">;

/** Tasks of this process first, within a budget; then whoever polls at the right moment. */
export class LocalFirst implements Succession {
  readonly #options: Budget;
  readonly #random: () => number;

  constructor(options: Budget, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  end(lease: LocalLease, turn: Turn<LocalLease>, idGivenOut: boolean): Promise<EndAnswer> {
    lease.share.goesOn();
    const loopTurned = lease.share.loopTurned();
    const end = () => this.#end(lease, turn, idGivenOut);
    return loopTurned === undefined ? end() : loopTurned.then(end);
  }

  #end(lease: LocalLease, turn: Turn<LocalLease>, idGivenOut: boolean): Promise<EndAnswer> {
    const { handOverCount, handOverMs, poll } = this.#options;
    const { share } = lease;
    const isWithin = share.handOvers <= handOverCount && share.ageMs < handOverMs;
    // A lease that is uncertain is released instead: the answer tells whether it still stood.
    if (!idGivenOut && isWithin && lease.kept.isHeld && lease.passBy(turn)) return Promise.resolve(RELEASED);
    // Whoever had its share, and more tasks waiting, lets other processes come first.
    const leave = (): void =>
      turn.leave(isWithin || turn.nextWaitedMs === undefined ? { share } : { stayAwayMs: stayAwayMs(poll, this.#random) });
    return lease.kept.release().finally(leave);
  }
}

export interface FairOptions {
  readonly queue: FairQueue;
  readonly blob: LockBlob;
  /** What has to be left of the lease for the next one to find out that it has the lock, in milliseconds. */
  readonly enoughMs: number;
}

/** Whoever came first, in this process or another. */
export class FirstCome implements Succession {
  readonly #options: FairOptions;

  constructor(options: FairOptions) {
    this.#options = options;
  }

  async end(lease: LocalLease, turn: Turn<LocalLease>, idGivenOut: boolean): Promise<EndAnswer> {
    let answer: EndAnswer | undefined;
    try {
      answer = await this.#handOver(lease, turn, idGivenOut);
    } catch (error) {
      this.#options.blob.log(`the queue of "${this.#options.blob.key}" could not be served, its lock is released: ${String(error)}`);
    }
    if (answer) return answer;
    return await lease.kept.release().finally(() => turn.leave());
  }

  async #handOver(lease: LocalLease, turn: Turn<LocalLease>, idGivenOut: boolean): Promise<EndAnswer | undefined> {
    const { queue, enoughMs } = this.#options;
    const { kept } = lease;
    // A ticket of our own that is still there would get the lock.
    await lease.ticketGone;
    if (kept.remainingMs < enoughMs) await kept.ensure(enoughMs);
    kept.pause();
    const waiting = await queue.waiting();
    const next = waiting.tickets.find(({ leaseId }) => leaseId !== kept.leaseId);
    if (!idGivenOut && isLocalTurn(turn, next, waiting) && kept.isHeld && lease.passBy(turn)) {
      kept.resume();
      return RELEASED;
    }
    return next && (await lease.changeTo(next.leaseId).finally(() => turn.leave()));
  }
}

/** Whether the first in line of this process came before everybody else. */
function isLocalTurn(turn: Turn<LocalLease>, next: WaitingTicket | undefined, { time }: Waiting): boolean {
  if (!next || !time) return true;
  return turn.nextWaitedMs !== undefined && arrivalOf(time.ms, turn.nextWaitedMs) <= next.arrivedAt;
}

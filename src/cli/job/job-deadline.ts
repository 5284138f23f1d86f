import type { Holding, ReleaseCommand } from "../../index.ts";
import { later, machineMs } from "../time.ts";
import { renewalOverdue, renewedTooLate } from "./renewal-overdue.ts";
import type { Watchdog } from "./watchdog.ts";

/** The watchdog asks the job to stop so much later than this process, which then knows that it was asked. */
const WATCHDOG_LAG_MS = 250;
/** So shortly before the watchdog asks the job to stop this process leaves it to the watchdog. */
const WATCHDOG_TURN_MS = 50;

/** A renewal moves the deadline by more than this, and the clock's own steps by less. In milliseconds. */
const RENEWED_MS = 100;

export interface DeadlineOptions {
  /** How long the job has to stop, in milliseconds. */
  readonly graceMs: number;
  /** What releases the lock when this process is dead and nothing of the job is left. */
  readonly releaseCommand: () => ReleaseCommand | undefined;
}

/** When a job is stopped. */
export interface JobStop {
  readonly killInMs: number;
  /** Whether the watchdog has asked the job to stop, or is about to. */
  readonly isAsked: boolean;
}

/**
 * Until when a job may run, as its lock is renewed. The watchdog is told, and asks the job to stop where this process
 * cannot.
 */
export class JobDeadline {
  readonly #holding: Holding;
  readonly #graceMs: number;
  readonly #releaseCommand: DeadlineOptions["releaseCommand"];
  readonly #watchdog: Watchdog;
  readonly #onOverdue: (why: string) => void;
  /**
   * Until when the lock was good when the watchdog was last told, and when that asks the job to stop unless it is told
   * anew.
   */
  #goodUntil = 0;
  #termAt = Number.POSITIVE_INFINITY;
  #cancel = (): void => undefined;

  /** @param onOverdue - Called when the lock is certain for the grace alone, or may have been for less. */
  constructor(
    holding: Holding,
    { graceMs, releaseCommand }: DeadlineOptions,
    watchdog: Watchdog,
    onOverdue: (why: string) => void,
  ) {
    this.#holding = holding;
    this.#graceMs = graceMs;
    this.#releaseCommand = releaseCommand;
    this.#watchdog = watchdog;
    this.#onOverdue = onOverdue;
  }

  /** Until when the lock was good, by the machine's clock. */
  get goodUntil(): number {
    return this.#goodUntil;
  }

  /** Tells the watchdog until when the lock is good, and after a renewal what releases it. */
  tell(): void {
    const { remainingMs } = this.#holding;
    // What the watchdog was told before stands: nothing was renewed since.
    if (remainingMs <= 0) return;
    const { termAt, goodUntil } = allowance(this.#holding, this.#graceMs);
    if (goodUntil - this.#goodUntil > RENEWED_MS) this.#watchdog.release(this.#releaseCommand());
    this.#goodUntil = goodUntil;
    this.#termAt = termAt;
    this.#watchdog.allow(termAt, goodUntil);
    this.#cancel();
    this.#cancel = later(remainingMs - this.#graceMs, () => this.check());
  }

  /** Says if the lock was not renewed in time. */
  check(): void {
    const why = renewalOverdue(this.#holding, this.#graceMs);
    // If this process was held up, the watchdog has asked the job to stop, whatever was renewed since.
    if (why !== undefined || this.isOver) this.#onOverdue(why ?? renewedTooLate(this.#holding.key));
  }

  /** Whether the watchdog has asked the job to stop. */
  get isOver(): boolean {
    return machineMs() >= this.#termAt;
  }

  /** The job is to stop now. The watchdog asks it as well, unless that `isWatched` is false. */
  stop(isWatched: boolean): JobStop {
    const now = machineMs();
    const killAt = Math.max(now, Math.min(now + this.#graceMs, this.#goodUntil));
    // If this process was held up, the watchdog has asked it, or is about to.
    const isAsked = isWatched && now >= this.#termAt - WATCHDOG_TURN_MS;
    // Told before the job is asked: to ask takes a while on a busy machine.
    this.#watchdog.allow(isAsked ? this.#termAt : killAt, killAt);
    return { killInMs: killAt - now, isAsked };
  }

  /** Ends the timer. */
  cancel(): void {
    this.#cancel();
  }
}

/** Until when the lock is good, and when the watchdog is to ask the job to stop, by the machine's clock. */
export function allowance(
  { remainingMs }: Holding,
  graceMs: number,
): { readonly termAt: number; readonly goodUntil: number } {
  const goodUntil = machineMs() + remainingMs;
  return { termAt: goodUntil - graceMs + WATCHDOG_LAG_MS, goodUntil };
}

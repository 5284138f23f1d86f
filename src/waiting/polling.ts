import type { StoreUnavailableError } from "../errors.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import type { OutageTimer } from "../lease/outage-timer.ts";
import { isUnsure, type RetryPolicy, retry, retryDelayMs } from "../lease/retry.ts";
import { WOKEN_BY_POLL } from "../telemetry/wake.ts";
import { Stopwatch, sleep } from "../time/clock.ts";
import type { WaitLimit } from "./wait-limit.ts";
import type { WakeUpWait } from "./wake-ups/wake-up-wait.ts";

/** What brings the next step forward, or puts it off. */
export type RestUntilWoken = Pick<WakeUpWait, "rest" | "wake">;

export interface PollingOptions {
  readonly blob: LockBlob;
  readonly limit: WaitLimit;
  /** Ends the wait when the service does not answer for too long. */
  readonly outage: OutageTimer;
  /**
   * How many times as long as the last step, which was refused, a step takes that is granted. Default: as long. It says
   * how long before the timeout the last step begins.
   */
  readonly longer?: number;
  /** Waits until the next step is due. Default: sleeps, until the limit ends. */
  readonly rest?: (ms: number) => Promise<void>;
  /** What brings the next step forward, or puts it off, after one that was answered. Default: nothing. */
  readonly wakeUps?: RestUntilWoken | undefined;
}

/** The longest `Retry-After` that is heeded, in milliseconds. */
const LONGEST_REST_MS = 60_000;

/**
 * How long to pause after a number of failures in a row, in milliseconds. A `Retry-After` counts, up to a minute.
 */
export function restAfter({ retryAfterMs = 0 }: StoreUnavailableError, failures: number, random: () => number): number {
  return Math.max(retryDelayMs(failures, random), Math.min(LONGEST_REST_MS, retryAfterMs));
}

/**
 * Takes one step after the other until a step returns an object; a number is the pause before the next step, in
 * milliseconds. Short failures of the service are waited out. Throws the limit's reason, `StoreUnavailableError` when
 * there was no answer for too long, and what a step throws when the service certainly refuses.
 */
export function poll<T extends object>(options: PollingOptions, step: () => Promise<T | number>): Promise<T> {
  return retry(options.blob, step, new Polling(options));
}

/** How a caller polls: within its limit, as long as the service answers now and then. */
export class Polling implements RetryPolicy {
  readonly #options: PollingOptions;
  #begun: Stopwatch | undefined;
  #isAnswered = false;

  constructor(options: PollingOptions) {
    this.#options = options;
  }

  begin(): void {
    const { blob, limit, outage, wakeUps } = this.#options;
    // After a failure it is the same try again.
    if (this.#isAnswered) limit.wokenBy(wakeUps?.wake ?? WOKEN_BY_POLL);
    this.#isAnswered = false;
    this.#begun = new Stopwatch(blob.clock);
    outage.sending(this.#begun);
    limit.sending();
  }

  answered(): void {
    this.#isAnswered = true;
    this.#options.outage.answered();
    this.#options.limit.answered();
  }

  isRepeated(error: unknown): boolean {
    return !this.#options.limit.signal.aborted && isUnsure(error);
  }

  failed(error: StoreUnavailableError, failures: number): number {
    const {
      blob: { key, log, random },
      limit,
      outage,
    } = this.#options;
    log(`waiting for "${key}": ${error.message}`);
    outage.failed(error, key);
    limit.failed(error);
    return restAfter(error, failures, random);
  }

  pause(ms: number): Promise<void> | undefined {
    if (ms <= 0) return undefined;
    const { blob, limit, longer = 1, rest, wakeUps } = this.#options;
    const stepMs = longer * (this.#begun?.elapsedMs ?? 0);
    const bounded = (delayMs: number): number => limit.untilNextPoll(delayMs, stepMs);
    if (wakeUps && this.#isAnswered) return wakeUps.rest(ms, bounded, limit.signal);
    const pauseMs = bounded(ms);
    return rest ? rest(pauseMs) : sleep(blob.clock, pauseMs, { signal: limit.signal });
  }
}

import { isMutexError, shown, type WorkStillRunningError } from "../../errors.ts";
import type { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import { checkWork, runHolding } from "../../locks/run-holding.ts";
import { Stopwatch, sleep } from "../../time/clock.ts";
import { checkSpread, growingPauseMs, type Spread, stayAwayMs } from "../../waiting/backoff.ts";
import { checkWaitOptions } from "../../waiting/wait-options.ts";
import type { Leadership } from "./leadership.ts";

/**
 * After a leadership of so many milliseconds the next pause is the first again. Docker counts restarts in the same way.
 */
const STEADY_AFTER_MS = 10_000;
const BACKOFF_MS: Spread = Object.freeze([1_000, 60_000] as const);

/** How {@link LeaderElection.run} ends, and where it reports what goes wrong. */
export interface ElectionRunOptions {
  /** Ends it all: the work's own signal aborts, and when the work has ended, leadership is given up. Default: none. */
  signal?: AbortSignal | undefined;
  /**
   * Takes what `work` threw, why a campaign failed, and a `WorkStillRunningError` when leadership was lost, its lease
   * has run out and the work has not ended, and each minute after. What it throws itself ends the run, as soon as the
   * work has ended. Default: a line for the mutex's `log`.
   */
  onError?: ((error: unknown) => Promise<void> | void) | undefined;
  /**
   * The pauses between two campaigns when turns end quickly, in milliseconds: the first, and the longest. Each quick
   * end in a row doubles the pause, whether the work returned or threw; half of each is random. A leadership of 10 s or
   * more starts anew with the first. Leadership is given up before a pause, and a pause is never shorter than the
   * longest poll of the other candidates. Default: `[1_000, 60_000]`.
   */
  backoffMs?: readonly [firstMs: number, longestMs: number] | undefined;
}

type Work = (leadership: Leadership) => Promise<unknown> | unknown;

/** What came of one campaign, and of the leadership that it brought. */
interface Turn {
  /** Whether it led for long, or campaigned for long without success: then the pauses begin with the first again. */
  readonly isSteady: boolean;
  readonly isLost: boolean;
  /** Why the campaign failed, or what the work threw, if it was something of its own. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** One {@link LeaderElection.run}. */
export class ElectionRun {
  readonly #acquirer: LeaseAcquirer;
  readonly #campaign: (until: AbortSignal | undefined) => Promise<Leadership>;
  readonly #work: Work;
  readonly #signal: AbortSignal | undefined;
  readonly #onError: (error: unknown) => Promise<void> | void;
  readonly #backoffMs: Spread;
  /** Told to a caller's `onError` alone: the line for the log is written anyway. */
  readonly #onStillRunning: ((error: WorkStillRunningError) => void) | undefined;
  /** What `onError` threw of work that still ran. */
  readonly #refusals: unknown[] = [];

  constructor(
    acquirer: LeaseAcquirer,
    campaign: (until: AbortSignal | undefined) => Promise<Leadership>,
    work: Work,
    options: ElectionRunOptions,
  ) {
    const { key, log } = acquirer.blob;
    const logError = (error: unknown): void => log(`leading "${key}": ${String(error)}`);
    const { signal, onError = logError, backoffMs = BACKOFF_MS } = options;
    checkWork(work);
    checkWaitOptions({ signal });
    if (typeof onError !== "function") throw new TypeError(`onError must be a function, not ${shown(onError)}`);
    checkSpread(backoffMs, "backoffMs");
    this.#acquirer = acquirer;
    this.#campaign = campaign;
    this.#work = work;
    this.#signal = signal;
    this.#onError = onError;
    this.#backoffMs = backoffMs;
    this.#onStillRunning = options.onError && ((error) => void this.#tell(error));
  }

  /**
   * Leads again and again. Rejects with the signal's reason, with what `onError` throws, or once the mutex is closed.
   */
  async goOn(): Promise<never> {
    const { clock, random, log, key } = this.#acquirer.blob;
    const signal = this.#signal;
    for (let quickEnds = 0; ; ) {
      signal?.throwIfAborted();
      const { isSteady, isLost, failure } = await this.#turn();
      quickEnds = isSteady ? 1 : quickEnds + 1;
      if (failure && !isAbortOf(signal, failure.error)) await this.#onError(failure.error);
      if (this.#refusals.length > 0) throw this.#refusals[0];
      if (isLost && quickEnds === 1) continue;
      const longestPollMs = stayAwayMs(this.#acquirer.options.poll, random);
      const pauseMs = Math.max(longestPollMs, growingPauseMs(quickEnds, this.#backoffMs, random));
      const pause = `a pause of ${Math.round(pauseMs)} ms`;
      if (quickEnds > 1 && !signal?.aborted)
        log(`leading "${key}": ${pause} after ${quickEnds} turns in a row that ended at once or failed`);
      await sleep(clock, pauseMs, { signal });
    }
  }

  async #turn(): Promise<Turn> {
    const { clock } = this.#acquirer.blob;
    const campaigned = new Stopwatch(clock);
    let leadership: Leadership;
    try {
      leadership = await this.#campaign(this.#signal);
    } catch (error) {
      // The mutex is closed: there is nothing to try again for.
      if (isMutexError(error) && error.code === "MUTEX_CLOSED") throw error;
      const isSteady = campaigned.elapsedMs > this.#backoffMs[1];
      return { isSteady, isLost: false, failure: { error } };
    }
    const led = new Stopwatch(clock);
    const outcome = await this.#lead(leadership);
    return { ...outcome, isSteady: led.elapsedMs >= STEADY_AFTER_MS };
  }

  async #lead(leadership: Leadership): Promise<Omit<Turn, "isSteady">> {
    const { blob, options } = this.#acquirer;
    let failure: Turn["failure"];
    const working = async (): Promise<void> => {
      try {
        await this.#work(leadership);
      } catch (error) {
        failure = { error };
      }
    };
    // Work that only waits for its signal is at work, and its caller waits for it.
    const atWork = blob.clock.setTimer(Number.MAX_SAFE_INTEGER, () => undefined, { keepAlive: true });
    try {
      await runHolding(leadership, working, blob, options.terms, this.#onStillRunning);
      return { isLost: false, failure };
    } catch (lost) {
      // Leadership that this process released itself, as it ends, is not campaigned for at once.
      const isLost = !(isMutexError(lost) && lost.code === "LOCK_LOST" && lost.why === "released");
      return { isLost, failure: isLossOf(lost, failure?.error) ? undefined : failure };
    } finally {
      atWork.cancel();
    }
  }

  async #tell(error: WorkStillRunningError): Promise<void> {
    try {
      await this.#onError(error);
    } catch (refusal) {
      this.#refusals.push(refusal);
    }
  }
}

/** Whether something thrown is nothing but the reason of an abort, or what Node makes of it. */
function isAbortOf(signal: AbortSignal | undefined, thrown: unknown): boolean {
  if (!signal?.aborted) return false;
  return (
    thrown === signal.reason ||
    (thrown instanceof Error && thrown.name === "AbortError" && thrown.cause === signal.reason)
  );
}

/**
 * Whether work threw nothing but the loss itself, as `assertHeld` and `signal.throwIfAborted` do, or what Node makes of
 * an abort.
 */
function isLossOf(lost: unknown, thrown: unknown): boolean {
  if (thrown instanceof Error && thrown.name === "AbortError" && thrown.cause !== undefined)
    return isLossOf(lost, thrown.cause);
  return (
    thrown === lost ||
    (isMutexError(thrown) && isMutexError(lost) && thrown.code === "LOCK_LOST" && thrown.key === lost.key)
  );
}

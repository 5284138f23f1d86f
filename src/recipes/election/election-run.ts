import { isMutexError, type LossReason, shown, type WorkStillRunningError } from "../../errors.ts";
import type { HoldingOrigin } from "../../locks/holding.ts";
import type { LeaseAcquirer } from "../../locks/lease-acquirer.ts";
import { originOf, type SourceLock } from "../../locks/lockable.ts";
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

const ENDED_HERE: readonly LossReason[] = ["released", "maxHold"];

type Work = (leadership: Leadership) => Promise<unknown> | unknown;

/** What came of one campaign, and of the leadership that it brought. */
interface TermEnd {
  readonly isLost: boolean;
  /** Why the campaign failed, or what the work threw, if it was something of its own. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** {@link LeaderElection.run} */
export async function runElection(
  acquirer: LeaseAcquirer,
  election: SourceLock<Leadership>,
  work: Work,
  options: ElectionRunOptions,
): Promise<never> {
  const { clock, random, log, key } = acquirer.blob;
  const logError = (error: unknown): void => log(`leading "${key}": ${String(error)}`);
  const { signal, onError = logError, backoffMs = BACKOFF_MS } = options;
  checkWork(work);
  checkWaitOptions({ signal });
  if (typeof onError !== "function") throw new TypeError(`onError must be a function, not ${shown(onError)}`);
  checkSpread(backoffMs, "backoffMs");
  // What `onError` threw when it was told of work that still ran.
  const refusals: unknown[] = [];
  const tell = async (error: WorkStillRunningError): Promise<void> => {
    try {
      await onError(error);
    } catch (refusal) {
      refusals.push(refusal);
    }
  };
  // The line for the log is written anyway.
  const onStillRunning = options.onError && ((error: WorkStillRunningError) => void tell(error));
  for (let quickEnds = 0; ; ) {
    signal?.throwIfAborted();
    const campaigned = new Stopwatch(clock);
    let led: Stopwatch | undefined;
    let outcome: TermEnd;
    try {
      const leadership = await election.lock({ until: signal });
      led = new Stopwatch(clock);
      outcome = await lead(leadership, work, originOf(election), onStillRunning);
    } catch (error) {
      // The mutex is closed: there is nothing to try again for.
      if (isMutexError(error) && error.code === "MUTEX_CLOSED") throw error;
      outcome = { isLost: false, failure: { error } };
    }
    // A campaign that failed after a long wait starts the count of quick failures anew.
    const isSteady = led ? led.elapsedMs >= STEADY_AFTER_MS : campaigned.elapsedMs > backoffMs[1];
    quickEnds = isSteady ? 1 : quickEnds + 1;
    if (outcome.failure && !isAbortOf(signal, outcome.failure.error)) await onError(outcome.failure.error);
    if (refusals.length > 0) throw refusals[0];
    if (outcome.isLost && quickEnds === 1) continue;
    const longestPollMs = stayAwayMs(acquirer.options.poll, random);
    const pauseMs = Math.max(longestPollMs, growingPauseMs(quickEnds, backoffMs, random));
    const pause = `a pause of ${Math.round(pauseMs)} ms`;
    if (quickEnds > 1 && !signal?.aborted)
      log(`leading "${key}": ${pause} after ${quickEnds} turns in a row that ended at once or failed`);
    await sleep(clock, pauseMs, { signal });
  }
}

async function lead(
  leadership: Leadership,
  work: Work,
  origin: HoldingOrigin,
  onStillRunning: ((error: WorkStillRunningError) => void) | undefined,
): Promise<TermEnd> {
  let failure: TermEnd["failure"];
  const working = async (): Promise<void> => {
    try {
      await work(leadership);
    } catch (error) {
      failure = { error };
    }
  };
  // Work that only waits for its signal is at work, and its caller waits for it.
  const atWork = origin.space.clock.setTimer(Number.MAX_SAFE_INTEGER, () => undefined, { keepAlive: true });
  try {
    await runHolding(leadership, working, origin, onStillRunning);
    return { isLost: false, failure };
  } catch (lost) {
    // Leadership that this process ends itself is not campaigned for at once.
    const isLost = !(isMutexError(lost) && lost.code === "LOCK_LOST" && ENDED_HERE.includes(lost.why));
    return { isLost, failure: isLossOf(lost, failure?.error) ? undefined : failure };
  } finally {
    atWork.cancel();
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

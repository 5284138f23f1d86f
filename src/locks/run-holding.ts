import { completeLoss, type LockLostError, shown, WorkStillRunningError } from "../errors.ts";
import { onAbort } from "../time/abort.ts";
import { type Clock, Stopwatch, type Timer } from "../time/clock.ts";
import { endQuietly } from "../waiting/held.ts";
import { type Holding, type HoldingOrigin, type HoldingState, holdingState } from "./holding.ts";
import { RunContext } from "./run-context.ts";

/** Between two reports of work that still runs, in milliseconds. */
const AGAIN_AFTER_MS = 60_000;

/** Throws `TypeError` unless it is something to run. */
export function checkWork(work: unknown): void {
  if (typeof work !== "function") throw new TypeError(`work must be a function, not ${shown(work)}`);
}

/**
 * Runs `work` with what is held and gives it back afterwards. Resolves or rejects as `work` does, but with a
 * `LockLostError` if it was lost before `work` ended, whatever came of it; what `work` threw is then its `workError`. A
 * release that fails goes to the log: it changes nothing about the work. So does work that goes on for long after a
 * loss.
 */
export async function runHolding<H extends Holding, T>(
  holding: H,
  work: (holding: H) => Promise<T> | T,
  origin: HoldingOrigin,
  onStillRunning?: (error: WorkStillRunningError) => void,
): Promise<T> {
  const state = holdingState(holding);
  const { space, options } = origin;
  const { log, clock } = space;
  const tell = (error: WorkStillRunningError): void => {
    log(error.message);
    onStillRunning?.(error);
  };
  const stopWatching = watchLostWork(state, clock, options.terms.marginMs, tell);
  const context = RunContext.begin(holding, origin);
  // P22: an error of the release is logged, and hides nothing of the work.
  const end = (): Promise<LockLostError | undefined> => {
    stopWatching();
    return endQuietly(state, log, `the lock on "${holding.key}"`);
  };
  let result: T;
  try {
    result = await state.run(() => (context ? context.run(() => work(holding)) : work(holding)));
  } catch (error) {
    const lost = await end();
    if (!lost) throw error;
    throw error === lost ? lost : completeLoss(lost, { workError: error });
  }
  const lost = await end();
  if (lost) throw lost;
  return result;
}

/**
 * Reports work that goes on after the holding was lost: once another holder may start, and each minute after. Returns
 * what ends it. Keeps no process alive.
 */
function watchLostWork(
  state: HoldingState,
  clock: Clock,
  marginMs: number,
  tell: (error: WorkStillRunningError) => void,
): () => void {
  const { key, loss } = state;
  let timer: Timer | undefined;
  const onLoss = (): void => {
    const lost = new Stopwatch(clock);
    const look = (): void => {
      // A caller that has released it knows of the loss.
      if (state.isReleased) return;
      timer = clock.setTimer(AGAIN_AFTER_MS, look);
      tell(new WorkStillRunningError(key, lost.elapsedMs, { cause: loss.reason }));
    };
    timer = clock.setTimer(marginMs, look);
  };
  const stopListening = onAbort(loss, onLoss);
  if (loss.aborted) onLoss();
  return () => {
    stopListening();
    timer?.cancel();
  };
}

import { WorkStillRunningError } from "../errors.ts";
import { onAbort } from "../time/abort.ts";
import { type Clock, Stopwatch, type Timer } from "../time/clock.ts";

const AGAIN_AFTER_MS = 60_000;

/** The holding under which work runs. */
interface WatchedHold {
  readonly key: string;
  /** Aborts when it is lost. */
  readonly loss: AbortSignal;
  /** Whether the caller has released it. */
  readonly isReleased: boolean;
}

export interface LostWorkOptions {
  readonly clock: Clock;
  /** How long after a loss another holder may start, in milliseconds. */
  readonly marginMs: number;
  /** Called with an error for work that still runs then, and each minute after. Must not throw. */
  readonly tell: (error: WorkStillRunningError) => void;
}

/** Runs work, and reports while it goes on though its holding was lost. Keeps no process alive. */
export async function tellingOfLostWork<T>(
  held: WatchedHold,
  { clock, marginMs, tell }: LostWorkOptions,
  work: () => Promise<T> | T,
): Promise<T> {
  const { key, loss } = held;
  let timer: Timer | undefined;
  const onLoss = (): void => {
    const lost = new Stopwatch(clock);
    const look = (): void => {
      // A caller that has released it knows of the loss.
      if (held.isReleased) return;
      timer = clock.setTimer(AGAIN_AFTER_MS, look);
      tell(new WorkStillRunningError(key, lost.elapsedMs, { cause: loss.reason }));
    };
    timer = clock.setTimer(marginMs, look);
  };
  const stopListening = onAbort(loss, onLoss);
  if (loss.aborted) onLoss();
  try {
    return await work();
  } finally {
    stopListening();
    timer?.cancel();
  }
}

import { checkWork, type Holding, runHolding } from "../holding.ts";
import { checkWaitOptions, type WaitOptions } from "../waiting/patience.ts";

/** One of the two ways to hold a {@link ReaderWriterLock}. */
export interface LockSide<H extends Holding> {
  /** Waits until it is held. Rejects as `Locker.lock` does. */
  lock(options?: WaitOptions): Promise<H>;
  /** Asks once, and never waits for anybody. Resolves with undefined if somebody is in the way. Rejects as `Locker.lock` does. */
  tryLock(options?: Pick<WaitOptions, "signal">): Promise<H | undefined>;
  /** Runs `work` under it and gives it back afterwards. Resolves and rejects as `Locker.run` does. */
  run<T>(work: (lock: H) => Promise<T> | T, options?: WaitOptions): Promise<T>;
}

/** Where the locks of a side come from. */
export interface Source<T> {
  obtain(options: WaitOptions): Promise<T>;
  tryObtain(signal: AbortSignal | undefined): Promise<T | undefined>;
}

/** What is held, as the user sees it. */
export function lockSide<T, H extends Holding>(source: Source<T>, handle: (got: T) => H, log: (message: string) => void): LockSide<H> {
  const lock = async (options: WaitOptions = {}): Promise<H> => handle(await source.obtain(options));
  return Object.freeze({
    lock,
    tryLock: async ({ signal }: Pick<WaitOptions, "signal"> = {}) => {
      checkWaitOptions({ signal });
      const got = await source.tryObtain(signal);
      return got && handle(got);
    },
    run: async <R>(work: (lock: H) => Promise<R> | R, options?: WaitOptions) => {
      checkWork(work);
      return await runHolding(await lock(options), work, log);
    },
  });
}

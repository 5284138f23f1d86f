import { begun, checkWork, type Holding, observed, runHolding } from "../holding.ts";
import type { LockBlob } from "../lease/lock-blob.ts";
import type { LeaseTerms } from "../options.ts";
import type { ObservedWait, Observer } from "../telemetry/observer.ts";
import { checkWaitOptions, signalOf, type TryOptions, type WaitOptions } from "../waiting/wait-limit.ts";

/** One of the two ways to hold a {@link ReaderWriterLock}. */
export interface LockSide<H extends Holding> {
  /** Waits until it is held. Rejects as `Locker.lock` does. */
  lock(options?: WaitOptions): Promise<H>;
  /** Asks once, and never waits. Resolves with undefined if another is in the way. Rejects as `Locker.lock` does. */
  tryLock(options?: TryOptions): Promise<H | undefined>;
  /** Runs `work` under it and gives it back afterwards. Resolves and rejects as `Locker.run` does. */
  run<T>(work: (lock: H) => Promise<T> | T, options?: WaitOptions): Promise<T>;
}

/** Where the locks of a side come from. */
export interface Source<T> {
  acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<T>;
  tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<T | undefined>;
}

export interface SideOptions<T, H extends Holding> {
  readonly source: Source<T>;
  readonly handle: (got: T) => H;
  readonly observer: Observer;
  readonly blob: LockBlob;
  readonly terms: LeaseTerms;
}

/** What is held, as the user sees it. */
export function lockSide<T, H extends Holding>({ source, handle, observer, blob, terms }: SideOptions<T, H>): LockSide<H> {
  const lock = async (options: WaitOptions = {}): Promise<H> => {
    const wait = observer.beginWait();
    const got = await observed(wait, signalOf(options), () => source.acquire(options, wait));
    return begun(handle(got), wait, options.until);
  };
  return Object.freeze({
    lock,
    tryLock: async ({ signal, until }: TryOptions = {}) => {
      checkWaitOptions({ signal, until });
      const end = signal ?? until;
      const wait = observer.beginWait();
      const got = await observed(wait, end, () => source.tryAcquire(end, wait));
      return got && begun(handle(got), wait, until);
    },
    run: async <R>(work: (lock: H) => Promise<R> | R, options?: WaitOptions) => {
      checkWork(work);
      return await runHolding(await lock(options), work, blob, terms);
    },
  });
}

import type { LockBlob } from "../lease/lock-blob.ts";
import type { LeaseTerms } from "../lease/terms.ts";
import { Listeners, type LockEvents } from "../telemetry/lock-events.ts";
import { type ObservedWait, Observer, type ObserverOptions } from "../telemetry/observer.ts";
import { checkWaitOptions, signalOf, type TryOptions, type WaitOptions } from "../waiting/wait-limit.ts";
import { begun, checkWork, type Holding, runHolding } from "./holding.ts";

/** What can be held: a lock, a permit, one side of a reader-writer lock, or several locks at once. */
export interface Lockable<H extends Holding> {
  /** Waits until it is held. Rejects as {@link Locker.lock} does. */
  lock(options?: WaitOptions): Promise<H>;
  /**
   * Asks once, and never waits. Resolves with undefined if another is in the way. Rejects as {@link Locker.lock} does.
   */
  tryLock(options?: TryOptions): Promise<H | undefined>;
  /** Runs `work` under it and gives it back afterwards. Resolves and rejects as {@link Locker.run} does. */
  run<T>(work: (holding: H) => Promise<T> | T, options?: WaitOptions): Promise<T>;
  /**
   * Calls back whenever that happens to a holding that is asked for from now on, in whatever way. What a listener
   * throws is logged. Throws `TypeError` for an event that there is not.
   */
  on<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this;
  /** Does not call back any more. */
  off<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this;
}

/** Where what is held comes from. */
export interface Source<T> {
  acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<T>;
  tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<T | undefined>;
}

export interface LockableOptions<T, H extends Holding> extends Pick<ObserverOptions, "kind" | "key"> {
  readonly source: Source<T>;
  /** The caller's handle of what the source gave. */
  readonly handle: (got: T) => H;
  readonly blob: Pick<LockBlob, "telemetry" | "log" | "clock">;
  readonly terms: Pick<LeaseTerms, "marginMs">;
}

/** Locks what a source gives, observed by telemetry and by listeners. */
export class SourceLock<T, H extends Holding> implements Lockable<H> {
  readonly #options: LockableOptions<T, H>;
  readonly #listeners: Listeners;
  readonly #observer: Observer;

  constructor(options: LockableOptions<T, H>) {
    const { kind, key, blob } = options;
    this.#options = options;
    this.#listeners = new Listeners(blob.log);
    this.#observer = new Observer({ telemetry: blob.telemetry, kind, key, listeners: this.#listeners });
  }

  async lock(options: WaitOptions = {}): Promise<H> {
    const { source, handle } = this.#options;
    const wait = this.#observer.beginWait();
    const got = wait
      ? await wait.during(() => source.acquire(options, wait), signalOf(options))
      : await source.acquire(options, wait);
    return begun(handle(got), wait, options.until);
  }

  async tryLock({ signal, until }: TryOptions = {}): Promise<H | undefined> {
    checkWaitOptions({ signal, until });
    const { source, handle } = this.#options;
    const end = signal ?? until;
    const wait = this.#observer.beginWait();
    const got = wait ? await wait.during(() => source.tryAcquire(end, wait), end) : await source.tryAcquire(end, wait);
    return got && begun(handle(got), wait, until);
  }

  async run<R>(work: (holding: H) => Promise<R> | R, options?: WaitOptions): Promise<R> {
    checkWork(work);
    const { blob, terms } = this.#options;
    return await runHolding(await this.lock(options), work, blob, terms);
  }

  on<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#listeners.add(event, listener);
    return this;
  }

  off<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this {
    this.#listeners.remove(event, listener);
    return this;
  }
}

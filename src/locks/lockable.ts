import { Listeners, type LockEvents } from "../telemetry/lock-events.ts";
import { type ObservedWait, Observer } from "../telemetry/observer.ts";
import { checkWaitOptions, signalOf, type TryOptions, type WaitOptions } from "../waiting/wait-options.ts";
import { type Holding, type HoldingOrigin, holdingState, lapseIfForgotten } from "./holding.ts";
import { refuseDeadlock } from "./run-context.ts";
import { checkWork, runHolding } from "./run-holding.ts";

/** What can be held: a lock, a permit, one side of a reader-writer lock, or several locks at once. */
export interface Lockable<H extends Holding> {
  /**
   * Waits until it is held. Short failures of the service are waited out.
   *
   * Rejects with `LockTimeoutError` after `timeoutMs`, with the signal's own reason when it aborts, with
   * `StoreUnavailableError` after 20 s without any answer (`unreachableAfterMs`), with `AccessDeniedError` when the
   * service refuses the credentials, with `StoreRefusedError` when it refuses for another reason that will not pass,
   * and with `KeyKindMismatchError` when the key is used as something else, such as a semaphore. The last is noticed
   * where the record is read. Rejects with `DeadlockError` at once, whatever the timeout, if a `run` around this call
   * holds what it would wait for.
   */
  lock(options?: WaitOptions): Promise<H>;
  /**
   * Asks exactly once, and never waits. Resolves with undefined if another, here or elsewhere, is in the way: it holds
   * it, or waits for it here. Rejects as {@link Lockable.lock} does.
   */
  tryLock(options?: TryOptions): Promise<H | undefined>;
  /**
   * Runs `work` under it and gives it back afterwards. Resolves or rejects as `work` does, but with a `LockLostError`
   * if it was lost before `work` ended, whatever came of it; what `work` threw is then its `workError`. A release that
   * fails is logged: it changes nothing about the work. A work that is to end with the process, too, is given `until`.
   */
  run<T>(work: (holding: H) => Promise<T> | T, options?: WaitOptions): Promise<T>;
  /** Calls back at each such event of a holding that is asked for from now on, as {@link Listenable.on} does. */
  on<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this;
  /** Does not call back any more. */
  off<Name extends keyof LockEvents>(event: Name, listener: (event: LockEvents[Name]) => unknown): this;
}

/** Something with events. */
export abstract class Listenable<Events extends object = LockEvents> {
  readonly #listeners: Listeners<Events>;

  /** @internal */
  constructor(listeners: Listeners<Events>) {
    this.#listeners = listeners;
  }

  /**
   * Calls back at each such event of what is asked for from now on. What a listener throws is logged. Throws
   * `TypeError` for a name that is no event.
   */
  on<Name extends keyof Events & string>(event: Name, listener: (event: Events[Name]) => unknown): this {
    this.#listeners.add(event, listener);
    return this;
  }

  /** Does not call back any more. */
  off<Name extends keyof Events & string>(event: Name, listener: (event: Events[Name]) => unknown): this {
    this.#listeners.remove(event, listener);
    return this;
  }
}

/** Where what is held comes from. */
export interface Source<T> {
  acquire(options: WaitOptions, wait: ObservedWait | undefined): Promise<T>;
  tryAcquire(signal: AbortSignal | undefined, wait: ObservedWait | undefined): Promise<T | undefined>;
}

export interface LockableOptions<H extends Holding> extends HoldingOrigin {
  readonly source: Source<unknown>;
  /** The caller's handle of what the source gave. */
  readonly handle: (got: never) => H;
  /** Default: its own. */
  readonly listeners?: Listeners;
}

/** What was asked for of a lockable. Set where its class can see it. */
export let originOf: (lockable: SourceLock<Holding>) => HoldingOrigin;

/** Locks what a source gives, observed by telemetry and by listeners. */
export class SourceLock<H extends Holding> extends Listenable implements Lockable<H> {
  readonly #options: LockableOptions<H>;
  readonly #observer: Observer;

  static {
    originOf = (lockable) => lockable.#options;
  }

  /** @internal */
  constructor(options: LockableOptions<H>) {
    const { kind, key, space, listeners = new Listeners(space.log) } = options;
    super(listeners);
    this.#options = options;
    this.#observer = new Observer({ telemetry: space.telemetry, kind, key, listeners });
  }

  /** Waits until it is held. @inheritDoc */
  async lock(options: WaitOptions = {}): Promise<H> {
    return await this.#lock(options);
  }

  /** Asks exactly once. @inheritDoc */
  async tryLock(options: TryOptions = {}): Promise<H | undefined> {
    checkWaitOptions(options);
    const { source } = this.#options;
    const signal = signalOf(options);
    const wait = this.#observer.beginWait();
    const got = await (wait?.during(() => source.tryAcquire(signal, wait), signal) ?? source.tryAcquire(signal, wait));
    return got === undefined ? undefined : this.#begin(got, wait, options);
  }

  /** Runs `work` under it. @inheritDoc */
  async run<R>(work: (holding: H) => Promise<R> | R, options: WaitOptions = {}): Promise<R> {
    checkWork(work);
    return await runHolding(await this.#lock(options), work, this.#options);
  }

  async #lock(options: WaitOptions): Promise<H> {
    checkWaitOptions(options);
    if (options.timeoutMs !== 0) refuseDeadlock(this.#options);
    const { source } = this.#options;
    const wait = this.#observer.beginWait();
    const got = await (wait?.during(() => source.acquire(options, wait), signalOf(options)) ??
      source.acquire(options, wait));
    return this.#begin(got, wait, options);
  }

  #begin(got: unknown, wait: ObservedWait | undefined, { until }: TryOptions): H {
    const holding = this.#options.handle(got as never);
    holdingState(holding).begin(this.#options, wait, until);
    lapseIfForgotten(holding);
    return holding;
  }
}

import { type LockLostError, LockUncertainError, NotHeldError } from "../errors.ts";
import type { ObservedHold, ObservedWait, ObserverOptions } from "../telemetry/observer.ts";
import { dependentSignal, endDependent, LinkedSignal, onAbort } from "../time/abort.ts";
import type { Held } from "../waiting/held.ts";
import type { ResolvedLockerOptions } from "../waiting/locker-options.ts";
import { Handle } from "./handle.ts";
import { HoldBound } from "./hold-bound.ts";
import type { LockSpace } from "./lock-space.ts";

/** What a holding was asked for as. */
export interface HoldingOrigin extends Pick<ObserverOptions, "kind" | "key"> {
  readonly space: LockSpace;
  readonly options: Pick<ResolvedLockerOptions, "terms" | "bounds">;
  /** How many may hold it at once. Default: one. */
  readonly permits?: number;
  /** The handle of one of its keys alone. Default: its own. */
  readonly partOf?: (holding: never, key: string) => Holding | undefined;
}

/** What happens as a holding ends. */
export interface EndHooks {
  /** Called before it is given back. */
  readonly before?: (() => void) | undefined;
  /** Called once, when the first end was answered or went unanswered. */
  readonly after?: (() => void) | undefined;
}

/** The state of a holding, for azmutex itself. It does not reach the holding, which callers may drop. */
export class HoldingState {
  readonly key: string;
  readonly held: Held;
  readonly #hooks: EndHooks;
  #observed: ObservedHold | undefined;
  #log: ((message: string) => void) | undefined;
  /** What ends with it. */
  #ends: (() => void)[] | undefined;
  /** The caller's, while it is held. */
  #until: AbortSignal | undefined;
  /** Made when it is asked for. */
  #either: LinkedSignal | undefined;
  #isReleased = false;

  constructor(key: string, held: Held, hooks: EndHooks) {
    this.key = key;
    this.held = held;
    this.#hooks = hooks;
  }

  /** A signal for the caller, which aborts when it is lost, and with the caller's `until`. */
  giveSignal(): AbortSignal {
    const signal = dependentSignal(this.#signal);
    const given = new WeakRef(signal);
    if (!this.#isReleased) this.#atEnd(() => endDependent(given.deref()));
    return signal;
  }

  get #signal(): AbortSignal {
    if (this.#until) this.#either ??= new LinkedSignal(this.held.signal, this.#until);
    return this.#either?.signal ?? this.held.signal;
  }

  /** Aborts when it is lost, and for nothing else. */
  get loss(): AbortSignal {
    return this.held.signal;
  }

  /** Whether the caller has ended it: the process may do so, too. */
  get isReleased(): boolean {
    return this.#isReleased;
  }

  /**
   * From here on the observer of the wait sees what becomes of it, its signal aborts with `until`, too, and its bounds
   * count.
   */
  begin(origin: HoldingOrigin, wait: ObservedWait | undefined, until: AbortSignal | undefined): void {
    const { space, options } = origin;
    // Of all that belongs to the locker it keeps no more: a process may hold very many.
    this.#log = space.log;
    this.#until = until;
    if (wait) this.#observe(wait);
    const { maxHoldMs, overdueAfterMs } = options.bounds;
    if (Number.isFinite(maxHoldMs)) {
      const how = `held for ${maxHoldMs} ms, the most that maxHoldMs allows`;
      this.#after(space, maxHoldMs, () => this.held.lose("maxHold", how));
    }
    if (Number.isFinite(overdueAfterMs)) {
      this.#after(space, overdueAfterMs, () => {
        if (!this.held.isHeld) return;
        space.log(`lock on "${this.key}" is overdue: held for ${overdueAfterMs} ms`);
        this.#observed?.overdue();
      });
    }
  }

  #after({ clock }: LockSpace, ms: number, reached: () => void): void {
    const bound = new HoldBound(clock, ms, reached);
    this.#atEnd(() => bound.end());
  }

  #atEnd(end: () => void): void {
    this.#ends ??= [];
    this.#ends.push(end);
  }

  #observe(wait: ObservedWait): void {
    const { held } = this;
    const observed = wait.acquired(held);
    const { signal } = held;
    const lose = (): void => observed.lost(signal.reason);
    this.#observed = observed;
    held.observedBy?.(observed);
    if (signal.aborted) lose();
    else this.#atEnd(onAbort(signal, lose));
  }

  /** No caller can release it any more. */
  forgotten(): void {
    const { held, key } = this;
    if (this.#isReleased || held.ended || held.lostBecause) return;
    const log = this.#log;
    log?.(`the handle of "${key}" was garbage-collected without a release: it is renewed no more`);
    held.letLapse();
  }

  /** Gives it back. Resolves with the error if it was lost before; rejects if the service could not be told. */
  end(): Promise<LockLostError | undefined> {
    const isFirst = !this.#isReleased;
    this.#isReleased = true;
    handles.unregister(this);
    this.#hooks.before?.();
    const ending = this.held.end();
    for (const stop of this.#ends ?? []) stop();
    this.#ends = undefined;
    this.#either?.end();
    this.#until = undefined;
    this.#observed?.ends(ending, this.held);
    this.#observed = undefined;
    const { after } = this.#hooks;
    return isFirst && after ? ending.finally(after) : ending;
  }

  /** Runs work under it, within the span of its observer. */
  run<T>(work: () => Promise<T> | T): Promise<T> | T {
    return this.#observed ? this.#observed.run(async () => work()) : work();
  }
}

const NO_HOOKS: EndHooks = Object.freeze({});

/** Tells a holding whose handle was garbage-collected. */
const handles = new FinalizationRegistry<HoldingState>((state) => state.forgotten());
/** The handles that a signal, or the handle of a part, keeps from the garbage collector for as long as it lives. */
const kept = new WeakMap<object, Holding>();

/** A caller that has only `part` has the handle, too. */
export function keepReachable(part: object, holding: Holding): void {
  kept.set(part, holding);
}

/** If the holding is garbage-collected before it is released, it lapses. */
export function lapseIfForgotten(holding: Holding): void {
  const state = holdingState(holding);
  handles.register(holding, state, state);
}

/** The state of a holding. Set where its class can see it. */
export let holdingState: (holding: Holding) => HoldingState;

/**
 * Something that is held, until it is given back or lost. One that the program drops without giving it back is renewed
 * no more once the garbage collector has taken it, and lapses.
 */
export abstract class Holding extends Handle {
  readonly #state: HoldingState;
  #signal: AbortSignal | undefined;

  static {
    holdingState = (holding) => holding.#state;
  }

  /** @internal */
  constructor(key: string, held: Held, hooks: EndHooks = NO_HOOKS) {
    super(key, held);
    this.#state = new HoldingState(key, held, hooks);
  }

  /**
   * Aborts when it is lost; `signal.reason` is a `LockLostError`. Aborts too when the caller's
   * {@link WaitOptions.until} does, with the reason of that. A program that has the signal, or a listener on it, keeps
   * what is held as one that has this handle. Late by any stall of the event loop: after a pause, ask
   * {@link Holding.assertHeld}.
   */
  get signal(): AbortSignal {
    if (!this.#signal) {
      this.#signal = this.#state.giveSignal();
      keepReachable(this.#signal, this);
    }
    return this.#signal;
  }

  /**
   * Throws unless it is held, by the clock at this very moment: `LockLostError`, `NotHeldError` once it was given back,
   * or `LockUncertainError` while it is {@link Handle.isUncertain}. No lock can see a pause between this question and
   * the write that follows; fencing tokens are for that.
   */
  assertHeld(): void {
    const { held } = this.#state;
    if (held.isHeld) return;
    if (held.ended) throw new NotHeldError(this.key);
    throw held.lostBecause ?? new LockUncertainError(this.key);
  }

  /**
   * Gives it back. Whatever it was that ended it, a loss included, it is done; called again, it does nothing. Throws
   * `StoreUnavailableError` or `AccessDeniedError` if the service could not be told: the lease then lapses by itself.
   */
  async release(): Promise<void> {
    await this.#state.end();
  }

  /**
   * Gives it back at the end of an `await using` block. Never throws: what it cannot tell the service lapses by itself.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#state.end().catch(() => undefined);
  }
}

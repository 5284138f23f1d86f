import { isMutexError } from "../errors.ts";
import type { Holding } from "../locks/holding.ts";
import type { Lock } from "../locks/lock.ts";
import type { Lockable } from "../locks/lockable.ts";
import { Locker } from "../locks/locker.ts";
import type { Mutex } from "../locks/mutex.ts";
import type { LockerOptions } from "../waiting/locker-options.ts";
import { checkChoice } from "./once/once-options.ts";
import { type Permit, Semaphore, type SemaphoreOptions } from "./semaphore/semaphore.ts";

/**
 * Under which key a handler runs, and what a call gets while another is in the way. The arguments are those that the
 * handler declares. `key` and `busy` may leave some out.
 */
export interface HandlerOptions<Args extends readonly unknown[], Answer> {
  /** The mutex whose container has the lock. */
  mutex: Mutex;
  /** The name of the lock, or a function that makes it of the arguments of the call. */
  // With `& {}` Args is not inferred from a function that leaves arguments out. NoInfer is of TypeScript 5.4.
  key: string | ((...args: Args & {}) => string);
  /**
   * What a call gets while another is in the way: its turn (`"wait"`), undefined (`"skip"`), a `LockTimeoutError`
   * (`"throw"`), or what the function returns, such as an answer with the status 409 or 429. Default: `"wait"`.
   */
  busy?: "wait" | "skip" | "throw" | ((...args: Args & {}) => Promise<Answer> | Answer) | undefined;
  /**
   * The longest wait with `busy: "wait"`, in milliseconds; after it, the call rejects with `LockTimeoutError`. Default:
   * no limit.
   */
  waitMs?: number | undefined;
}

/** The options of {@link exclusive}: those of a lock, too. */
export interface ExclusiveOptions<Args extends readonly unknown[], Answer>
  extends HandlerOptions<Args, Answer>,
    LockerOptions {}

/** The options of {@link limited}: those of a semaphore, too. */
export interface LimitedOptions<Args extends readonly unknown[], Answer>
  extends HandlerOptions<Args, Answer>,
    SemaphoreOptions {}

const WORDS: readonly string[] = ["wait", "skip", "throw"];

/**
 * A handler that runs alone: no other call with the same key runs beside it, in whatever process. The handler is given
 * the lock before its own arguments, for `signal`, `fencingToken` and `assertHeld()`. Rejects as the handler does, with
 * `LockLostError` if the lock was lost before it ended, and as `Locker.lock` does.
 *
 * @throws `TypeError` or `RangeError` for options that do not fit.
 *
 * @example
 * ```ts
 * const importOrder = exclusive((lock, _order: { id: string }) => migrate(lock.signal), {
 *   mutex,
 *   key: (order) => `order/${order.id}`,
 *   busy: "throw",
 * });
 * await importOrder({ id: "42" });
 * ```
 */
export function exclusive<Args extends readonly unknown[], Result, Answer = undefined>(
  handler: (lock: Lock, ...args: Args) => Promise<Result> | Result,
  { mutex, key, busy, waitMs, ...options }: ExclusiveOptions<Args, Answer>,
): (...args: Args) => Promise<Result | Answer> {
  return guarded(handler, { key, busy, waitMs }, (name) => new Locker(mutex, name, options));
}

/**
 * A handler of which at most `permits` calls with the same key run at the same time, in all processes. As
 * {@link exclusive} in all else; the handler is given the permit.
 *
 * @throws `TypeError` or `RangeError` for options that do not fit.
 */
export function limited<Args extends readonly unknown[], Result, Answer = undefined>(
  handler: (permit: Permit, ...args: Args) => Promise<Result> | Result,
  { mutex, key, busy, waitMs, ...options }: LimitedOptions<Args, Answer>,
): (...args: Args) => Promise<Result | Answer> {
  return guarded(handler, { key, busy, waitMs }, (name) => new Semaphore(mutex, name, options));
}

type Guard<Args extends readonly unknown[], Answer> = Pick<HandlerOptions<Args, Answer>, "key" | "busy" | "waitMs">;

function guarded<H extends Holding, Args extends readonly unknown[], Result, Answer>(
  handler: (holding: H, ...args: Args) => Promise<Result> | Result,
  { key, busy = "wait", waitMs }: Guard<Args, Answer>,
  lockableOf: (key: string) => Lockable<H>,
): (...args: Args) => Promise<Result | Answer> {
  if (typeof handler !== "function") throw new TypeError("handler must be a function");
  if (typeof busy !== "function") checkChoice(busy, "busy", WORDS);
  // Options that are wrong are an error now, and not at the first call.
  const fixed = lockableOf(typeof key === "function" ? "key" : key);
  return async (...args) => {
    const lockable = typeof key === "function" ? lockableOf(key(...args)) : fixed;
    let hasBegun = false;
    const work = (holding: H): Promise<Result> | Result => {
      hasBegun = true;
      return handler(holding, ...args);
    };
    try {
      return await lockable.run(work, { timeoutMs: busy === "wait" ? waitMs : 0 });
    } catch (error) {
      if (hasBegun || busy === "wait" || busy === "throw" || !isBusy(error)) throw error;
      return busy === "skip" ? (undefined as Answer) : await busy(...args);
    }
  };
}

/** Whether another is in the way. A service that does not answer is not: that time-out has a cause. */
function isBusy(error: unknown): boolean {
  return isMutexError(error) && error.code === "LOCK_TIMEOUT" && error.cause === undefined;
}

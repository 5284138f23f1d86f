import { shown } from "../../errors.ts";
import type { LockerOptions } from "../../waiting/locker-options.ts";

/** What is done for a slot that was begun before, and how the lock is held and waited for. */
export interface OnceOptions extends Omit<LockerOptions, "fencing"> {
  /**
   * What a caller gets while another holds the lock of this key: the answer `running` at once, or its turn after that.
   * Default: `"skip"`.
   */
  whileRunning?: "skip" | "wait" | undefined;
  /**
   * Whether a slot is begun again that was begun and did not end, because its process died or lost the lock. With
   * `"rerun"` work may be done twice, in parts or as a whole; with `"leave"` a slot is begun once at most. Default:
   * `"rerun"`.
   */
  afterCrash?: "rerun" | "leave" | undefined;
  /** Whether the next caller of a slot whose work threw begins it again. Default: `"retry"`. */
  afterFailure?: "retry" | "leave" | undefined;
  /** How often a slot is begun at most, after crashes and failures together. Default: 3. `Infinity`: without limit. */
  maxAttempts?: number | undefined;
}

export interface OncePolicy {
  readonly whileRunning: "skip" | "wait";
  readonly afterCrash: "rerun" | "leave";
  readonly afterFailure: "retry" | "leave";
  readonly maxAttempts: number;
}

const MAX_ATTEMPTS = 3;

/** Splits the options. Throws `RangeError` or `TypeError` naming option and value. */
export function resolveOnceOptions(options: OnceOptions): {
  readonly policy: OncePolicy;
  readonly lockerOptions: LockerOptions;
} {
  const { whileRunning = "skip", afterCrash = "rerun", afterFailure = "retry", ...rest } = options;
  const { maxAttempts = MAX_ATTEMPTS, ...lockerOptions } = rest;
  checkChoice(whileRunning, "whileRunning", ["skip", "wait"]);
  checkChoice(afterCrash, "afterCrash", ["rerun", "leave"]);
  checkChoice(afterFailure, "afterFailure", ["retry", "leave"]);
  if (maxAttempts !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(maxAttempts) && maxAttempts >= 1))
    throw new RangeError(`maxAttempts must be a whole number of at least 1, or Infinity, not ${shown(maxAttempts)}`);
  if (Object.hasOwn(lockerOptions, "fencing"))
    throw new TypeError("fencing is no option here: the record of slots needs the tokens");
  return { policy: { whileRunning, afterCrash, afterFailure, maxAttempts }, lockerOptions };
}

/** Throws `TypeError` unless the value is one of the choices. */
export function checkChoice(value: unknown, name: string, choices: readonly string[]): void {
  if (choices.includes(value as string)) return;
  const all = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  throw new TypeError(`${name} must be ${all}, not ${shown(value)}`);
}

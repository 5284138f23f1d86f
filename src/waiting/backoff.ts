import { shown } from "../errors.ts";
import { checkMs } from "../lease/terms.ts";

/** From one number of milliseconds to another, chosen evenly. */
export type Spread = readonly [fromMs: number, toMs: number];

/**
 * How a waiter polls. Between two polls lies a time chosen evenly from a spread: one at first, another from then on.
 */
export interface PollOptions {
  /** How long a waiter is quick, in milliseconds since it began to wait. Default: 350. */
  readonly quickForMs?: number | undefined;
  /** Between two polls of a quick waiter, in milliseconds. Default: 40 to 60. */
  readonly quickMs?: Spread | undefined;
  /** Between two polls from then on, in milliseconds: floor and cap. Default: 350 to 850. */
  readonly steadyMs?: Spread | undefined;
}

export type PollPolicy = { readonly [Name in keyof PollOptions]-?: NonNullable<PollOptions[Name]> };

/**
 * Quick at first, because most holds are short; then as often as a crowd can afford. The delay does not go on growing:
 * a waiter who asks less often the longer it waits is overtaken by everyone who comes later.
 */
const POLL_DEFAULTS: PollPolicy = Object.freeze({
  quickForMs: 350,
  quickMs: Object.freeze([40, 60] as const),
  steadyMs: Object.freeze([350, 850] as const),
});

/** How long a waiter rests before it asks again, in milliseconds, given how long it has waited. */
export function pollDelayMs(
  waitedMs: number,
  random: () => number,
  { quickForMs, quickMs, steadyMs }: PollPolicy,
): number {
  const [from, to] = waitedMs < quickForMs ? quickMs : steadyMs;
  return from + (to - from) * random();
}

/**
 * For how long a process that has used up its budget leaves the lock alone, in milliseconds: long enough for the next
 * poll of a waiter of another process.
 */
export function stayAwayMs({ steadyMs: [, longestMs] }: PollPolicy, random: () => number): number {
  return longestMs * (1 + random() / 10);
}

/**
 * The pause after a number of failures in a row, from 1, in milliseconds: doubled each time, from the first to the
 * longest, and half of it random.
 */
export function growingPauseMs(failures: number, [firstMs, longestMs]: Spread, random: () => number): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.5 + random() / 2);
}

/** A locker's `poll` option with every default filled in. Throws `RangeError` naming option and value. */
export function resolvePollOptions(options?: PollOptions): PollPolicy {
  if (!options) return POLL_DEFAULTS;
  const {
    quickForMs = POLL_DEFAULTS.quickForMs,
    quickMs = POLL_DEFAULTS.quickMs,
    steadyMs = POLL_DEFAULTS.steadyMs,
  } = options;
  const policy = { quickForMs, quickMs, steadyMs };
  checkMs(quickForMs, "poll.quickForMs");
  for (const name of ["quickMs", "steadyMs"] as const) checkSpread(policy[name], `poll.${name}`);
  return policy;
}

/**
 * Throws `RangeError` naming option and value unless it is two numbers of milliseconds, the second not below the first.
 */
export function checkSpread(value: unknown, name: string): asserts value is Spread {
  const [from, to] = Array.isArray(value) ? value : [];
  if (typeof from === "number" && typeof to === "number" && from >= 1 && to >= from && to < Number.POSITIVE_INFINITY)
    return;
  throw new RangeError(
    `${name} must be two numbers of milliseconds, from at least 1 to at least the first, not ${shown(value)}`,
  );
}

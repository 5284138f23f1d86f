import type { Parameters } from "fast-check";
import { isMutexError } from "../../../src/errors.ts";

const { FUZZ_RUNS, FUZZ_SEED } = process.env;
const TIMES = Number(FUZZ_RUNS ?? 1);

/**
 * The same inputs every time, and `runs` of them. `FUZZ_RUNS=50` tries 50 times as many, others each time; `FUZZ_SEED`
 * brings back those of the seed that a failure names.
 */
export function fuzzing<T>(runs: number): Parameters<T> {
  const numRuns = runs * TIMES;
  if (FUZZ_SEED !== undefined) return { numRuns, seed: Number(FUZZ_SEED) };
  return FUZZ_RUNS === undefined ? { numRuns, seed: 2_026 } : { numRuns };
}

/** Calls it, and gives what it throws, or undefined. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Throws unless it is an error of azmutex's own, or one that says that the caller is at fault. */
export function expectTyped(thrown: unknown): void {
  if (isMutexError(thrown) || isFaultOfCaller(thrown)) return;
  throw new Error(`raw: ${String(thrown)}`, { cause: thrown });
}

export function isFaultOfCaller(thrown: unknown): boolean {
  return thrown instanceof TypeError || thrown instanceof RangeError;
}

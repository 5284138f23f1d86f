import { type Figures, meanFigures } from "../shared/waits/figures.ts";
import type { RunPlan } from "./run.ts";
import { runAll } from "./run-threads.ts";

/** A situation that is simulated once for each seed. */
export interface Situation extends Omit<RunPlan, "seed"> {
  readonly seeds: readonly number[];
}

export interface Measured {
  readonly situation: Situation;
  readonly mean: Figures;
  /** In the order of the seeds. */
  readonly runs: readonly Figures[];
}

export const ROUND_TRIP_MS = 10;

/** Long holds make few acquisitions: they are watched for longer. */
export function minutesFor(holdMs: number): number {
  return holdMs < 10_000 ? 10 : 60;
}

/** So many that the longest wait of one run does not decide. */
export const SEEDS = 8;

/** As many seeds as asked for, from the first one on. */
export function seedsFrom(first = 1, count = SEEDS): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

export function plansOf({ seeds, ...plan }: Situation): RunPlan[] {
  return seeds.map((seed) => ({ ...plan, seed }));
}

/** Simulates all situations, in parallel. */
export async function measure(situations: readonly Situation[]): Promise<Measured[]> {
  const figures = await runAll(situations.flatMap(plansOf));
  return situations.map((situation) => {
    const runs = figures.splice(0, situation.seeds.length);
    return { situation, mean: meanFigures(runs), runs };
  });
}

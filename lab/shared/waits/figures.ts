import type { RunRecord, Wait } from "./run-record.ts";

/** What a run, or the mean of several, comes to. Times are milliseconds; `NaN` where there was nothing to measure. */
export interface Figures {
  readonly acquisitions: number;
  /** From a release taking effect, while another waited, to the next `lock()` resolving. */
  readonly gapP50: number;
  readonly gapP95: number;
  readonly gapMax: number;
  readonly requestsPerAcquisition: number;
  /** Of the finished waits, and of those that were not over at the end. */
  readonly longestWait: number;
  /** Of holds per process: 1 if all had the lock equally often, 1 / processes if only one ever had it. */
  readonly jain: number;
  /** How many acquisitions by processes that came later went before a waiter's own. */
  readonly overtakenMean: number;
  readonly overtakenMax: number;
  /** The same, of those that came more than a second later. */
  readonly overtakenLateMean: number;
  readonly overtakenLateMax: number;
}

const CLEARLY_LATER_MS = 1_000;

export function figuresOf(run: RunRecord): Figures {
  const { holds, waiting, requests } = run;
  const gaps = gapsOf(run);
  const waits = [
    ...holds.map(({ askedAt, from }) => from - askedAt),
    ...waiting.map(({ askedAt }) => run.endedAt - askedAt),
  ];
  const overtaken = overtakingsOf(run, 0);
  const overtakenLate = overtakingsOf(run, CLEARLY_LATER_MS);
  return {
    acquisitions: holds.length,
    gapP50: percentile(gaps, 0.5),
    gapP95: percentile(gaps, 0.95),
    gapMax: percentile(gaps, 1),
    requestsPerAcquisition: requests / holds.length,
    longestWait: largest(waits),
    jain: jainOf(run),
    overtakenMean: mean(overtaken),
    overtakenMax: largest(overtaken),
    overtakenLateMean: mean(overtakenLate),
    overtakenLateMax: largest(overtakenLate),
  };
}

export function meanFigures(runs: readonly Figures[]): Figures {
  const [first] = runs;
  if (!first) throw new RangeError("there is no mean of no runs");
  const names = Object.keys(first) as (keyof Figures)[];
  return Object.fromEntries(names.map((name) => [name, mean(runs.map((run) => run[name]))])) as unknown as Figures;
}

/** In ascending order. */
function gapsOf({ holds, waiting }: RunRecord): number[] {
  const asked = [...holds, ...waiting].map(({ askedAt }) => askedAt).sort(ascending);
  const gaps: number[] = [];
  let askedSoFar = 0;
  holds.forEach(({ freedAt }, index) => {
    const next = holds[index + 1];
    if (freedAt === undefined || !next) return;
    while ((asked[askedSoFar] ?? Infinity) <= freedAt) askedSoFar += 1;
    const heldSoFar = index + 1;
    if (askedSoFar > heldSoFar) gaps.push(next.from - freedAt);
  });
  return gaps.sort(ascending);
}

/** For every waiter: how many holds of processes that asked more than `laterMs` after it began before its own. */
function overtakingsOf({ holds, waiting }: RunRecord, laterMs: number): number[] {
  const before = (index: number, { askedAt }: Wait): number => {
    let count = 0;
    for (let earlier = index - 1; earlier >= 0; earlier -= 1) {
      const hold = holds[earlier];
      // A waiter that got the lock before the waiter asked did not come later.
      if (!hold || hold.from <= askedAt) break;
      if (hold.askedAt > askedAt + laterMs) count += 1;
    }
    return count;
  };
  return [...holds.map((hold, index) => before(index, hold)), ...waiting.map((wait) => before(holds.length, wait))];
}

function jainOf({ holds, processes }: RunRecord): number {
  const counts = new Array<number>(processes).fill(0);
  for (const { process } of holds) counts[process] = (counts[process] ?? 0) + 1;
  const squares = counts.reduce((sum, count) => sum + count ** 2, 0);
  return holds.length ** 2 / (processes * squares);
}

/** The smallest value that is not below so large a part of them. */
function percentile(ascendingValues: readonly number[], part: number): number {
  return ascendingValues[Math.ceil(part * ascendingValues.length) - 1] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function largest(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((most, value) => Math.max(most, value));
}

function ascending(a: number, b: number): number {
  return a - b;
}

import { appendHistory } from "../shared/history.ts";
import type { GameName } from "./games.ts";
import type { Invariant } from "./invariants.ts";
import { simulate } from "./simulation.ts";

/** Some seeds, one after the other. */
export interface Batch {
  readonly from: number;
  readonly count: number;
  /** The game that every seed plays. Default: each its own. */
  readonly game?: GameName | undefined;
  /** The rules that count. Default: all. */
  readonly rules?: readonly string[] | undefined;
  /** A file that the histories are appended to. */
  readonly history?: string | undefined;
}

export interface Failure {
  readonly seed: number;
  readonly game: string;
  readonly rule: Invariant;
  readonly how: string;
}

/** What came of a batch. */
export interface Tally {
  readonly seeds: number;
  readonly holds: number;
  readonly losses: number;
  readonly requests: number;
  readonly faults: number;
  /** Under how many seeds each fault of a channel happened, by game: `lock: doubled`. */
  readonly channel: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

export const NOTHING: Tally = Object.freeze({
  seeds: 0,
  holds: 0,
  losses: 0,
  requests: 0,
  faults: 0,
  channel: {},
  failures: [],
});

export function sumOf(a: Tally, b: Tally): Tally {
  return {
    seeds: a.seeds + b.seeds,
    holds: a.holds + b.holds,
    losses: a.losses + b.losses,
    requests: a.requests + b.requests,
    faults: a.faults + b.faults,
    channel: countsOf(a.channel, b.channel),
    failures: [...a.failures, ...b.failures],
  };
}

function countsOf(a: Tally["channel"], b: Tally["channel"]): Tally["channel"] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}

/**
 * Runs all seeds of a batch. A promise of the library's that rejects unseen is a failure of the seed under which it
 * did.
 */
export async function runBatch({ from, count, game: only, rules, history }: Batch): Promise<Tally> {
  const unseen: unknown[] = [];
  const note = (error: unknown): void => void unseen.push(error);
  process.on("unhandledRejection", note);
  let tally = NOTHING;
  try {
    for (let seed = from; seed < from + count; seed += 1) {
      const outcome = await simulate({ seed, game: only, rules });
      const { game, violation, holds, losses, requests, faults } = outcome;
      if (history !== undefined) appendHistory(history, outcome.history());
      const failures: Failure[] = [];
      if (violation) failures.push({ seed, game, rule: violation.rule, how: violation.message });
      for (const error of unseen.splice(0))
        failures.push({ seed, game, rule: "unhandled rejection", how: String(error) });
      const channel = Object.fromEntries((outcome.channel ?? []).map((fault) => [`${game}: ${fault}`, 1]));
      tally = sumOf(tally, { seeds: 1, holds, losses, requests, faults, channel, failures });
    }
  } finally {
    process.off("unhandledRejection", note);
  }
  return tally;
}

import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { NOTHING, sumOf, type Tally } from "./batch.ts";
import type { GameName } from "./games.ts";

export interface LongRunOptions {
  readonly from: number;
  /** At most so many seeds. */
  readonly seeds: number;
  /** No batch begins after so many milliseconds. */
  readonly forMs: number;
  readonly threads: number;
  /** Whether the first failure ends it. */
  readonly untilFailure: boolean;
  readonly game: GameName | undefined;
  readonly rules: readonly string[] | undefined;
  readonly history: string | undefined;
  readonly onProgress: (tally: Tally, elapsedMs: number) => void;
}

const PROGRAM = new URL("./batch-worker.js", import.meta.url);
const BATCH = 20;
/** A run makes short-lived objects by the thousand; with room for them they are gone before they are collected. */
const YOUNG_GENERATION_MB = 32;
/**
 * V8 forgets the compiled code of a closure when a full collection finds none of its kind alive, and between two seeds
 * that is nearly all. So it collects as seldom as memory allows: a thread has a dozen megabytes alive, and takes up to
 * 250.
 */
const SELDOM_COLLECTED = ["--initial-old-space-size=250", "--heap-growing-percent=2000"];

/** Runs seed after seed, on several threads at once. */
export async function runLong({
  from,
  seeds,
  forMs,
  threads,
  untilFailure,
  game,
  rules,
  history,
  onProgress,
}: LongRunOptions): Promise<Tally> {
  for (const flag of SELDOM_COLLECTED) setFlagsFromString(flag);
  const startedAt = performance.now();
  const elapsedMs = (): number => performance.now() - startedAt;
  let next = from;
  let tally = NOTHING;
  const work = async (): Promise<void> => {
    const worker = new Worker(PROGRAM, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } });
    try {
      while (next < from + seeds && elapsedMs() < forMs && !(untilFailure && tally.failures.length > 0)) {
        const count = Math.min(BATCH, from + seeds - next);
        const answer = once(worker, "message");
        worker.postMessage({ from: next, count, game, rules, history });
        next += count;
        const [done] = (await answer) as [Tally];
        tally = sumOf(tally, done);
        onProgress(tally, elapsedMs());
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  return tally;
}

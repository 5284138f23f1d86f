import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Figures } from "../shared/waits/figures.ts";
import type { RunPlan } from "./run.ts";

const PROGRAM = new URL("./run-worker.js", import.meta.url);
/** A run makes short-lived objects by the million; with room for them they are gone before they are collected. */
const YOUNG_GENERATION_MB = 64;

/** Runs every plan, as many at a time as there are processors. The figures come in the order of the plans. */
export async function runAll(plans: readonly RunPlan[]): Promise<Figures[]> {
  const figures: Figures[] = [];
  // The longest first, so that no thread is left alone with one at the end.
  const todo = [...plans.entries()].sort(([, a], [, b]) => lengthOf(b) - lengthOf(a));
  const work = async (): Promise<void> => {
    const worker = new Worker(PROGRAM, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } });
    try {
      for (let next = todo.shift(); next; next = todo.shift()) {
        const [index, plan] = next;
        const answer = once(worker, "message");
        worker.postMessage(plan);
        [figures[index]] = (await answer) as [Figures];
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), plans.length) }, work));
  return figures;
}

/** Roughly: every process polls all the time. */
function lengthOf({ processes, minutes }: RunPlan): number {
  return processes * minutes;
}

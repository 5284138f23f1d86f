import type { Benchmark } from "./benchmark.ts";
import { CRASH } from "./crash.ts";
import { CYCLE } from "./cycle.ts";
import { FOOTPRINT } from "./footprint.ts";
import { PROCESSES } from "./processes.ts";
import { SCALE } from "./scale.ts";
import { TASKS } from "./tasks.ts";

/** In the order of the document. */
export const BENCHMARKS: readonly Benchmark[] = [CYCLE, TASKS, PROCESSES, CRASH, SCALE, FOOTPRINT];

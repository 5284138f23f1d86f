import type { Benchmark } from "./benchmark.ts";
import { CRASH } from "./crash.ts";
import { CYCLE } from "./cycle.ts";
import { DEATHS_OF_HOLDERS } from "./deaths.ts";
import { FOOTPRINT } from "./footprint.ts";
import { PROCESSES } from "./processes.ts";
import { SCALE } from "./scale.ts";
import { TASKS } from "./tasks.ts";
import { WAKE_UPS } from "./wake-ups.ts";

/** In the order of the document. */
export const BENCHMARKS: readonly Benchmark[] = [
  CYCLE,
  TASKS,
  PROCESSES,
  WAKE_UPS,
  CRASH,
  DEATHS_OF_HOLDERS,
  SCALE,
  FOOTPRINT,
];

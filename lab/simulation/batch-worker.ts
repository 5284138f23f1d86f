// A thread that runs batches of seeds, one after the other, and answers each with its tally.
import { parentPort } from "node:worker_threads";
import { type Batch, runBatch } from "./batch.ts";
import { useLightSignals } from "./light-signals.ts";

// The library makes errors by the thousand here, and their stacks are not read.
Error.stackTraceLimit = 0;
useLightSignals();

parentPort?.on("message", async (batch: Batch) => {
  parentPort?.postMessage(await runBatch(batch));
});

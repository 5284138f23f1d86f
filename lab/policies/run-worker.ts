// A thread that runs simulations, one after the other, and answers each with its figures.
import { parentPort } from "node:worker_threads";
import { figuresOf } from "../shared/waits/figures.ts";
import { type RunPlan, simulate } from "./run.ts";

parentPort?.on("message", async (plan: RunPlan) => {
  parentPort?.postMessage(figuresOf(await simulate(plan)));
});

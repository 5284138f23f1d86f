import { join } from "node:path";
import type { Program } from "./program.ts";
import type { Show } from "./show.ts";

/** What is said of each ending, in order. The last worker ends well. */
const ENDINGS = new Map([
  ["exit", "calls process.exit"],
  ["kill", "is killed"],
  ["container", "is killed, and has no guardian, as where a whole container is killed; it left a note in a directory"],
  ["hang", "hangs, and may hold the lock for 3 s at most"],
  ["well", "ends well"],
]);

export const crash: Show = {
  summary: "`releaseOnExit`, `guardian`, `stateDirectory`, `maxHoldMs`: holders that die or hang",
  notice: "how soon the next worker begins, though each lease is 60 s long",
  async play({ folder, say, start }) {
    const crew: Program[] = [];
    let longestMs = 0;
    for (const [ending, said] of ENDINGS) {
      // Other kernels have no proof of a death that a directory could keep.
      if (ending === "container" && process.platform !== "linux") continue;
      const worker = start("crash", `worker-${crew.length + 1}`, { args: [ending, join(folder, "state")] });
      const began = worker.printed(/^at work/);
      const before = crew.at(-1);
      if (before) {
        await Promise.race([before.ended, began]);
        const endedAt = performance.now();
        await began;
        const ms = performance.now() - endedAt;
        longestMs = Math.max(longestMs, ms);
        say(`${worker.name} began ${(ms / 1_000).toFixed(1)} s later, with a lease of 60 s`);
      }
      await began;
      say(`${worker.name} ${said}`);
      crew.push(worker);
    }
    const end = await crew.at(-1)?.ended;
    if (end?.code !== 0) throw new Error("the last worker did not end well");
    if (longestMs > 30_000) throw new Error(`a worker waited for ${longestMs} ms`);
    return `all but the last ended badly, and each of their locks was free within ${Math.ceil(longestMs / 1_000)} s`;
  },
};

import type { Program } from "./program.ts";
import type { Show } from "./show.ts";

/** What is said of each ending, in order. The last worker ends well. */
const ENDINGS = new Map([
  ["exit", "calls process.exit"],
  ["kill", "is killed"],
  ["hang", "hangs, and may hold the lock for 3 s at most"],
  ["well", "ends well"],
]);

export const crash: Show = {
  summary: "workers that exit, are killed, or hang while they hold the lock; the next one begins at once",
  async play({ say, start }) {
    let before: Program | undefined;
    let longestMs = 0;
    for (const [ending, said] of ENDINGS) {
      const worker = start("crash", `worker-${ending}`, { args: [ending] });
      const began = worker.printed(/^at work/);
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
      before = worker;
    }
    const end = await before?.ended;
    if (end?.code !== 0) throw new Error("the last worker did not end well");
    if (longestMs > 30_000) throw new Error(`a worker waited for ${longestMs} ms`);
    return `three workers ended badly, and each of their locks was free within ${Math.ceil(longestMs / 1_000)} s`;
  },
};

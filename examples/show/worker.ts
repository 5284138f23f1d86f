import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Program } from "./program.ts";
import { endedBy, firstToPrint, names, type Show } from "./show.ts";

/** What a worker notes of each job. */
export interface Done {
  readonly job: number;
  readonly token: number;
}

export function jobsIn(file: string): Done[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

export const worker: Show = {
  summary: "`releaseOnSignals`, `fair`: a worker finishes its job at SIGTERM, and the next goes on at once",
  notice: "the job numbers go on without a gap, and the next worker begins within a second of the first one's end",
  async play({ folder, say, start }) {
    const file = join(folder, "jobs.log");
    const workers = names("worker", 3).map((name) => start("worker", name, { args: [file] }));
    const stop = async (program: Program): Promise<void> => {
      program.kill("SIGTERM");
      await endedBy(program, "SIGTERM");
    };
    const first = await firstToPrint(workers, /^job 1 is done$/);
    const waiting = workers.filter((program) => program !== first);
    say(`${first.name} is told to stop`);
    const began = performance.now();
    const [next] = await Promise.all([firstToPrint(waiting, /begins$/), stop(first)]);
    say(`${next.name} went on ${((performance.now() - began) / 1_000).toFixed(1)} s later, with a lease of 30 s`);
    for (const program of waiting) {
      if (program === next) continue;
      say(`${program.name} is told to stop, and waits no longer`);
      await stop(program);
    }
    await next.printed(/is done$/);
    await stop(next);
    const jobs = jobsIn(file).map(({ job }) => job);
    if (jobs.some((job, index) => job !== index + 1)) throw new Error(`jobs were left out or done twice: ${jobs}`);
    return `${jobs.length} jobs done, each once, by two workers that were told to stop in the middle`;
  },
};

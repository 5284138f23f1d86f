import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endedBy, firstToPrint, names, type Show } from "./show.ts";

const LOOK_EVERY_MS = 50;

/** What a replica notes of each run of its job. */
export interface Run {
  readonly what: "begins" | "ends";
  readonly term: number;
  readonly replica: string;
}

export function runsIn(file: string): Run[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

export const cron: Show = {
  summary: "`LeaderElection` with node-cron: a schedule that runs only where a replica leads",
  notice: "the leader is told to end while its job runs; the next one leads when that job has ended",
  async play({ folder, signal, say, start }) {
    const file = join(folder, "runs.log");
    const env = { SCHEDULE: "* * * * * *" };
    const replicas = names("replica", 3).map((name) =>
      start("cron", name, { args: [file], env: { ...env, REPLICA: name } }),
    );
    const runsBy = async (name: string): Promise<void> => {
      while (!runsIn(file).some(({ replica }) => replica === name)) {
        await sleep(LOOK_EVERY_MS, undefined, { signal });
      }
    };
    const first = await firstToPrint(replicas, /^leading/);
    await runsBy(first.name);
    say(`${first.name} leads, and its jobs run; it is told to stop while one does`);
    first.kill("SIGTERM");
    await endedBy(first, "SIGTERM");
    const others = replicas.filter((replica) => replica !== first);
    const next = await firstToPrint(others, /^leading/);
    await runsBy(next.name);
    say(`${next.name} leads, and its jobs run`);
    for (const replica of others) replica.kill("SIGTERM");
    for (const replica of others) await endedBy(replica, "SIGTERM");
    const runs = runsIn(file);
    // Each begins when the one before has ended.
    if (runs.some(({ what }, index) => what !== (index % 2 === 0 ? "begins" : "ends")))
      throw new Error("two jobs ran at once");
    return `${runs.length / 2} runs, one at a time, by ${new Set(runs.map(({ replica }) => replica)).size} replicas`;
  },
};

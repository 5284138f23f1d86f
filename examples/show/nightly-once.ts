import { readFileSync } from "node:fs";
import { join } from "node:path";
import { allSucceed, endedBy, firstToPrint, names, type Show } from "./show.ts";

const NIGHTS = ["2026-11-29", "2026-11-30"] as const;

export const nightlyOnce: Show = {
  summary: "`Once`: a report that one of many replicas writes for each night; one is killed in it",
  notice: "one report for each night; the second one in attempt 2, since a replica was killed in attempt 1",
  async play({ folder, say, start }) {
    const file = join(folder, "reports.log");
    const [first, second] = NIGHTS;
    await allSucceed(names("replica", 3).map((name) => start("nightly-once", name, { args: [first, file] })));
    say(`the report of ${first} is written; the replicas ask for the next one`);
    const replicas = names("replica", 3).map((name) => start("nightly-once", name, { args: [second, file] }));
    const killed = await firstToPrint(replicas, /attempt 1 begins$/);
    killed.kill("SIGKILL");
    await endedBy(killed, "SIGKILL");
    say(`${killed.name} was killed while it wrote the report of ${second}; another begins it anew`);
    await allSucceed(replicas.filter((replica) => replica !== killed));
    await allSucceed([start("nightly-once", "late", { args: [second, file] })]);
    const written = readFileSync(file, "utf8").trimEnd().split("\n");
    if (written.join() !== NIGHTS.join()) throw new Error(`reports were written of ${written.join(", ")}`);
    return `${written.length} nights, one report each`;
  },
};

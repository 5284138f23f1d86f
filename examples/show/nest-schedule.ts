import { setTimeout as sleep } from "node:timers/promises";
import { endedBy, names, type Show } from "./show.ts";

const FIRES = 5;
const LOOK_EVERY_MS = 100;

export const nestSchedule: Show = {
  summary: "`Once` with the schedule of NestJS: each fire of two replicas runs in one of them",
  notice: "each time has one line `ran`; the other replica is told that it runs, or is done",
  async play({ signal, say, start }) {
    const replicas = names("replica", 2).map((name) => start("nest-schedule", name));
    const fires = (outcome: RegExp): string[] =>
      replicas.flatMap(({ lines }) =>
        lines.filter((line) => outcome.test(line)).map((line) => line.split(": ")[0] ?? ""),
      );
    const ran = (): string[] => fires(/: ran$/);
    const skipped = (): string[] => fires(/: (running|alreadyDone|passed)$/);
    // A fire counts if both replicas had it: the other may have started later.
    const shared = (): string[] => ran().filter((fire) => skipped().includes(fire));
    while (shared().length < FIRES) await sleep(LOOK_EVERY_MS, undefined, { signal });
    say("both are told to stop");
    for (const replica of replicas) replica.kill("SIGTERM");
    for (const replica of replicas) await endedBy(replica, "SIGTERM");
    const twice = ran().filter((fire, index, all) => all.indexOf(fire) !== index);
    if (twice.length > 0) throw new Error(`a fire ran twice: ${twice.join(", ")}`);
    return `${shared().length} fires in two replicas, each of which ran in one`;
  },
};

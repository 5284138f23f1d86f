import { join } from "node:path";
import { allSucceed, firstToPrint, names, type Show } from "./show.ts";

export const migrationAtDeploy: Show = {
  summary: "`Locker`: every instance runs it at deploy; one migrates, the others wait for it",
  notice: "no step is done twice, though an instance is killed in the middle of one",
  async play({ folder, say, start }) {
    const args = [join(folder, "shop.db")];
    const instances = names("instance", 5).map((name) => start("migration-at-deploy", name, { args }));
    const killed = await firstToPrint(instances, /fill price_cents: \d+ rows/);
    killed.kill("SIGKILL");
    say(`${killed.name} is killed in the middle of step 3; its guardian gives the lock back`);
    await allSucceed(instances.filter((instance) => instance !== killed));
    const done = instances.flatMap(({ lines }) => lines.filter((line) => line.endsWith(": done")));
    if (done.length !== 4 || new Set(done).size !== 4) throw new Error(`these steps were applied: ${done.join("; ")}`);
    return "each of 4 steps applied once, though an instance was killed in the middle of one; 4 instances serve";
  },
};

import { join } from "node:path";
import { allSucceed, type Show } from "./show.ts";

export const fencedRow: Show = {
  summary: "`fencingToken`: a database row that refuses the late write of a holder that was paused",
  notice:
    "teller-1 believes that it holds the lock; its token is lower than that of teller-2, and its write is refused",
  async play({ folder, say, start }) {
    const args = [join(folder, "bank.db")];
    const paused = start("fenced-row", "teller-1", { args, env: { PAUSE: "1" } });
    await paused.printed(/^pausing/);
    say("teller-1 is stopped, its deposit as good as written; its lease of 15 s runs out while it knows nothing");
    await allSucceed([start("fenced-row", "teller-2", { args })]);
    say("teller-1 is woken up, and goes on where it was");
    paused.kill("SIGCONT");
    const { code } = await paused.ended;
    if (code !== 1 || !/refused/.test(paused.output)) throw new Error("the late write was not refused");
    const last = start("fenced-row", "teller-3", { args });
    await allSucceed([last]);
    if (!/the balance is 200$/m.test(last.output)) throw new Error("the balance is wrong");
    return "the late write was refused: two deposits of 100 came through, and the balance is 200";
  },
};

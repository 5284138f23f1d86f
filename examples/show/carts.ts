import { allSucceed, type Show } from "./show.ts";

const CARTS = ["cart/anna", "cart/ben", "cart/cleo"] as const;

export const carts: Show = {
  summary: "`lockAll` and `lock.conditions`: two blobs locked as one; a late write that Azure refuses",
  notice: "three processes want each other's carts, and none waits for ever; no item is lost or doubled",
  async play({ say, start }) {
    const [anna, ben, cleo] = CARTS;
    const merge = (name: string, from: string, into: string, env = {}) =>
      start("carts", name, { args: [from, into], env });
    await allSucceed([merge("merge-1", anna, ben), merge("merge-2", ben, cleo), merge("merge-3", cleo, anna)]);

    const late = merge("late", ben, anna, { WORK_MS: "3000" });
    await late.printed(/^both are locked/);
    late.kill("SIGSTOP");
    say("it is stopped before it writes, and an operator takes its lock of cart/anna away at once");
    await allSucceed([start("azmutex", "operator", { args: ["break", anna, "--after", "0s", "--yes", "--quiet"] })]);
    await allSucceed([merge("next", anna, cleo)]);
    say("it is woken up, and goes on where it was");
    late.kill("SIGCONT");
    const { code } = await late.ended;
    if (code !== 1 || !/^Azure refused the write: 412/m.test(late.output))
      throw new Error("the late write was not refused");

    const last = merge("last", ben, cleo);
    await allSucceed([last]);
    if (!last.output.endsWith("cart/cleo has anna, ben, cleo")) throw new Error(`an item was lost: ${last.output}`);
    return "all three items are in one cart; the late write was refused by Azure, and changed nothing";
  },
};

import { beforeAll, describe, expect, it } from "vitest";
import { nestSchedule } from "../../examples/show/nest-schedule.ts";
import { nightlyOnce } from "../../examples/show/nightly-once.ts";
import { orders } from "../../examples/show/orders.ts";
import { compileExamples, ExampleRun, endsOf, linesOf } from "../support/example-run.ts";

beforeAll(compileExamples);

describe.concurrent("the examples of work that does not run twice", () => {
  it("nightly-once: one replica runs each night, another when it is killed, and none that comes late", async (test) => {
    const run = await ExampleRun.open(test);
    await nightlyOnce.play(run);
    expect((await endsOf(run.programs)).filter((end) => end !== 0)).toEqual(["SIGKILL"]);
    expect(linesOf(run.programs, /: ran, /)).toEqual([
      "2026-11-29: ran, and wrote 4 pages",
      "2026-11-30: ran, and wrote 4 pages",
    ]);
    expect(linesOf(run.programs, /begins$/).sort()).toEqual([
      "2026-11-29: attempt 1 begins",
      "2026-11-30: attempt 1 begins",
      "2026-11-30: attempt 2 begins",
    ]);
    expect(run.programs.at(-1)?.lines).toEqual(["2026-11-30: alreadyDone"]);
  });

  it("nest-schedule: each fire of two replicas runs in one of them", async (test) => {
    const run = await ExampleRun.open(test);
    await nestSchedule.play(run);
    const ran = linesOf(run.programs, /: ran$/);
    expect(new Set(ran).size).toBe(ran.length);
    expect(await endsOf(run.programs)).toEqual(["SIGTERM", "SIGTERM"]);
  });

  it("orders: each order is booked once, is put back meanwhile, and no three are paid at once", async (test) => {
    const run = await ExampleRun.open(test);
    await orders.play(run);
    expect(linesOf(run.programs, /: booked$/)).toHaveLength(3);
    expect(linesOf(run.programs, /: booked before$/)).toHaveLength(6);
  });
});

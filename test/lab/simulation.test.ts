import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { GAMES } from "../../lab/simulation/games.ts";
import { Kernel } from "../../lab/simulation/kernel.ts";
import { Machine } from "../../lab/simulation/machine.ts";
import { type Plan, simulate } from "../../lab/simulation/simulation.ts";
import { Violation } from "../../lab/simulation/violation.ts";
import { withoutStacks } from "../seeded/simulation/simulated-seeds.ts";

async function hashOf(plan: Plan): Promise<string> {
  const { lines } = await simulate({ ...plan, isTold: true });
  expect(lines.length).toBeGreaterThan(100);
  return createHash("sha256").update(JSON.stringify(lines)).digest("hex");
}

describe("a simulation", () => {
  withoutStacks();

  it.each([...GAMES, "once"] as const)("happens the same way every time: %s", async (game) => {
    for (const seed of game === "once" ? [1, 16] : [7, 11])
      expect(await hashOf({ seed, game })).toBe(await hashOf({ seed, game }));
  });

  it("happens another way under another seed", async () => {
    expect(await hashOf({ seed: 7 })).not.toBe(await hashOf({ seed: 8 }));
  });

  it("happens the same way whether or not it is told", async () => {
    const { lines: told, history: exported, ...once } = await simulate({ seed: 7, isTold: true });
    const { lines: untold, history, ...again } = await simulate({ seed: 7 });
    expect(history()).toEqual(exported());
    expect(again).toEqual(once);
    expect([told.length > 0, untold.length]).toEqual([true, 0]);
  });
});

/** A machine, and the true time that passes for it. */
function setup(rate = 1): {
  machine: Machine;
  pass: (ms: number) => Promise<void>;
  log: string[];
  note: (what: string) => () => void;
} {
  const kernel = new Kernel();
  const machine = new Machine(kernel, { name: "m", rate, startsAt: 1_000, random: () => 0.9 });
  const log: string[] = [];
  return {
    machine,
    pass: (ms) => kernel.run({ afterEach: () => undefined, isOver: () => false, until: kernel.now + ms }),
    log,
    note: (what) => () => void log.push(`${what} at ${machine.now()}`),
  };
}

describe("a simulated machine", () => {
  it("has clocks of its own rate, and timers that go by them", async () => {
    const { machine, pass, log, note } = setup(1.25);
    machine.setTimer(100, note("timer"));
    await pass(79);
    expect(log).toEqual([]);
    await pass(1);
    expect(log).toEqual(["timer at 1100"]);
  });

  it("stalls: its clocks go on, and what fell due comes late", async () => {
    const { machine, pass, log, note } = setup();
    machine.setTimer(100, note("timer"));
    machine.standStill("stall", 1_000);
    await pass(500);
    expect([machine.now(), log]).toEqual([1_500, []]);
    await pass(500);
    expect(log).toEqual(["timer at 2000"]);
  });

  it("sleeps: the clock of its timers stands still, the other does not", async () => {
    const { machine, pass, log, note } = setup();
    const uptime = machine.uptime();
    machine.setTimer(100, note("timer"));
    machine.standStill("suspend", 1_000);
    await pass(1_050);
    expect([machine.now(), machine.uptime() - uptime, log]).toEqual([1_050, 1_050, []]);
    await pass(50);
    expect(log).toEqual(["timer at 1100"]);
  });

  it("is frozen, and cannot tell", async () => {
    const { machine, pass } = setup();
    const uptime = machine.uptime();
    machine.standStill("freeze", 1_000);
    await pass(1_200);
    expect([machine.now(), machine.uptime() - uptime]).toEqual([1_200, 200]);
  });

  it("calls timers, then what has arrived, then who waits for a turn, with promises in between", async () => {
    const { machine, pass, log, note } = setup();
    machine.standStill("stall", 10);
    machine.nextTurn(note("turn"));
    machine.receive(() => void Promise.resolve().then(note("promise of the input")));
    machine.setTimer(1, () => void Promise.resolve().then(note("promise of the timer")));
    machine.setTimer(2, note("timer"));
    await pass(20);
    expect(log).toEqual([
      "promise of the timer at 1010",
      "timer at 1010",
      "promise of the input at 1010",
      "turn at 1010",
    ]);
  });

  it("says so when something waits for nothing but promises that are settled, and breaks the loop", async () => {
    const kernel = new Kernel();
    const reported: string[] = [];
    const machine = new Machine(kernel, {
      name: "m",
      rate: 1,
      startsAt: 0,
      random: () => 0,
      report: (rule) => void reported.push(rule),
    });
    let thrown: unknown;
    const turn = async (): Promise<void> => {
      while (machine.now() < 1_000) await undefined;
    };
    machine.receive(() => void turn().catch((error) => (thrown = error)));
    await kernel.run({ afterEach: () => undefined, isOver: () => false, until: 10 });
    expect(thrown).toBeInstanceOf(Violation);
    expect(reported).toEqual(["standstill"]);
  });

  it("runs nothing any more when it is dead", async () => {
    const { machine, pass, log, note } = setup();
    machine.setTimer(1, note("timer"));
    machine.receive(note("input"));
    machine.die();
    await pass(10);
    expect([log, machine.pendingTimers]).toEqual([[], 0]);
  });
});

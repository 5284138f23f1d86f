import { FakeClock, MemoryLeaseStore } from "azmutex/testing";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../lab/policies/arguments.ts";
import { DistantLeaseStore } from "../../lab/policies/distant-lease-store.ts";
import { type Measured, plansOf, type Situation } from "../../lab/policies/measured.ts";
import { pictureOf } from "../../lab/policies/picture/picture.ts";
import { policyNamed } from "../../lab/policies/policy.ts";
import { report } from "../../lab/policies/report.ts";
import { type RunPlan, simulate } from "../../lab/policies/run.ts";
import { markdownTable, tableRow, tableSituations } from "../../lab/policies/table.ts";
import { parseDuration, showDuration } from "../../lab/shared/duration.ts";
import { exponential, seeded } from "../../lab/shared/seeded.ts";
import { figuresOf, meanFigures } from "../../lab/shared/waits/figures.ts";
import type { Hold, RunRecord } from "../../lab/shared/waits/run-record.ts";

const PLAN: RunPlan = { processes: 3, holdMs: 1_000, policy: "plain", minutes: 1, roundTripMs: 10, seed: 1 };

describe("a simulated run", () => {
  it("is the same every time", async () => {
    const once = await simulate(PLAN);
    expect(once.holds.length).toBeGreaterThan(30);
    expect(await simulate(PLAN)).toEqual(once);
    expect(await simulate({ ...PLAN, seed: 2 })).not.toEqual(once);
  });

  it.each(["plain", "uniform:250-1000", "fixed:10s"])("never has two holders: %s", async (policy) => {
    const { holds, endedAt } = await simulate({ ...PLAN, policy });
    for (const [index, { from, freedAt }] of holds.slice(0, -1).entries()) {
      expect(freedAt).toBeGreaterThan(from);
      expect(holds[index + 1]?.from).toBeGreaterThan(freedAt ?? endedAt);
    }
    expect(holds.length).toBeGreaterThan(30);
  });

  it("gives everybody a turn", async () => {
    const { holds } = await simulate(PLAN);
    expect(new Set(holds.map(({ process }) => process)).size).toBe(3);
  });

  it("holds the lock for as long the k-th time under every policy", async () => {
    const lengths = async (policy: string): Promise<number[]> => {
      const { holds } = await simulate({ ...PLAN, policy });
      return holds.slice(0, 30).map(({ from, freedAt }) => (freedAt ?? Number.NaN) - from);
    };
    const [plain = [], uniform = []] = await Promise.all([lengths("plain"), lengths("uniform:250-1000")]);
    expect(plain).toHaveLength(30);
    // The release is half a round trip on its way, and a renewal under way may go first.
    plain.forEach((length, index) => void expect(Math.abs(length - (uniform[index] ?? Number.NaN))).toBeLessThan(15));
  });

  it("is one of as many as there are seeds", () => {
    const { seed, ...situation } = PLAN;
    expect(plansOf({ ...situation, seeds: [seed, 2] })).toEqual([PLAN, { ...PLAN, seed: 2 }]);
  });

  it("polls as the policy says", async () => {
    const requests = async (policy: string): Promise<number> =>
      figuresOf(await simulate({ ...PLAN, policy })).requestsPerAcquisition;
    expect(await requests("fixed:10s")).toBeLessThan(await requests("uniform:250-1000"));
    expect(await requests("uniform:250-1000")).toBeLessThan(await requests("fixed:100ms"));
  });
});

describe("a distant store", () => {
  function setUp() {
    const clock = new FakeClock();
    const memory = new MemoryLeaseStore({ clock, containerExists: true });
    const freed: number[] = [];
    const distant = new DistantLeaseStore(memory, {
      clock,
      nextRoundTripMs: () => 10,
      onFreed: () => freed.push(clock.now()),
    });
    return { clock, memory, distant, freed };
  }
  const ID = "00000000-0000-4000-8000-000000000001";
  const OTHER_ID = "00000000-0000-4000-8000-000000000002";

  it("is asked after half a round trip, and answers after the other half", async () => {
    const { clock, memory, distant } = setUp();
    let answeredAt: number | undefined;
    void distant.create("lock", {}).then(() => {
      answeredAt = clock.now();
    });
    await clock.advance(4);
    expect((await memory.read("lock")).kind).toBe("missing");
    await clock.advance(1);
    expect((await memory.read("lock")).kind).toBe("found");
    await clock.advance(20);
    expect(answeredAt).toBe(10);
    expect(distant.requests).toBe(1);
  });

  it("rejects at once when a call is aborted, and is asked all the same", async () => {
    const { clock, memory, distant } = setUp();
    const abort = new AbortController();
    let reason: unknown;
    void distant.create("lock", {}, { signal: abort.signal }).catch((error) => {
      reason = error;
    });
    await clock.advance(1);
    abort.abort("enough");
    await clock.settle();
    expect(reason).toBe("enough");
    await clock.advance(20);
    expect((await memory.read("lock")).kind).toBe("found");
  });

  it("says when a release or a change took effect, and only then", async () => {
    const { clock, memory, distant, freed } = setUp();
    await memory.create("lock", {});
    await memory.acquire("lock", ID, 15);
    void distant.change("lock", ID, OTHER_ID);
    await clock.advance(50);
    void distant.release("lock", ID);
    await clock.advance(50);
    void distant.release("lock", OTHER_ID);
    await clock.advance(50);
    expect(freed).toEqual([5, 105]);
  });
});

describe("the figures of a run", () => {
  const hold = (process: number, askedAt: number, from: number, freedAt?: number): Hold => ({
    process,
    askedAt,
    from,
    freedAt,
  });
  const run = (holds: readonly Hold[], rest: Partial<RunRecord> = {}): RunRecord => ({
    processes: 2,
    endedAt: 10_000,
    holds,
    waiting: [],
    requests: 0,
    ...rest,
  });

  it("have a gap from a release to the next holder, if another waited then", () => {
    const waited = run([hold(0, 0, 10, 100), hold(1, 50, 130, 200), hold(1, 300, 310, 400)]);
    expect(figuresOf(waited)).toMatchObject({ gapP50: 30, gapP95: 30, gapMax: 30 });
    const barged = run([hold(0, 0, 10, 100), hold(0, 150, 160, 200)], { waiting: [{ process: 1, askedAt: 20 }] });
    expect(figuresOf(barged).gapMax).toBe(60);
    expect(figuresOf(run([hold(0, 0, 10, 100), hold(0, 150, 160)])).gapMax).toBeNaN();
  });

  it("count the waits that were not over at the end", () => {
    const starved = run([hold(0, 0, 10, 100)], { waiting: [{ process: 1, askedAt: 1_000 }] });
    expect(figuresOf(starved).longestWait).toBe(9_000);
  });

  it("count who came later and had the lock before a waiter, clearly later or not", () => {
    const holds = [hold(0, 0, 10, 100), hold(1, 500, 600, 700), hold(1, 1_200, 1_300, 1_400), hold(2, 50, 1_500)];
    expect(figuresOf(run(holds))).toMatchObject({
      overtakenMax: 2,
      overtakenMean: 0.5,
      overtakenLateMax: 1,
      overtakenLateMean: 0.25,
    });
    const starved = run(holds.slice(0, 3), { waiting: [{ process: 2, askedAt: 50 }] });
    expect(figuresOf(starved)).toMatchObject({ overtakenMax: 2, overtakenLateMax: 1 });
  });

  it("have Jain's index: 1 for equal shares, 1 / processes if one has it all", () => {
    expect(figuresOf(run([hold(0, 0, 1), hold(1, 0, 2)])).jain).toBe(1);
    expect(figuresOf(run([hold(0, 0, 1), hold(0, 1, 2)])).jain).toBe(0.5);
  });

  it("spread requests over acquisitions, and have means", () => {
    const [few, many] = [4, 8].map((requests) => figuresOf(run([hold(0, 0, 1, 2), hold(1, 0, 4)], { requests })));
    expect(few?.requestsPerAcquisition).toBe(2);
    expect(few && many && meanFigures([few, many])).toMatchObject({
      requestsPerAcquisition: 3,
      acquisitions: 2,
      gapMax: 2,
    });
  });
});

describe("what the simulator prints", () => {
  const situation: Situation = { ...PLAN, seeds: [1, 2] };
  const mean = figuresOf({
    processes: 2,
    endedAt: 60_000,
    holds: [
      { process: 0, askedAt: 0, from: 10, freedAt: 1_000 },
      { process: 1, askedAt: 0, from: 1_048, freedAt: undefined },
    ],
    waiting: [{ process: 0, askedAt: 1_100 }],
    requests: 9,
  });
  const measured: Measured[] = [
    { situation, mean, runs: [mean, mean] },
    { situation: { ...situation, policy: "fixed:10s" }, mean, runs: [mean, mean] },
  ];

  it("is a column for every policy", () => {
    const lines = report(measured).split("\n");
    expect(lines[0]).toBe("3 processes, holds of 1 s on average, round trips of 10 ms, 1 simulated minutes");
    expect(lines).toContain("Means of the seeds 1, 2");
    expect(lines.find((line) => line.startsWith("hand-over gap, p50"))).toMatch(/ 48 ms +48 ms$/);
    expect(lines.find((line) => line.startsWith("longest wait"))).toMatch(/ 58.9 s +58.9 s$/);
  });

  it("is a row for every policy in the documentation's table", () => {
    expect(markdownTable(measured).split("\n")[2]).toBe(tableRow(situation, mean));
    expect(tableRow(situation, mean)).toBe("| 3 | 1 s | `plain` | 48 ms | 48 ms | 48 ms | 4.5 | 2 | 58.9 s | 1.000 |");
    const cells = tableSituations().map(
      ({ processes, holdMs, policy, minutes }) => `${processes} ${holdMs} ${policy} ${minutes}`,
    );
    expect(new Set(cells).size).toBe(36);
    expect(cells).toEqual(
      expect.arrayContaining(["2 50 plain 10", "10 1000 uniform:250-1000 10", "100 10000 fair 60"]),
    );
  });
});

describe("the simulator's picture", () => {
  it("is the same every time, with a bar for every hold of the stretch it shows", async () => {
    const run = await simulate(PLAN);
    const svg = pictureOf(PLAN, run);
    expect(pictureOf(PLAN, run)).toBe(svg);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(svg).toContain("One lock, 3 processes, policy plain");
    expect(svg).toContain(">process 3</text>");
    const shown = run.holds.filter(({ freedAt = run.endedAt }) => freedAt > run.endedAt / 2);
    const bars = [...svg.matchAll(/<path d="([^"]+)" class="row\d"/g)].flatMap(([, d = ""]) => d.match(/M/g) ?? []);
    expect(bars).toHaveLength(shown.length);
  });
});

describe("what the simulator is asked", () => {
  it("has defaults, and longer runs for long holds", () => {
    const request = parseArguments(["--hold", "10s"]);
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const situations = [{ processes: 10, holdMs: 10_000, policy: "plain", minutes: 60, roundTripMs: 10, seeds }];
    expect(request).toEqual({ kind: "report", situations, json: false, svg: undefined, frontier: undefined });
  });

  it("can compare policies", () => {
    const request = parseArguments([
      "--processes=100",
      "--policy=plain",
      "--policy=fixed:10s",
      "--seed=7",
      "--seeds=2",
      "--json",
    ]);
    expect(request).toMatchObject({
      json: true,
      situations: [
        { processes: 100, policy: "plain", seeds: [7, 8] },
        { processes: 100, policy: "fixed:10s", seeds: [7, 8] },
      ],
    });
  });

  it("can make the rows of some policies in the documentation's table", () => {
    const request = parseArguments(["--table", "--policy=fair", "--policy=fair-woken", "--seeds=1"]);
    expect(request).toEqual({ kind: "table", seeds: [1], policies: ["fair", "fair-woken"] });
    expect(tableSituations([1], ["fair-woken"])).toHaveLength(9);
  });

  it.each([
    ["--hold", "soon"],
    ["--processes", "0"],
    ["--policy", "lucky"],
    ["--policy", "uniform:9-1"],
    ["--seeds", "1.5"],
    ["--fast"],
    ["now"],
  ])("refuses %s %s", (...args) => {
    expect(() => parseArguments(args)).toThrow();
  });

  it("knows other libraries' policies as options of our own polling", () => {
    expect(policyNamed("plain").options).toEqual({});
    expect(policyNamed("fair").options).toEqual({ fair: true });
    expect(policyNamed("uniform:250-1000").options).toEqual({ poll: { quickForMs: 0, steadyMs: [250, 1_000] } });
    expect(policyNamed("fixed:10s").options).toEqual({ poll: { quickForMs: 0, steadyMs: [10_000, 10_000] } });
  });

  it("reads and writes durations", () => {
    expect(["50ms", "1.5s", "2m", "1h", "s"].map(parseDuration)).toEqual([50, 1_500, 120_000, undefined, undefined]);
    expect([0.4, 48.2, 999.6, 1_254, 83_000, 506_336, Number.NaN].map(showDuration)).toEqual([
      "0 ms",
      "48 ms",
      "1.00 s",
      "1.25 s",
      "83.0 s",
      "506 s",
      "–",
    ]);
  });
});

describe("seeded chance", () => {
  it("is the same for the same name, and another for any other", () => {
    const draw = (seed: number, name: string): number[] => Array.from({ length: 5 }, seeded(seed, name));
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    const all = [draw(1, "a"), draw(1, "b"), draw(2, "a")].flat();
    expect(new Set(all).size).toBe(15);
  });

  it("is spread evenly, and exponential where asked", () => {
    const random = seeded(1, "spread");
    const numbers = Array.from({ length: 10_000 }, random);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    const tenths = numbers.reduce(
      (counts, number) => counts.with(Math.floor(number * 10), (counts[Math.floor(number * 10)] ?? 0) + 1),
      new Array<number>(10).fill(0),
    );
    expect(Math.min(...tenths)).toBeGreaterThan(900);
    expect(Math.max(...tenths)).toBeLessThan(1_100);
    const holds = Array.from({ length: 10_000 }, () => exponential(1_000, random));
    const mean = holds.reduce((sum, hold) => sum + hold, 0) / holds.length;
    expect(mean).toBeGreaterThan(970);
    expect(mean).toBeLessThan(1_030);
  });
});

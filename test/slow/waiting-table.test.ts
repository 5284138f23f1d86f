import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { plansOf, type Situation } from "../../lab/policies/measured.ts";
import { simulate } from "../../lab/policies/run.ts";
import { tableRow, tableSituations } from "../../lab/policies/table.ts";
import { type Figures, figuresOf, meanFigures } from "../../lab/shared/waits/figures.ts";
import { PROJECT } from "../support/sources.ts";

const rows = readFileSync(join(PROJECT, "docs/waiting.md"), "utf8").split("\n");
const situations = tableSituations();

function situation(processes: number, holdMs: number, policy: string): Situation {
  const found = situations.find((one) => one.processes === processes && one.holdMs === holdMs && one.policy === policy);
  if (!found) throw new Error(`the table has no ${processes} × ${holdMs} ms, ${policy}`);
  return found;
}

const simulated = new Map<Situation, Promise<Figures[]>>();

/** What each run comes to. Each is made once, however many ask. */
function figuresOfAll(one: Situation): Promise<Figures[]> {
  const figures = simulated.get(one) ?? Promise.all(plansOf(one).map(async (plan) => figuresOf(await simulate(plan))));
  simulated.set(one, figures);
  return figures;
}

/** A row of the document, as numbers: times in milliseconds. */
function documented(
  processes: number,
  holdMs: number,
  policy: string,
): Record<"p95" | "requests" | "acquisitions" | "longest", number> {
  const hold = holdMs < 1_000 ? `${holdMs} ms` : `${holdMs / 1_000} s`;
  const row = rows.find((line) => line.startsWith(`| ${processes} | ${hold} | \`${policy}\` |`));
  if (row === undefined) throw new Error(`docs/waiting.md has no ${processes} × ${hold}, ${policy}`);
  const cells = row.split("|").map((cell) => cell.trim());
  const [p95, requests, acquisitions, longest] = [5, 7, 8, 9].map((n) => cells[n] ?? "");
  return { p95: inMs(p95), requests: Number(requests), acquisitions: Number(acquisitions), longest: inMs(longest) };
}

function inMs(text = ""): number {
  const [, number, unit] = /^([\d.,]+) (ms|s)$/.exec(text) ?? [];
  return Number(number?.replaceAll(",", "")) * (unit === "s" ? 1_000 : 1);
}

describe("the table in docs/waiting.md", () => {
  it.each([
    [2, 1_000, "plain"],
    [2, 1_000, "uniform:250-1000"],
    [2, 10_000, "fixed:10s"],
    [10, 1_000, "fair"],
  ] as const)(
    "says of %i processes with holds of %i ms and %s what the simulator says, to the byte",
    async (processes, holdMs, policy) => {
      const one = situation(processes, holdMs, policy);
      expect(rows).toContain(tableRow(one, meanFigures(await figuresOfAll(one))));
    },
  );

  it("leaves out what holds for fair in every run: none is overtaken by one that came a second later", async () => {
    const runs = await figuresOfAll(situation(10, 1_000, "fair"));
    expect(runs.map(({ overtakenLateMax }) => overtakenLateMax)).toEqual(runs.map(() => 0));
  });

  it("holds a row for every number of processes, hold and policy", () => {
    for (const { processes, holdMs, policy } of situations)
      expect(documented(processes, holdMs, policy).acquisitions).toBeGreaterThan(0);
  });

  it("shows fair below its limits of gap, requests and waiting", () => {
    expect(documented(10, 1_000, "fair").p95).toBeLessThanOrEqual(250);
    expect(documented(10, 1_000, "fair").requests).toBeLessThanOrEqual(40);
    expect(documented(100, 1_000, "fair").p95).toBeLessThanOrEqual(250);
    expect(documented(100, 1_000, "fair").requests).toBeLessThanOrEqual(60);
    expect(documented(100, 10_000, "fair").requests).toBeLessThanOrEqual(150);
    expect(documented(100, 1_000, "fair").longest).toBeLessThanOrEqual(1.5 * 100 * (1_000 + 250));
  });

  it("shows plain, in every cell, ahead of or near uniform polling where it has to be", () => {
    for (const processes of [2, 10, 100]) {
      for (const holdMs of [50, 1_000, 10_000]) {
        const plain = documented(processes, holdMs, "plain");
        const uniform = documented(processes, holdMs, "uniform:250-1000");
        expect(plain.acquisitions / uniform.acquisitions).toBeGreaterThanOrEqual(0.95);
        expect(plain.longest / uniform.longest).toBeLessThanOrEqual(2);
        if (processes === 2 && holdMs === 50) expect(plain.p95 / uniform.p95).toBeLessThanOrEqual(1 / 3);
        if (holdMs === 10_000) expect(plain.requests / uniform.requests).toBeLessThanOrEqual(1.1);
      }
    }
  });
});

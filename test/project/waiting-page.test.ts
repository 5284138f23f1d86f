import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

const PAGE = readFileSync(join(PROJECT, "docs/waiting.md"), "utf8");
const ROWS = PAGE.split("\n").map((line) => line.replace(/^\| | \|$/g, "").split(" | "));
/** The columns of the table that the simulator writes, by their names in the comparison above it. */
const COLUMNS = { "gap p95": 4, "requests per acquisition": 6, acquisitions: 7, "longest wait": 8 } as const;
const POLICIES = ["plain", "uniform:250-1000"];

const compared = ROWS.flatMap(([situation = "", ...cells]) => {
  const [, processes, hold, column] = /^(\d+) processes, holds of (.+): (.+)$/.exec(situation) ?? [];
  return processes === undefined ? [] : [{ situation, processes, hold, column, cells }];
});

describe("the comparison with uniform polling in docs/waiting.md", () => {
  it.each(compared)("has the figures of the table below it: $situation", ({ processes, hold, column, cells }) => {
    const index = COLUMNS[column as keyof typeof COLUMNS];
    const measured = POLICIES.map(
      (policy) =>
        ROWS.find(([one, two, three]) => one === processes && two === hold && three === `\`${policy}\``)?.[index],
    );
    expect(cells).toEqual(measured);
  });

  it("has four rows", () => expect(compared).toHaveLength(4));
});

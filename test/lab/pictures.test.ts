import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { faultChart } from "../../lab/pictures/fault-chart.ts";
import { leaseLife } from "../../lab/pictures/lease-life.ts";
import { PROJECT } from "../support/sources.ts";

const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");

describe("the pictures of the documents: npm run lab -- pictures draws them anew", () => {
  it("show the faults as they were measured last", () => {
    expect(read("docs/faults.svg")).toBe(faultChart(read("docs/faults.md")));
  });

  it("show a lease with the default options", () => {
    expect(read("docs/lease-life.svg")).toBe(leaseLife());
    const options = read("docs/locker.md");
    expect(options).toContain("| `leaseSeconds` | 30 |");
    expect(options).toContain("| `marginMs` | a sixth of the lease |");
    expect(options).toContain("| `renewEveryMs` | a third of the lease |");
  });

  it("refuse a page without the table", () => {
    expect(() => faultChart("# Faults\n")).toThrow("no table");
  });
});

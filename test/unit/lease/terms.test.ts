import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULTS, type LeaseTerms, LONGEST_RETRY_DELAY_MS, resolveTerms } from "../../../src/lease/terms.ts";
import { PROJECT } from "../../support/sources.ts";

const TEXT = readFileSync(join(PROJECT, "docs/lease-and-margin.md"), "utf8");

/** The rows of numbers under a heading, as they stand there. */
function rowsUnder(heading: string): string[] {
  const section = TEXT.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return section.split("\n").filter((line) => /^\| \d/.test(line));
}

const seconds = (ms: number): string => `${Number((ms / 1_000).toFixed(1))}`;
const thousands = (ms: number): string => Math.floor(ms).toLocaleString("en-US");
const leaseOf = (row: string): number => Number(row.split("|")[1]);

function row({ leaseSeconds, marginMs, goodForMs, renewEveryMs, tryTimeoutMs }: LeaseTerms): string {
  const slackMs = goodForMs - renewEveryMs - LONGEST_RETRY_DELAY_MS;
  const cells = [
    leaseSeconds,
    thousands(marginMs),
    `${seconds(goodForMs)} s`,
    `${seconds(renewEveryMs)} s`,
    Math.round(3_600_000 / renewEveryMs),
    `${seconds(slackMs)} s`,
    `${seconds(slackMs - tryTimeoutMs)} s`,
    `${seconds(leaseSeconds * 1_000 - renewEveryMs)}–${leaseSeconds} s`,
  ];
  return `| ${cells.join(" | ")} |`;
}

describe("the tables in docs/lease-and-margin.md", () => {
  const rows = rowsUnder("The table");
  const limits = rowsUnder("What has to fit");

  it("say what the defaults come to", () => {
    expect(rows.map(leaseOf)).toEqual(expect.arrayContaining([15, 30, 60]));
    expect(rows).toEqual(rows.map((line) => row(resolveTerms({ leaseSeconds: leaseOf(line) }, DEFAULTS.tryTimeoutMs))));
  });

  it("say what just fits, and what does not any more", () => {
    expect(limits.map(leaseOf)).toEqual(rows.map(leaseOf));
    for (const line of limits) {
      const [leaseSeconds = 0, marginMs = 0, tryTimeoutMs = 0] = line
        .split("|")
        .slice(1, -1)
        .map((cell) => Number(cell.replaceAll(",", "")));
      expect(() => resolveTerms({ leaseSeconds, marginMs }, DEFAULTS.tryTimeoutMs)).not.toThrow();
      expect(() => resolveTerms({ leaseSeconds, marginMs: marginMs + 1 }, DEFAULTS.tryTimeoutMs)).toThrow(RangeError);
      expect(() => resolveTerms({ leaseSeconds, tryTimeoutMs }, DEFAULTS.tryTimeoutMs)).not.toThrow();
      expect(() => resolveTerms({ leaseSeconds, tryTimeoutMs: tryTimeoutMs + 1 }, DEFAULTS.tryTimeoutMs)).toThrow(
        RangeError,
      );
    }
  });
});

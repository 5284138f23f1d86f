import { describe, expect, it } from "vitest";
import type { Bar, Chart, Measured } from "../../lab/bench/benchmark.ts";
import { chartSvg } from "../../lab/bench/chart.ts";
import { benchmarksDocument, printed } from "../../lab/bench/document.ts";
import { median, quantile, repeated, shown } from "../../lab/shared/statistics.ts";

describe("the statistics of the benchmarks", () => {
  it("has the median of an odd and of an even number of values, in any order", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("interpolates between neighbours, and sorts by size and not by letters", () => {
    const values = Array.from({ length: 101 }, (_, n) => 100 - n);
    expect(quantile(values, 0.95)).toBe(95);
    expect(quantile([10, 9, 2], 0)).toBe(2);
    expect(quantile([10, 9, 2], 1)).toBe(10);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
  });

  it("leaves the values as they are, and has no answer where there are none", () => {
    const values = Object.freeze([3, 1, 2]);
    expect(median(values)).toBe(2);
    expect(median([])).toBeNaN();
  });

  it("shows the middle with the least and the most of all repeats", () => {
    expect(shown(repeated([3, 1, 2]))).toBe("2.00 (1.00–3.00)");
    expect(shown(repeated([3.16]), 1)).toBe("3.2 (3.2–3.2)");
  });
});

const BARS: readonly Bar[] = [
  { label: "ours", value: 10, spread: [8, 14], isOurs: true },
  { label: "a < b & c", value: 1_234, isOurs: false },
];

function widths(svg: string): number[] {
  return [...svg.matchAll(/<rect [^>]*width="([\d.]+)" height="16"/g)].map(([, width]) => Number(width));
}

function drawn(chart: Partial<Chart> = {}): string {
  return chartSvg({ title: "Gap", unit: "ms", bars: BARS, ...chart });
}

describe("the chart of a benchmark", () => {
  it("has a bar for each, as long as its value, ours in a colour of its own", () => {
    const [ours = 0, other = 0] = widths(drawn());
    expect(ours / other).toBeCloseTo(10 / 1_234, 1);
    expect(drawn().match(/class="row0"/g)).toHaveLength(1);
    expect(drawn()).toContain("1,234");
  });

  it("shortens what is far longer, with a logarithmic axis, and says so", () => {
    const [ours = 0, other = 0] = widths(drawn({ isLogarithmic: true }));
    expect(ours / other).toBeGreaterThan(0.1);
    expect(drawn({ isLogarithmic: true })).toContain("ms, logarithmic");
  });

  it.each([false, true])(
    "has the shortest of bars for what is 0, and so has each where everything is (logarithmic: %s)",
    (isLogarithmic) => {
      const nothing = { label: "nothing", value: 0, spread: [0, 0], isOurs: true } as const;
      const alone = drawn({ isLogarithmic, bars: [nothing, nothing] });
      const besides = drawn({ isLogarithmic, bars: [...BARS, nothing] });
      expect(widths(alone)).toEqual([1, 1]);
      expect(widths(besides)).toEqual([...widths(drawn({ isLogarithmic })), 1]);
      expect(alone + besides).not.toMatch(/NaN|Infinity/);
    },
  );

  it("needs nothing from outside, and takes no label for markup", () => {
    const svg = drawn();
    expect(svg).toContain("a &#60; b &#38; c");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(svg).not.toMatch(/<script|<image|href=|url\(|@import/);
  });
});

const MEASURED: Measured = {
  name: "cycle",
  title: "Cycle",
  what: "What is measured.",
  ranOn: "a machine.",
  roundTripMs: 5,
  seconds: 61.4,
  report: {
    tables: [{ caption: "Cycles", columns: ["what", "ms"], rows: [["ours", 10.5]] }],
    claims: [
      { what: "fast", limit: "1.05 times", measured: "1.02 times", holds: true },
      { what: "small", limit: "1 KB", measured: "2 KB", holds: false },
    ],
    chart: { title: "Gap", unit: "ms", bars: BARS },
    notes: ["Something to know."],
  },
};

describe("the page of the benchmarks", () => {
  it("has all that was measured, in Markdown, and how to measure it again", () => {
    const page = benchmarksDocument([MEASURED]);
    for (const line of [
      "## Cycle",
      "What is measured.",
      "![Gap](benchmarks/cycle.svg)",
      "**Cycles**",
      "| what | ms |",
      "| :-- | --: |",
      "| ours | 10.5 |",
      "Something to know.",
      "| fast | 1.05 times | 1.02 times | holds |",
      "_`npm run bench -- --only cycle`: 61 s, a machine._",
    ]) {
      expect(page.split("\n")).toContain(line);
    }
  });

  it("says aloud, on the page and at a terminal, what does not hold", () => {
    expect(benchmarksDocument([MEASURED])).toContain("| small | 1 KB | 2 KB | **does not hold** |");
    expect(printed(MEASURED.report)).toContain("DOES NOT HOLD: small: 2 KB (limit 1 KB)");
  });

  it("says the same of the same results", () => {
    expect(benchmarksDocument([structuredClone(MEASURED)])).toBe(benchmarksDocument([MEASURED]));
  });
});

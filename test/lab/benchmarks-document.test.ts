import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Measured } from "../../lab/bench/benchmark.ts";
import { chartSvg } from "../../lab/bench/chart.ts";
import { PAGES_WITH_WAITS, withWaits } from "../../lab/bench/deaths/page.ts";
import { benchmarksDocument } from "../../lab/bench/document.ts";
import { chartsOf, HAND_OVER } from "../../lab/bench/pictures.ts";
import { PROJECT } from "../support/sources.ts";

/** What is not as the results make it: a file that differs, is missing, or belongs to no result. */
function stale(docs: string): string[] {
  const text = (path: string): string | undefined =>
    existsSync(join(docs, path)) ? readFileSync(join(docs, path), "utf8") : undefined;
  const results = JSON.parse(text("benchmarks/results.json") ?? "[]") as readonly Measured[];
  const made = new Map([["benchmarks.md", benchmarksDocument(results)]]);
  const isThere = (page: string): boolean => existsSync(join(docs, page));
  for (const page of PAGES_WITH_WAITS.filter(isThere)) made.set(page, withWaits(text(page) ?? "", results));
  for (const [file, chart] of results.flatMap((result) => [...chartsOf(result)]))
    made.set(`benchmarks/${file}`, `${chartSvg(chart)}\n`);
  const there = readdirSync(join(docs, "benchmarks"))
    .filter((file) => file.endsWith(".svg"))
    .map((file) => `benchmarks/${file}`);
  const differing = [...made].filter(([path, content]) => text(path) !== content).map(([path]) => path);
  return [...differing, ...there.filter((path) => !made.has(path))];
}

describe("docs/benchmarks.md and its pictures", () => {
  it("are exactly what the results of the last run make: npm run bench writes them anew", () => {
    expect(existsSync(join(PROJECT, "docs/benchmarks/results.json"))).toBe(true);
    expect(stale(join(PROJECT, "docs"))).toEqual([]);
  });

  it("have every claim of the last run kept, or say that it is not", () => {
    const results = JSON.parse(
      readFileSync(join(PROJECT, "docs/benchmarks/results.json"), "utf8"),
    ) as readonly Measured[];
    const page = readFileSync(join(PROJECT, "docs/benchmarks.md"), "utf8");
    const claims = results.flatMap(({ report }) => report.claims);
    expect(claims.length).toBeGreaterThan(0);
    expect(page.match(/\*\*does not hold\*\*/g)?.length ?? 0).toBe(claims.filter(({ holds }) => !holds).length);
  });
});

describe("the picture of hand-overs", () => {
  it("has median and 95th percentile of every lock that was measured, and says them in words", () => {
    const results = JSON.parse(
      readFileSync(join(PROJECT, "docs/benchmarks/results.json"), "utf8"),
    ) as readonly Measured[];
    const chart = results.map((result) => chartsOf(result).get(HAND_OVER)).find((found) => found);
    const table = results.flatMap(({ report }) => report.tables).find(({ caption }) => caption?.startsWith("10 cont"));
    expect(chart?.bars.map(({ label, spread }) => [label, spread?.map((ms) => `${ms} ms`)])).toEqual(
      table?.rows.map(([label, median, p95]) => [label, [median, p95]]),
    );
    const svg = readFileSync(join(PROJECT, "docs/benchmarks", HAND_OVER), "utf8");
    for (const { label, value } of chart?.bars ?? []) expect(svg).toMatch(new RegExp(`<desc.*${label}: ${value} \\(`));
  });
});

describe("this test itself", () => {
  const docs = mkdtempSync(join(tmpdir(), "azmutex-docs-"));
  afterAll(() => rmSync(docs, { recursive: true }));
  const chart = { title: "Gap", unit: "ms", bars: [{ label: "ours", value: 1, isOurs: true }] };
  const results: readonly Measured[] = [
    {
      name: "cycle",
      title: "Cycle",
      what: "What.",
      ranOn: "a machine.",
      roundTripMs: 5,
      seconds: 1,
      report: { tables: [], claims: [], chart, notes: [] },
    },
  ];

  /** A folder of documents that fits together. */
  function written(): void {
    mkdirSync(join(docs, "benchmarks"), { recursive: true });
    writeFileSync(join(docs, "benchmarks/results.json"), JSON.stringify(results));
    writeFileSync(join(docs, "benchmarks.md"), benchmarksDocument(results));
    writeFileSync(join(docs, "benchmarks/cycle.svg"), `${chartSvg(chart)}\n`);
  }

  it("accepts what the results make", () => {
    written();
    expect(stale(docs)).toEqual([]);
  });

  it("sees a page and a picture that were changed, and a picture of nothing", () => {
    written();
    writeFileSync(join(docs, "benchmarks.md"), benchmarksDocument(results).replace("1 s", "2 s"));
    writeFileSync(join(docs, "benchmarks/cycle.svg"), "");
    writeFileSync(join(docs, "benchmarks/gone.svg"), "");
    expect(stale(docs)).toEqual(["benchmarks.md", "benchmarks/cycle.svg", "benchmarks/gone.svg"]);
    rmSync(join(docs, "benchmarks/gone.svg"));
  });

  it("sees a figure of a page that is not the one that was measured", () => {
    const { report } = results[0] as Measured;
    const rows = [["what", 1, 40, "0.9 s", "1.2 s", "1.5 s"]];
    const measured = [{ name: "deaths", report: { ...report, tables: [{ columns: [], rows }] } }];
    const page = "| a | <!-- ours -->0.9 s / 1.2 s from there |\n| b | <!-- theirs -->3 s / 4 s |";
    expect(withWaits(page, measured)).toBe(page);
    expect(withWaits(page.replace("0.9 s / 1.2 s", "800 ms / 1.10 s"), measured)).toBe(page);
    expect(withWaits(page.replace("0.9 s / 1.2 s", ""), measured)).toBe(page);
  });

  it("sees a page that is missing", () => {
    written();
    rmSync(join(docs, "benchmarks.md"));
    expect(stale(docs)).toEqual(["benchmarks.md"]);
  });
});

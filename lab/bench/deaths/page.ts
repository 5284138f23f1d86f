import type { Measured } from "../benchmark.ts";

/** The pages of the documents that have figures of this benchmark in their own words. */
export const PAGES_WITH_WAITS = ["process-end.md", "comparison.md"] as const;

/**
 * A page of the documents with the figures that were measured, median and p95: each stands after a comment that names a
 * bar of the chart, which has a bar for each row of the table.
 */
export function withWaits(page: string, results: readonly Pick<Measured, "name" | "report">[]): string {
  const { tables, chart } = results.find(({ name }) => name === "deaths")?.report ?? { tables: [] };
  const rows = tables[0]?.rows ?? [];
  return (chart?.bars ?? []).reduce((text, { label }, at) => {
    const mark = `<!-- ${label} -->`;
    const [median = "", p95 = ""] = rows[at]?.slice(3) ?? [];
    return text
      .split(mark)
      .map((part, n) => (n === 0 ? part : part.replace(/^(?:[\d.]+ m?s \/ [\d.]+ m?s)?/, `${median} / ${p95}`)))
      .join(mark);
  }, page);
}

import type { Bar, Chart, Measured, Table } from "./benchmark.ts";

/** The table of the hand-over chart, and the file that it is drawn into, in docs/benchmarks/. */
const CONTENTION = "10 contenders, holds of 200 ms, real time";
export const HAND_OVER = "hand-over.svg";

/** The charts of a result, by the files that they are drawn into. */
export function chartsOf({ name, report }: Pick<Measured, "name" | "report">): ReadonlyMap<string, Chart> {
  const contention = report.tables.find(({ caption }) => caption === CONTENTION);
  return new Map([
    ...(contention ? [[HAND_OVER, handOver(contention)] as const] : []),
    ...(report.chart ? [[`${name}.svg`, report.chart] as const] : []),
  ]);
}

/** How long a lock is free between two holders, in the order of the table. */
function handOver({ columns, rows }: Table): Chart {
  const median = columns.indexOf("gap p50");
  return {
    title: "From a release to the next holder's start, with 10 processes",
    unit: "milliseconds; the bar is the median, the line goes on to the 95th percentile",
    bars: rows.map(([label = "", ...cells]): Bar => {
      const [value = Number.NaN, p95 = Number.NaN] = cells.slice(median - 1).map(milliseconds);
      return { label: `${label}`, value, spread: [value, p95], isOurs: `${label}`.startsWith("azmutex") };
    }),
  };
}

const milliseconds = (cell: string | number): number =>
  Number.parseFloat(`${cell}`) * (/\d s$/.test(`${cell}`) ? 1_000 : 1);

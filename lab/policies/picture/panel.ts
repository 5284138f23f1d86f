import { bars, element, line, polyline, text } from "../../shared/svg/svg.ts";
import type { RunRecord } from "../../shared/waits/run-record.ts";

/** A stretch of a run, drawn as a row per process. Times are milliseconds from its start. */
export interface Panel {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly rowHeight: number;
  readonly from: number;
  readonly to: number;
}

/** The style knows so many colours; from then on they come round again. */
const COLOURS = 6;
/** A bar is never thinner than this, or short holds would vanish. */
const THINNEST_BAR = 1;
const LOWEST_NAMED_ROW = 12;
const WIDEST_LABEL = 72;

interface Span {
  readonly process: number;
  readonly from: number;
  readonly to: number;
}

export function drawPanel(panel: Panel, run: RunRecord): string {
  const height = panel.rowHeight * run.processes;
  const rows = Array.from({ length: run.processes }, (_, row) => row);
  const holds = within(panel, holdsOf(run));
  const waits = within(panel, waitsOf(run));
  return [
    element("rect", { x: panel.x, y: panel.y, width: panel.width, height, class: "panel" }),
    ...rows.filter((row) => row % 2 === 1).map((row) => stripe(panel, row)),
    ...ticks(panel).map((at) => line(xAt(panel, at), panel.y, xAt(panel, at), panel.y + height, "grid")),
    ...rows.map((row) => drawRow(panel, row, waits, holds)),
    drawBaton(panel, holds),
    drawAxis(panel, panel.y + height),
  ].join("\n");
}

function drawRow(panel: Panel, row: number, waits: readonly Span[], holds: readonly Span[]): string {
  const { x, y, rowHeight } = panel;
  const middle = y + rowHeight * (row + 0.5);
  const thickness = Math.min(2.5, rowHeight / 3);
  const barsOf = (spans: readonly Span[], thinnest: number) =>
    spans
      .filter(({ process }) => process === row)
      .map(({ from, to }) => ({ x: xAt(panel, from), width: Math.max(xAt(panel, to) - xAt(panel, from), thinnest) }));
  const name = element(
    "text",
    { x: x - 12, y: middle + 4.5, class: `name row${row % COLOURS}`, "text-anchor": "end" },
    `process ${row + 1}`,
  );
  return [
    rowHeight >= LOWEST_NAMED_ROW ? name : "",
    bars(barsOf(waits, 0), middle - thickness / 2, thickness, "wait"),
    bars(barsOf(holds, THINNEST_BAR), middle - rowHeight * 0.33, rowHeight * 0.66, `row${row % COLOURS}`),
  ].join("");
}

/** The way of the lock: from the end of each hold to the beginning of the next. */
function drawBaton(panel: Panel, holds: readonly Span[]): string {
  const points = holds.flatMap(({ process, from, to }): [number, number][] => {
    const y = panel.y + panel.rowHeight * (process + 0.5);
    return [
      [xAt(panel, from), y],
      [xAt(panel, to), y],
    ];
  });
  return polyline(points, "baton");
}

function drawAxis(panel: Panel, y: number): string {
  const labels = ticks(panel).map((at) => text(xAt(panel, at), y + 17, "small quiet", `${at / 1_000} s`, "middle"));
  return [line(panel.x, y, panel.x + panel.width, y, "axis"), ...labels].join("");
}

function stripe({ x, y, width, rowHeight }: Panel, row: number): string {
  return element("rect", { x, y: y + rowHeight * row, width, height: rowHeight, class: "stripe" });
}

function ticks({ from, to, width }: Panel): number[] {
  const msPerLabel = ((to - from) / width) * WIDEST_LABEL;
  const step = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000].find((ms) => ms >= msPerLabel) ?? 300_000;
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
}

function holdsOf({ holds, endedAt }: RunRecord): Span[] {
  return holds.map(({ process, from, freedAt = endedAt }) => ({ process, from, to: freedAt }));
}

function waitsOf({ holds, waiting, endedAt }: RunRecord): Span[] {
  const ended = holds.map(({ process, askedAt, from }) => ({ process, from: askedAt, to: from }));
  return [...ended, ...waiting.map(({ process, askedAt }) => ({ process, from: askedAt, to: endedAt }))];
}

function within({ from, to }: Panel, spans: readonly Span[]): Span[] {
  return spans.filter((span) => span.from < to && span.to > from);
}

function xAt({ x, width, from, to }: Panel, at: number): number {
  return x + (Math.min(Math.max(at, from), to) - from) * (width / (to - from));
}

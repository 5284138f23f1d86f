import type { Hold } from "../../../lab/shared/race/holds.ts";
import { bars, element, escapeText, line, polyline, text } from "../../../lab/shared/svg/svg.ts";
import { PLAN } from "../plan.ts";
import type { RaceRecord } from "../race-record.ts";

/** A stretch of the race, drawn as a row per process. */
export interface Panel {
  x: number;
  y: number;
  width: number;
  rowHeight: number;
  /** Which stretch, in the milliseconds of the journal. */
  from: number;
  to: number;
  /** What the axis counts from, and what it calls that moment. */
  zero: number;
  zeroName: string;
  /** A bar is never thinner than this, or short holds would vanish. */
  thinnestBar: number;
}

const WIDEST_LABEL = 72;

export function xAt({ x, width, from, to }: Panel, at: number): number {
  return x + (Math.min(Math.max(at, from), to) - from) * (width / (to - from));
}

export function heightOf({ rowHeight }: Panel, run: RaceRecord): number {
  return rowHeight * run.workers.length;
}

/** Background, rows and what the processes did in them. */
export function drawRows(panel: Panel, run: RaceRecord): string {
  const height = heightOf(panel, run);
  return [
    element("rect", { x: panel.x, y: panel.y, width: panel.width, height, class: "panel" }),
    ...run.workers.map((_, row) => (row % 2 === 1 ? stripe(panel, row) : "")),
    grid(panel, height),
    ...run.workers.map(({ name }, row) => drawRow(panel, row, holdsWithin(panel, run, name))),
  ].join("\n");
}

/** Times beneath a panel. */
export function drawAxis(panel: Panel, y: number): string {
  const { step, label } = scaleOf(panel);
  const labels = ticks(panel, step).map((at) => {
    const words = at === panel.zero ? panel.zeroName : label(at - panel.zero);
    return text(xAt(panel, at), y + 17, at === panel.zero ? "small" : "small quiet", words, "middle");
  });
  return [line(panel.x, y, panel.x + panel.width, y, "axis"), ...labels].join("");
}

/** The way of the lock: from the end of each hold to the beginning of the next. */
export function drawBaton(panel: Panel, run: RaceRecord): string {
  const points = run.holds
    .filter((hold) => hold.from <= panel.to && (hold.to ?? hold.from) >= panel.from)
    .flatMap((hold): [number, number][] => {
      const y = rowMiddle(panel, rowOf(run, hold.worker));
      return [
        [xAt(panel, hold.from), y],
        [xAt(panel, hold.to ?? hold.from), y],
      ];
    });
  return polyline(points, "baton");
}

/** What is left of a dead holder's lease, up to the takeover. */
export function drawDeadLease(panel: Panel, run: RaceRecord, heir: Hold | undefined, words?: string): string {
  if (!run.crash?.inside) return "";
  const dead = run.holds.find((hold) => hold.killed);
  const leaseEnd = (dead?.from ?? run.crash.at) + PLAN.leaseSeconds * 1000;
  const left = xAt(panel, run.crash.at);
  const right = xAt(panel, Math.min(leaseEnd, heir?.from ?? leaseEnd));
  if (right - left < 1) return "";
  const y = panel.y + panel.rowHeight * rowOf(run, run.crash.worker) + inset(panel);
  const height = panel.rowHeight - 2 * inset(panel);
  return [
    element("rect", { x: left, y, width: right - left, height, class: "dead" }),
    words ? text((left + right) / 2, y + height / 2 + 4.5, "kill small", words, "middle") : "",
  ].join("");
}

/** A cross on the row of the one who was killed. */
export function drawCross(panel: Panel, run: RaceRecord): string {
  if (!run.crash || run.crash.at < panel.from || run.crash.at > panel.to) return "";
  const x = xAt(panel, run.crash.at);
  const y = rowMiddle(panel, rowOf(run, run.crash.worker));
  return element("path", { d: `M${x - 6} ${y - 6}l12 12m0 -12l-12 12`, class: "cross" });
}

function drawRow(panel: Panel, row: number, holds: readonly Hold[]): string {
  const top = panel.y + panel.rowHeight * row + inset(panel);
  const height = panel.rowHeight - 2 * inset(panel);
  const waits = holds.map(({ askedAt, from }) => span(panel, askedAt, from, 0));
  const stays = holds.map((hold) => ({ hold, ...span(panel, hold.from, hold.to ?? panel.to, panel.thinnestBar) }));
  const intruded = stays.filter(({ hold }) => hold.intruded);
  return [
    bars(waits, top + height / 2 - 1.25, 2.5, "wait"),
    bars(stays, top, height, `row${row}`),
    bars(intruded, top, height, "intruded"),
  ].join("");
}

function holdsWithin(panel: Panel, run: RaceRecord, worker: string): Hold[] {
  return run.holds.filter(
    (hold) => hold.worker === worker && hold.askedAt < panel.to && (hold.to ?? panel.to) > panel.from,
  );
}

function span(panel: Panel, from: number, to: number, thinnest: number): { x: number; width: number } {
  const x = xAt(panel, from);
  // A hold that begins beyond the panel's edge leaves only its wait within.
  return { x, width: from >= panel.to ? 0 : Math.max(xAt(panel, to) - x, thinnest) };
}

function stripe(panel: Panel, row: number): string {
  return element("rect", {
    x: panel.x,
    y: panel.y + panel.rowHeight * row,
    width: panel.width,
    height: panel.rowHeight,
    class: "stripe",
  });
}

function grid(panel: Panel, height: number): string {
  return ticks(panel, scaleOf(panel).step)
    .map((at) => line(xAt(panel, at), panel.y, xAt(panel, at), panel.y + height, "grid"))
    .join("");
}

/** The axis's step, and how it writes a time: seconds for a long stretch, milliseconds for a short one. */
function scaleOf({ from, to, width }: Panel): { step: number; label: (ms: number) => string } {
  const msPerLabel = ((to - from) / width) * WIDEST_LABEL;
  const step = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000].find((ms) => ms >= msPerLabel) ?? 120_000;
  if (step >= 1_000) return { step, label: (ms) => `${Math.round(ms / 1000)} s` };
  return { step, label: (ms) => `${ms > 0 ? "+" : "−"}${Math.abs(Math.round(ms))} ms` };
}

function ticks({ from, to, zero }: Panel, step: number): number[] {
  const first = Math.ceil((from - zero) / step);
  const last = Math.floor((to - zero) / step);
  return Array.from({ length: last - first + 1 }, (_, i) => zero + (first + i) * step);
}

function rowOf(run: RaceRecord, worker: string): number {
  return run.workers.findIndex(({ name }) => name === worker);
}

function rowMiddle({ y, rowHeight }: Panel, row: number): number {
  return y + rowHeight * (row + 0.5);
}

function inset({ rowHeight }: Panel): number {
  return rowHeight * 0.17;
}

/** Names beside the rows, with a word on a process that did not run from start to finish. */
export function drawNames(panel: Panel, run: RaceRecord): string {
  return run.workers
    .map(({ name, replaces }, row) => {
      const note = replaces ? `for ${replaces}` : name === run.crash?.worker ? "killed" : undefined;
      const y = rowMiddle(panel, row) + (note ? -1 : 4.5);
      const label = element(
        "text",
        { x: panel.x - 12, y, class: `name row${row}`, "text-anchor": "end" },
        escapeText(name),
      );
      return label + (note ? text(panel.x - 12, y + 14, "small quiet", note, "end") : "");
    })
    .join("");
}

import { type Hold, takeoverAfter } from "../../../lab/shared/race/holds.ts";
import { STYLE } from "../../../lab/shared/svg/style.ts";
import { element, picture, polygon, text } from "../../../lab/shared/svg/svg.ts";
import { finishedIn, type RaceRecord } from "../race-record.ts";
import { drawCount } from "./count.ts";
import { drawCrash } from "./crash.ts";
import { drawHeader, titleOf } from "./header.ts";
import { drawLegend } from "./legend.ts";
import {
  drawAxis,
  drawBaton,
  drawCross,
  drawDeadLease,
  drawNames,
  drawRows,
  heightOf,
  type Panel,
  xAt,
} from "./panel.ts";

const WIDTH = 1280;
const LEFT = 128;
const RIGHT = WIDTH - 40;

/** Draws a run: all of it, the number in the file beneath, and two moments of it magnified. */
export function timelineSvg(run: RaceRecord): string {
  const heir = run.crash && takeoverAfter(run.crash, run.holds);
  const whole: Panel = {
    x: LEFT,
    y: 214,
    width: RIGHT - LEFT,
    rowHeight: 34,
    from: run.startedAt,
    to: run.endedAt,
    zero: run.startedAt,
    zeroName: "0 s",
    thinnestBar: 0.9,
  };
  const countTop = whole.y + heightOf(whole, run) + 10;
  const countBottom = countTop + 64;
  const details = momentsOf(run, heir).map((moment, i, all) => ({
    moment,
    panel: detailPanel(moment, i, all.length, countBottom + 112),
  }));
  const bottom = Math.max(countBottom + 30, ...details.map(({ panel }) => panel.y + heightOf(panel, run) + 30));
  const height = bottom + 62;

  return picture(
    { width: WIDTH, height, title: titleOf(run), description: descriptionOf(run, heir) },
    element("style", {}, STYLE),
    element("rect", { width: WIDTH, height, class: "paper" }),
    drawHeader(run, heir, WIDTH),
    drawRows(whole, run),
    drawNames(whole, run),
    drawCount(whole, run, countTop, countBottom),
    drawAxis(whole, countBottom),
    ...details.map(({ panel }) => drawLens(whole, countBottom, panel)),
    drawCrash(whole, run, heir, countBottom),
    ...details.flatMap(({ panel, moment }, i) => [
      text(panel.x, panel.y - 14, "heading", moment.heading),
      drawRows(panel, run),
      i === 0 ? drawNames(panel, run) : "",
      drawBaton(panel, run),
      drawDeadLease(panel, run, heir),
      drawCross(panel, run),
      drawAxis(panel, panel.y + heightOf(panel, run)),
    ]),
    drawLegend(LEFT, height - 26),
  ).concat("\n");
}

interface Moment {
  heading: string;
  from: number;
  to: number;
  zero: number;
  zeroName: string;
}

/** What is worth magnifying: the kill and the takeover, or the beginning of a run that saw neither. */
function momentsOf(run: RaceRecord, heir: Hold | undefined): Moment[] {
  const around = (heading: string, zeroName: string, zero: number, before: number, after: number): Moment => ({
    heading,
    zeroName,
    zero,
    from: Math.max(run.startedAt, zero - before),
    to: Math.min(run.endedAt, zero + after),
  });
  if (!run.crash) return [around("The first second, magnified", "start", run.startedAt, 0, 1_000)];
  const kill = around("From hand to hand until the kill: one second, magnified", "kill", run.crash.at, 800, 200);
  return heir
    ? [kill, around("The takeover, and on it goes: one second, magnified", "takeover", heir.from, 200, 800)]
    : [kill];
}

function detailPanel(moment: Moment, index: number, of: number, y: number): Panel {
  const gap = 64;
  const width = (RIGHT - LEFT - gap * (of - 1)) / of;
  return { ...moment, x: LEFT + index * (width + gap), y, width, rowHeight: 27, thinnestBar: 1.5 };
}

function descriptionOf(run: RaceRecord, heir: Hold | undefined): string {
  const seconds = (at: number): string => `${((at - run.startedAt) / 1000).toFixed(1)} s`;
  const sentences = [
    `A timeline of ${seconds(run.endedAt)} with a row per process and a bar per hold of the lock, ` +
      `${run.holds.length} in all.`,
    run.crash && `${run.crash.worker} was killed at ${seconds(run.crash.at)} while it held the lock.`,
    heir && `${heir.worker} took over at ${seconds(heir.from)}, when the dead holder's lease had run out.`,
    `The number in the file is ${run.counted}, expected ${finishedIn(run)}.`,
  ];
  return sentences.filter((sentence) => sentence !== undefined).join(" ");
}

/** The funnel from a stretch of the whole to its magnified panel. */
function drawLens(whole: Panel, bottom: number, panel: Panel): string {
  const left = xAt(whole, panel.from);
  const right = xAt(whole, panel.to);
  const axis = bottom + 24;
  const foot = panel.y - 34;
  const funnel = polygon(
    [
      [left, axis],
      [right, axis],
      [panel.x + panel.width, foot],
      [panel.x, foot],
    ],
    "lens",
  );
  return (
    funnel + element("rect", { x: left, y: whole.y, width: right - left, height: bottom - whole.y, class: "lensEdge" })
  );
}

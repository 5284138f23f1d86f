import { nameDuration, showDuration } from "../../shared/duration.ts";
import { STYLE } from "../../shared/svg/style.ts";
import { element, line, picture, text } from "../../shared/svg/svg.ts";
import { figuresOf } from "../../shared/waits/figures.ts";
import type { RunRecord } from "../../shared/waits/run-record.ts";
import type { RunPlan } from "../run.ts";
import { drawPanel, type Panel } from "./panel.ts";

const WIDTH = 1280;
const LEFT = 128;
const MARGIN = 40;
const PANEL_TOP = 190;
/** How much of the run is shown: time for so many holds. */
const HOLDS_SHOWN = 30;
const SHORTEST_STRETCH_MS = 3_000;
const ROWS_HEIGHT = 600;

/** A stretch from the middle of a run, with the figures of all of it. */
export function pictureOf(plan: RunPlan, run: RunRecord): string {
  const stretchMs = Math.min(Math.max(HOLDS_SHOWN * plan.holdMs, SHORTEST_STRETCH_MS), run.endedAt);
  const from = Math.min(run.endedAt / 2, run.endedAt - stretchMs);
  const rowHeight = Math.min(34, ROWS_HEIGHT / run.processes);
  const panel: Panel = { x: LEFT, y: PANEL_TOP, width: WIDTH - LEFT - MARGIN, rowHeight, from, to: from + stretchMs };
  const bottom = panel.y + rowHeight * run.processes;
  const height = bottom + 72;
  const title = `One lock, ${run.processes} processes, policy ${plan.policy}`;
  return picture(
    { width: WIDTH, height, title },
    element("style", {}, STYLE),
    element("rect", { width: WIDTH, height, class: "paper" }),
    text(MARGIN, 50, "title", title),
    text(MARGIN, 76, "quiet", subtitleOf(plan, panel)),
    drawFigures(run),
    drawPanel(panel, run),
    drawLegend(bottom + 48),
  ).concat("\n");
}

function subtitleOf({ holdMs, roundTripMs, minutes, seed }: RunPlan, { from, to }: Panel): string {
  const shown = `${Math.round((to - from) / 1_000)} s of ${minutes} simulated minutes`;
  return (
    `${shown}: holds of ${nameDuration(holdMs)} on average, round trips of ${nameDuration(roundTripMs)}, ` +
    `seed ${seed}`
  );
}

function drawFigures(run: RunRecord): string {
  const { gapP50, gapP95, requestsPerAcquisition, longestWait, jain, acquisitions } = figuresOf(run);
  const figures: readonly (readonly [figure: string, caption: string])[] = [
    [String(acquisitions), "acquisitions in all"],
    [showDuration(gapP50), "from hand to hand, median"],
    [showDuration(gapP95), "from hand to hand, 95 %"],
    [requestsPerAcquisition.toFixed(1), "requests per acquisition"],
    [showDuration(longestWait), "longest wait"],
    [jain.toFixed(3), "Jain's fairness index"],
  ];
  const step = (WIDTH - 2 * MARGIN) / figures.length;
  return figures
    .map(
      ([figure, caption], i) =>
        text(MARGIN + i * step, 122, "figure", figure) + text(MARGIN + i * step, 142, "small quiet", caption),
    )
    .join("\n");
}

function drawLegend(y: number): string {
  return [
    element("rect", { x: LEFT, y: y - 11, width: 8, height: 14, class: "row0" }),
    text(LEFT + 16, y, "small quiet", "holds the lock"),
    element("rect", { x: LEFT + 130, y: y - 5.5, width: 26, height: 2.5, class: "wait" }),
    text(LEFT + 164, y, "small quiet", "waits for it"),
    line(LEFT + 262, y + 2, LEFT + 278, y - 10, "baton"),
    text(LEFT + 286, y, "small quiet", "the lock goes on to another process"),
  ].join("");
}

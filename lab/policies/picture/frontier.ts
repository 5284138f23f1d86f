import { showDuration } from "../../shared/duration.ts";
import { element, line, polyline, text } from "../../shared/svg/svg.ts";
import type { Measured } from "../measured.ts";

const WIDTH = 760;
const HEIGHT = 460;
const PLOT = { left: 80, right: 40, top: 70, bottom: 60 };
const REQUESTS = [2, 5, 10, 20, 50, 100];
const WAITS_MS = [10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

const TEXT_STYLE =
  "text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-size: 18px; font-weight: 600 } " +
  ".small { font-size: 12px; fill: #57606a }";
const LINE_STYLE =
  ".grid { stroke: #d0d7de } .frontier { fill: none; stroke: #8c959f; stroke-dasharray: 4 4 } " +
  ".other { fill: #8c959f } .plain { fill: #0969da } .fair { fill: #1a7f37 }";
const DARK_STYLE =
  "text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d } .plain { fill: #4493f8 } " +
  ".fair { fill: #3fb950 }";
const STYLE = `
${TEXT_STYLE}
${LINE_STYLE}
@media (prefers-color-scheme: dark) { ${DARK_STYLE} }`;

/**
 * What ways to wait cost in requests and in the longest wait, with the gap beside each: the lower left corner is where
 * one would be.
 */
export function frontierOf(measured: readonly Measured[]): string {
  const isPolling = ({ situation }: Measured) =>
    situation.policy.startsWith("uniform") || situation.policy.startsWith("fixed");
  const polling = measured
    .filter(isPolling)
    .sort((a, b) => b.mean.requestsPerAcquisition - a.mean.requestsPerAcquisition);
  const points = polling.map(({ mean }) => [xOf(mean.requestsPerAcquisition), yOf(mean.longestWait)] as const);
  const [first] = measured;
  const { processes = 0, holdMs = 0 } = first?.situation ?? {};
  return element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" },
    element("title", {}, "Requests per acquisition against the longest wait, by way to wait"),
    element("style", {}, STYLE),
    text(PLOT.left, 30, "title", "What waiting costs, and which waiter pays"),
    text(
      PLOT.left,
      50,
      "small",
      `${processes} processes, holds of ${holdMs / 1_000} s on average; beside each point its gap, 95th percentile`,
    ),
    ...REQUESTS.flatMap((requests) => [
      line(xOf(requests), PLOT.top, xOf(requests), HEIGHT - PLOT.bottom, "grid"),
      text(xOf(requests), HEIGHT - PLOT.bottom + 20, "small", String(requests), "middle"),
    ]),
    ...WAITS_MS.flatMap((ms) => [
      line(PLOT.left, yOf(ms), WIDTH - PLOT.right, yOf(ms), "grid"),
      text(PLOT.left - 8, yOf(ms) + 4, "small", `${ms / 1_000} s`, "end"),
    ]),
    text((PLOT.left + WIDTH - PLOT.right) / 2, HEIGHT - 18, "small", "requests per acquisition", "middle"),
    text(8, PLOT.top - 14, "small", "longest wait"),
    polyline(points, "frontier"),
    ...measured.filter((one) => !isPolling(one)).map((one) => drawPoint(one, false)),
    // By turns below and above the line, so that they keep clear of each other.
    ...polling.map((one, n) => drawPoint(one, n % 2 === 0)),
  );
}

function drawPoint({ situation: { policy }, mean }: Measured, labelBelow: boolean): string {
  const [cx, cy] = [xOf(mean.requestsPerAcquisition), yOf(mean.longestWait)];
  const kind = policy === "plain" || policy === "fair" ? policy : "other";
  const label = `${policy}, ${showDuration(mean.gapP95)}`;
  const place = labelBelow ? text(cx - 6, cy + 20, "label", label, "end") : text(cx + 10, cy - 8, "label", label);
  return element("circle", { cx, cy, r: kind === "other" ? 4 : 6, class: kind }) + place;
}

const xOf = (requests: number): number => PLOT.left + share(requests, 2, 120) * (WIDTH - PLOT.left - PLOT.right);
const yOf = (ms: number): number =>
  HEIGHT - PLOT.bottom - share(ms, 10_000, 1_000_000) * (HEIGHT - PLOT.top - PLOT.bottom);

/** Where a value lies between two, as the logarithm has it. */
function share(value: number, from: number, to: number): number {
  return Math.log(value / from) / Math.log(to / from);
}

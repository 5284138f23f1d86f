import { element, type Point, polygon, polyline, text } from "../../../lab/shared/svg/svg.ts";
import { PLANNED_INCREMENTS } from "../plan.ts";
import type { RaceRecord } from "../race-record.ts";
import { type Panel, xAt } from "./panel.ts";

/** The number in the file: what each finished increment wrote. */
export function drawCount(panel: Panel, run: RaceRecord, top: number, bottom: number): string {
  const yOf = (count: number): number => bottom - (bottom - top - 4) * (count / PLANNED_INCREMENTS);
  const points: Point[] = [[panel.x, bottom]];
  let last = 0;
  for (const { to, read } of run.holds) {
    if (to === undefined || read === undefined) continue;
    points.push([xAt(panel, to), yOf(last)], [xAt(panel, to), yOf(read + 1)]);
    last = read + 1;
  }
  const end: Point = [panel.x + panel.width, yOf(last)];
  return [
    element("rect", { x: panel.x, y: top, width: panel.width, height: bottom - top, class: "panel" }),
    polygon([...points, end, [end[0], bottom]], "countArea"),
    polyline([...points, end], "count"),
    text(panel.x - 12, top + 26, "name", "the number", "end"),
    text(panel.x - 12, top + 42, "small quiet", "in the file", "end"),
    text(end[0] + 6, yOf(last) + 4, "small name", String(last)),
  ].join("\n");
}

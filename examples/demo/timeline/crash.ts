import type { Hold } from "../../../lab/shared/race/holds.ts";
import { element, line, text } from "../../../lab/shared/svg/svg.ts";
import type { RaceRecord } from "../race-record.ts";
import { drawCross, drawDeadLease, type Panel, xAt } from "./panel.ts";

/** The kill, the takeover and the standstill between them. */
export function drawCrash(panel: Panel, run: RaceRecord, heir: Hold | undefined, bottom: number): string {
  if (!run.crash) return "";
  const killX = xAt(panel, run.crash.at);
  const heirX = heir && xAt(panel, heir.from);
  // On a long run the two are close together: then their labels keep to their own sides.
  const close = heirX !== undefined && heirX - killX < 180;
  const seconds = (at: number): string => `${((at - run.startedAt) / 1000).toFixed(1)} s`;
  return [
    element("rect", {
      x: killX,
      y: panel.y,
      width: (heirX ?? panel.x + panel.width) - killX,
      height: bottom - panel.y,
      class: "halt",
    }),
    drawDeadLease(panel, run, heir, "lease of a dead holder, running out"),
    line(killX, panel.y - 8, killX, bottom, "killLine"),
    text(killX, panel.y - 14, "kill", `SIGKILL at ${seconds(run.crash.at)}`, close ? "end" : "middle"),
    drawCross(panel, run),
    heir && heirX !== undefined
      ? line(heirX, panel.y - 8, heirX, bottom, "heirLine") +
        text(
          heirX,
          panel.y - 14,
          "heir",
          `${heir.worker} takes over at ${seconds(heir.from)}`,
          close ? undefined : "middle",
        )
      : "",
  ].join("\n");
}

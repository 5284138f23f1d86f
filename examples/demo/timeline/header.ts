import { firstWithoutHigherToken, type Hold, handOversIn } from "../../../lab/shared/race/holds.ts";
import { text } from "../../../lab/shared/svg/svg.ts";
import { PLAN, PLANNED_INCREMENTS } from "../plan.ts";
import { finishedIn, type RaceRecord } from "../race-record.ts";

const LEFT = 40;

export function titleOf(run: RaceRecord): string {
  return run.crash ? "One lock, five processes, one of them killed" : "One lock, five processes";
}

/** The title and the key figures. */
export function drawHeader(run: RaceRecord, heir: Hold | undefined, width: number): string {
  const finished = finishedIn(run);
  const lost = finished - run.counted;
  const rising = firstWithoutHigherToken(run.holds) === undefined;
  const figures: { figure: string; caption: string; bad?: boolean }[] = [
    {
      figure: `${run.counted} of ${PLANNED_INCREMENTS}`,
      caption: lost === 0 ? "increments in the file, none lost" : `in the file, where ${finished} should be`,
      bad: lost !== 0 || finished !== PLANNED_INCREMENTS,
    },
    { figure: String(handOversIn(run.holds)), caption: "hand-overs between processes" },
    heir && run.crash
      ? { figure: `${((heir.from - run.crash.at) / 1000).toFixed(1)} s`, caption: "from the kill to the takeover" }
      : { figure: "none", caption: "takeovers seen", bad: true },
    {
      figure: String(run.holds.length),
      caption: rising ? "fencing tokens, each above the last" : "fencing tokens, not all rising",
      bad: !rising,
    },
    { figure: (run.requests.sent / Math.max(1, finished)).toFixed(1), caption: "requests per increment" },
  ];
  const step = (width - 2 * LEFT) / figures.length;
  return [
    text(LEFT, 50, "title", titleOf(run)),
    text(
      LEFT,
      76,
      "quiet",
      `${PLANNED_INCREMENTS} increments of one number in a file, each of them a read, a wait and a write, ` +
        `under an Azure Blob lease of ${PLAN.leaseSeconds} s`,
    ),
    ...figures.map(({ figure, caption, bad }, i) =>
      [
        text(LEFT + i * step, 122, bad ? "figure bad" : "figure", figure),
        text(LEFT + i * step, 142, "small quiet", caption),
      ].join(""),
    ),
  ].join("\n");
}

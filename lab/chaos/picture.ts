import { grouped } from "../shared/grouped.ts";
import { STYLE } from "../shared/svg/style.ts";
import { bars, element, line, picture, text } from "../shared/svg/svg.ts";
import type { Verdict } from "./checker.ts";
import type { Evidence, Struck } from "./evidence.ts";
import { inOrder } from "./holds.ts";
import { isOfProcess, isOfStorage } from "./plan.ts";
import type { Tally } from "./tally.ts";

const WIDTH = 1280;
const LEFT = 156;
const RIGHT = WIDTH - 40;
const TOP = 184;
const LANE = 13;
const ROW = 15;
const GAP = 30;
/** The first round is drawn, or what is around the first thing that was found, and no more than this. */
const LONGEST_MS = 160_000;
/** Colours that `STYLE` knows for rows. */
const COLOURS = 6;
/** A bar is never thinner than this, or short holds would vanish. */
const THINNEST_BAR = 1;

const CALM_STYLE = ".calm { fill: #1a7f37; fill-opacity: .09; }";
const OWN_STYLE = `
  .trouble { fill: #bf5b00; fill-opacity: .55; } .down { fill: #cf222e; fill-opacity: .75; } ${CALM_STYLE}
  .lease { fill: #cf222e; fill-opacity: .06; } .stopped { fill: #8b949e; fill-opacity: .45; } .tiny { font-size: 10px; }
  .accepted { fill: #8b949e; } .refused { fill: #cf222e; } .found { fill: none; stroke: #cf222e; stroke-width: 2; }
`;

interface Frame {
  readonly from: number;
  readonly to: number;
}

/** What went wrong, who held what, and what came to the fenced register: a stretch of a run. */
export function pictureOf(evidence: Evidence, { violations }: Verdict, tally: Tally): string {
  const frame = frameOf(evidence, violations[0]?.at);
  const lanes = lanesOf(
    evidence.troubles.filter(({ from, to }) => to > frame.from && from < frame.to),
    frame,
  );
  const troublesBottom = TOP + lanes.length * LANE;
  const keys = [...new Set(evidence.actors.map(({ key }) => key))];
  const panelHeight = evidence.workers.length * ROW;
  const yOf = (panel: number): number => troublesBottom + GAP + panel * (panelHeight + GAP);
  const bottom = yOf(keys.length) - GAP;
  const height = bottom + 66;
  const title = `Six processes, seven actors each, and everything that can go wrong: seed ${evidence.seed}`;
  return picture(
    { width: WIDTH, height, title },
    element("style", {}, `${STYLE}${OWN_STYLE}`),
    element("rect", { width: WIDTH, height, class: "paper" }),
    text(40, 50, "title", title),
    text(
      40,
      72,
      "quiet",
      `${tally.seconds} s in all, of which ${Math.round((frame.to - frame.from) / 1_000)} are drawn`,
    ),
    ...figuresOf(tally, violations.length),
    ...backgroundOf(evidence, frame, TOP, bottom),
    ...lanes.flatMap((lane, i) => lane.map((trouble) => drawTrouble(trouble, frame, TOP + i * LANE))),
    ...keys.flatMap((key, panel) => drawKey(evidence, key, frame, yOf(panel))),
    ...violations
      .filter(({ at }) => at >= frame.from && at <= frame.to)
      .map(({ at }) => markOf(xAt(frame, at), TOP, bottom)),
    drawAxis(frame, bottom),
    drawLegend(height - 18),
  ).concat("\n");
}

function frameOf({ endedAt, calms: [calm] }: Evidence, foundAt: number | undefined): Frame {
  if (foundAt === undefined) return { from: 0, to: Math.min(calm?.to ?? endedAt, LONGEST_MS) };
  const from = Math.max(0, Math.min(foundAt - LONGEST_MS / 2, endedAt - LONGEST_MS));
  return { from, to: Math.min(endedAt, from + LONGEST_MS) };
}

function figuresOf(tally: Tally, violations: number): string[] {
  const figures: [figure: number, caption: string, isBad?: boolean][] = [
    [tally.holds, "holds"],
    [tally.handOvers, "hand-overs"],
    [tally.takeovers, "takeovers"],
    [Object.values(tally.troubles).reduce((sum, count) => sum + count, 0), "troubles"],
    [tally.stale.refused, "stale writes refused"],
    [tally.stale.accepted, "stale writes accepted", tally.stale.accepted > 0],
    [violations, "rules broken", violations > 0],
  ];
  const step = (WIDTH - 80) / figures.length;
  return figures.flatMap(([figure, caption, isBad], i) => [
    text(40 + i * step, 118, isBad ? "figure bad" : "figure", String(figure)),
    text(40 + i * step, 138, "small quiet", caption),
  ]);
}

/** Calms, and the leases after each loss of the storage. */
function backgroundOf(
  { calms, storageLosses, leaseMs }: Evidence,
  frame: Frame,
  top: number,
  bottom: number,
): string[] {
  const band = (from: number, to: number, kind: string): string => {
    const { x, width } = spanOf(frame, from, to);
    return width > 0 ? element("rect", { x, y: top, width, height: bottom - top, class: kind }) : "";
  };
  return [
    ...calms.flatMap(({ from, to }) => [
      band(from, to, "calm"),
      from < frame.to ? text(xAt(frame, from), top - 8, "small quiet", "calm") : "",
    ]),
    ...storageLosses.map(({ at }) => band(at, at + leaseMs, "lease")),
  ];
}

/** Troubles one above the other, as few lanes as will do. */
function lanesOf(troubles: readonly Struck[], frame: Frame): Struck[][] {
  const lanes: Struck[][] = [];
  for (const trouble of [...troubles].sort((a, b) => a.from - b.from)) {
    const lane = lanes.find((others) =>
      others.every((other) => other.to < trouble.from && other.from + msOfName(other, frame) < trouble.from),
    );
    if (lane) lane.push(trouble);
    else lanes.push([trouble]);
  }
  return lanes;
}

/** For how long its name is drawn. */
function msOfName(trouble: Struck, frame: Frame): number {
  return (nameOf(trouble).length * 5.9 * (frame.to - frame.from)) / (RIGHT - LEFT);
}

function nameOf({ victim, kind }: Struck): string {
  return `${victim ?? "all"}: ${SHORT_WORDS[kind]}`;
}

const SHORT_WORDS: Readonly<Record<Struck["kind"], string>> = {
  kill: "SIGKILL",
  killBeforeWrite: "SIGKILL before a write",
  shortStop: "SIGSTOP",
  longStop: "SIGSTOP, long",
  stopBeforeWrite: "SIGSTOP before a write",
  latency: "latency",
  busy: "503",
  cut: "cut",
  halfOpen: "half-open",
  lostAnswers: "answers lost",
  doubled: "doubled",
  lateRequests: "late requests",
  slowThenCut: "slow, then cut",
  gateway: "gateway answers",
  storageRestarted: "storage killed",
  storageGone: "storage killed, data gone",
  lateWrites: "late writes",
};

function drawTrouble(trouble: Struck, frame: Frame, y: number): string {
  const { from, to } = trouble;
  const { x, width } = spanOf(frame, from, to);
  return [
    element("rect", {
      x,
      y: y + 1,
      width: Math.max(width, 2),
      height: LANE - 3,
      class: isOfStorage(trouble) ? "down" : "trouble",
    }),
    text(x + 3, y + LANE - 4, "tiny", nameOf(trouble)),
  ].join("");
}

/** A key's panel: a row per worker, and beneath them what its fenced registers took and refused. */
function drawKey(evidence: Evidence, key: string, frame: Frame, y: number): string[] {
  const { workers, troubles, touches } = evidence;
  const isOfKey = (other: string): boolean => other === key || other.startsWith(`${key}/`);
  const height = workers.length * ROW;
  const holds = grouped(inOrder(evidence.holds.filter((hold) => isOfKey(hold.key))), ({ worker }) => worker);
  const writes = touches.filter(
    ({ kind, key: written, at }) => kind === "write" && isOfKey(written) && at >= frame.from && at <= frame.to,
  );
  const ticks = (isAccepted: boolean): { x: number; width: number }[] =>
    writes
      .filter((write) => write.isAccepted === isAccepted)
      .map(({ at }) => ({ x: xAt(frame, at), width: THINNEST_BAR }));
  return [
    text(24, y + height / 2 + 4, "name", key),
    line(LEFT, y, RIGHT, y, "grid"),
    ...workers.flatMap((worker, row) => {
      const top = y + row * ROW;
      const stays = (holds.get(worker) ?? []).map(({ certain: { from, to } }) => spanOf(frame, from, to, THINNEST_BAR));
      const gone = troubles.filter((trouble) => trouble.victim === worker && isOfProcess(trouble));
      return [
        text(LEFT - 10, top + ROW - 3, "tiny quiet", worker, "end"),
        bars(
          gone.map(({ from, to }) => spanOf(frame, from, to)),
          top + ROW / 2 - 1,
          2,
          "stopped",
        ),
        bars(stays, top + 2, ROW - 4, `row${row % COLOURS}`),
      ];
    }),
    bars(ticks(true), y + height + 2, 5, "accepted"),
    bars(ticks(false), y + height + 2, 10, "refused"),
  ];
}

function markOf(x: number, top: number, bottom: number): string {
  return element("rect", { x: x - 2, y: top, width: 4, height: bottom - top, class: "found" });
}

function drawAxis(frame: Frame, y: number): string {
  const step = 10_000;
  const first = Math.ceil(frame.from / step);
  const count = Math.floor(frame.to / step) - first + 1;
  const times = Array.from({ length: count }, (_, i) => (first + i) * step);
  const below = y + 16;
  return [
    line(LEFT, below, RIGHT, below, "axis"),
    ...times.map((at) => text(xAt(frame, at), below + 15, "small quiet", `${at / 1_000} s`, "middle")),
  ].join("");
}

function drawLegend(y: number): string {
  const entries: [kind: string, words: string][] = [
    ["row0", "holds it, by its own word"],
    ["stopped", "is stopped or dead"],
    ["trouble", "trouble"],
    ["lease", "a lease after the storage lost all of them"],
    ["accepted", "write accepted by the fenced register"],
    ["refused", "refused"],
  ];
  let x = LEFT;
  return entries
    .map(([kind, words]) => {
      const drawn =
        element("rect", { x, y: y - 9, width: 12, height: 10, class: kind }) + text(x + 18, y, "small quiet", words);
      x += 18 + words.length * 6.3 + 24;
      return drawn;
    })
    .join("");
}

function xAt({ from, to }: Frame, at: number): number {
  return LEFT + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (RIGHT - LEFT);
}

function spanOf(frame: Frame, from: number, to: number, thinnest = 0): { x: number; width: number } {
  const x = xAt(frame, from);
  const isOutside = to < frame.from || from > frame.to;
  return { x, width: isOutside ? 0 : Math.max(xAt(frame, to) - x, thinnest) };
}

import type { Kill } from "../../lab/shared/race/holds.ts";
import type { Colour, Paint } from "./paint.ts";
import { PLAN, PLANNED_INCREMENTS } from "./plan.ts";
import type { RaceView } from "./race.ts";
import { sumOfRequests } from "./requests.ts";
import type { WorkerState } from "./worker-process.ts";

/** The smallest terminal the board fits into. */
export const NARROWEST = 72;
export const LOWEST = 14;

const WIDEST_BAR = 50;
/** What a row needs besides its bar. */
const BESIDES = 46;

/** The live picture of a race: a row per worker, a line about the whole, and one about the lease of a dead holder. */
export function boardLines(race: RaceView, at: number, columns: number, paint: Paint): string[] {
  const barWidth = Math.min(WIDEST_BAR, columns - BESIDES);
  const rows = race.crew.map((worker) => rowOf(worker, at, barWidth, paint));
  return [
    "",
    ...rows,
    "",
    summaryOf(race),
    ...(race.kill ? [`    ${leaseOf(race, race.kill, at, barWidth, paint)}`] : []),
  ];
}

/** Where the race stands, in one line for an output that cannot be redrawn. */
export function progressLine(race: RaceView): string {
  return race.locked ? `${summaryOf(race)}   ${doingsOf(race)}` : summaryOf(race);
}

/** The time since the start, as every line about a race begins. */
export function secondsOf(race: RaceView): string {
  return `${(race.elapsedMs / 1000).toFixed(1).padStart(6)} s`;
}

function summaryOf(race: RaceView): string {
  const done = race.crew.reduce((sum, worker) => sum + worker.done, 0);
  const { sent } = sumOfRequests(race.crew.map((worker) => worker.requests));
  const parts = [
    secondsOf(race),
    `${String(done).padStart(3)} of ${PLANNED_INCREMENTS} increments`,
    race.locked ? `${sent.toLocaleString("en")} requests` : `the file says ${race.counted}`,
  ];
  return parts.join("   ");
}

/** Who does what, in a few words. */
function doingsOf(race: RaceView): string {
  const doing = (what: WorkerState["doing"]): WorkerState[] => race.crew.filter((worker) => worker.doing === what);
  const waiting = `${doing("waiting").length} wait`;
  if (race.kill && !race.takeover) return `${race.kill.worker}, dead, still holds, ${waiting}`;
  // Messages of two workers may cross: the later one is right.
  const holder = doing("holding").sort((a, b) => b.since - a.since)[0];
  return holder ? `${holder.name} holds, ${waiting}` : waiting;
}

function rowOf(worker: WorkerState, at: number, width: number, paint: Paint): string {
  const look = lookOf(worker, at);
  // A replacement's bar begins where the killed worker's ended: together they make one share.
  const before = worker.replaces ? PLAN.share - worker.increments : 0;
  const cells = (increments: number): number => Math.round((increments / PLAN.share) * width);
  const skipped = cells(before);
  const filled = cells(before + worker.done) - skipped;
  const bar =
    paint("dim", "·".repeat(skipped)) +
    paint(look.colour, "━".repeat(filled)) +
    paint("dim", "─".repeat(width - skipped - filled));
  const mark = look.mark === " " ? " " : paint(look.colour, look.mark);
  return `  ${mark} ${worker.name}  ${bar} ${String(worker.done).padStart(3)}  ${paint(look.colour, look.words)}`;
}

function lookOf(worker: WorkerState, at: number): { mark: string; colour: Colour; words: string } {
  const waited = (at - worker.since) / 1000;
  switch (worker.doing) {
    case "starting":
      return { mark: " ", colour: "dim", words: worker.replaces ? `starts, for ${worker.replaces}` : "starts" };
    case "ready":
      return { mark: " ", colour: "dim", words: "is ready" };
    case "resting":
      return { mark: " ", colour: "cyan", words: "rests" };
    case "waiting":
      return { mark: " ", colour: "yellow", words: waited < 1 ? "waits" : `waits ${waited.toFixed(1)} s` };
    case "holding":
      return {
        mark: "▶",
        colour: "green",
        words: worker.token === undefined ? "inside" : `holds, token …${String(worker.token).slice(-9)}`,
      };
    case "finished":
      return { mark: "✔", colour: "green", words: worker.replaces ? `done, for ${worker.replaces}` : "done" };
    case "killed":
      return { mark: "✘", colour: "red", words: "killed while holding" };
    case "stopped":
      return { mark: " ", colour: "dim", words: "stopped" };
    case "failed":
      return { mark: "✘", colour: "red", words: "failed" };
  }
}

function leaseOf({ takeover }: RaceView, kill: Kill, at: number, width: number, paint: Paint): string {
  if (takeover)
    return paint("dim", `${takeover.worker} took over ${((takeover.at - kill.at) / 1000).toFixed(1)} s after the kill`);
  const left = Math.max(0, PLAN.leaseSeconds - (at - kill.at) / 1000);
  const filled = Math.round((left / PLAN.leaseSeconds) * width);
  return (
    `${paint("red", "the dead holder's lease")} ` +
    `${paint("red", "▒".repeat(filled))}${paint("dim", "·".repeat(width - filled))} ${left.toFixed(1)} s`
  );
}

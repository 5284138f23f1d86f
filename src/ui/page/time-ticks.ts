import { type ScaleTime, scaleTime } from "d3-scale";
import type { TimeWindow } from "./timeline-window.ts";

const TICK_EVERY_PX = 75;
const LEAST_APART_PX = 64;
const MOST_TICKS = 1_000;
const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 24 * 60 * MS_PER_MINUTE;
const DATE: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
const HOURS: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const SECONDS: Intl.DateTimeFormatOptions = { ...HOURS, second: "2-digit" };

interface Tick {
  readonly at: number;
  readonly x: number;
  readonly text: string;
}

/** The ticks of an axis: as many as there is room for, at least one. */
export function ticksIn({ from, to }: TimeWindow, width: number): Tick[] {
  const scale = scaleTime([from, to], [0, width]);
  const dates = steppedDates(scale, Math.max(2, Math.floor(width / TICK_EVERY_PX)));
  const [first, second] = dates;
  if (!first || !second) return [];
  const stepMs = second.getTime() - first.getTime();
  const format = stepMs % MS_PER_MINUTE !== 0 ? SECONDS : stepMs >= MS_PER_DAY ? DATE : HOURS;
  const every = Math.ceil(LEAST_APART_PX / (scale(second) - scale(first)));
  return dates
    .filter((_, index) => index % every === 0)
    .map((date) => ({ at: date.getTime(), x: scale(date), text: date.toLocaleString("en-GB", format) }));
}

/** At least two dates: the step between them decides their format. */
function steppedDates(scale: ScaleTime<number, number>, wanted: number): Date[] {
  for (let count = wanted; count < MOST_TICKS; count *= 2) {
    const dates = scale.ticks(count);
    if (dates.length > 1) return dates;
  }
  return [];
}

import { type ScaleTime, scaleTime } from "d3-scale";
import { useRef } from "preact/hooks";
import type { Hold, LockView } from "../snapshot.ts";
import type { TimeWindow } from "./timeline-window.ts";
import { clockTime, counted, duration, endOf, heldFor, holderName, partName } from "./words.ts";
import { useZoomGesture } from "./zoom-gesture.ts";

const TICK_EVERY_PX = 75;
const LEAST_APART_PX = 64;
const EDGE_PX = 26;
const STRIP_HEIGHT = 34;
const LANES_HEIGHT = 18;
const LANE_GAP = 1;
/** What lasted a moment is to be seen. */
const LEAST_WIDTH = 2;
const HUES = 10;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const DATE: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
const HOURS: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
const SECONDS: Intl.DateTimeFormatOptions = { ...HOURS, second: "2-digit" };

/** When nobody looked: before the server was started, and while no page was open. */
export interface Unwatched {
  readonly startedAt: number;
  readonly gaps: readonly (readonly [number, number])[];
}

interface AxisProps {
  readonly shown: TimeWindow;
  readonly width: number;
  onWindow(wanted: TimeWindow): void;
}

export function TimeAxis({ shown, width, onWindow }: AxisProps) {
  const ref = useRef<SVGSVGElement>(null);
  useZoomGesture(ref, shown, onWindow);
  const scale = scaleTime([shown.from, shown.to], [0, width]);
  const ticks = ticksIn(scale, width);
  return (
    <svg ref={ref} class="axis" width={width} height={22} aria-hidden="true">
      <rect class="axis-surface" width={width} height={22} />
      {ticks.map((tick) => {
        const { x } = tick;
        const anchor = x < EDGE_PX ? "start" : x > width - EDGE_PX ? "end" : "middle";
        return (
          <g key={tick.at} transform={`translate(${x} 0)`}>
            <line y1={17} y2={22} />
            <text y={12} text-anchor={anchor}>
              {tick.text}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

interface StripProps {
  readonly lock: LockView;
  readonly holds: readonly Hold[];
  readonly shown: TimeWindow;
  readonly now: number;
  readonly width: number;
  readonly unwatched: Unwatched;
}

/** Who held a key when. What it shows stands in words in the panel of the key. */
export function HoldStrip({ lock, holds, shown, now, width, unwatched }: StripProps) {
  const visible = holds.filter(({ from, to = now }) => to >= shown.from && from <= shown.to);
  const lanes = lanesOf(visible);
  const height = Math.min(14, LANES_HEIGHT / Math.max(1, lanes.size) - LANE_GAP);
  const top = (STRIP_HEIGHT - (height + LANE_GAP) * Math.max(1, lanes.size)) / 2;
  const x = (ms: number): number => ((ms - shown.from) / (shown.to - shown.from)) * width;
  return (
    <svg
      class="strip"
      width={width}
      height={STRIP_HEIGHT}
      role="img"
      aria-label={`${lock.key}: ${counted(visible.length, "hold", "holds")} seen`}
    >
      {blindSpots(unwatched, shown).map(([from, to]) => (
        <rect key={from} class="unwatched" x={x(from)} width={Math.max(0, x(to) - x(from))} height={STRIP_HEIGHT} />
      ))}
      <line class="base" x1={0} x2={width} y1={STRIP_HEIGHT / 2} y2={STRIP_HEIGHT / 2} />
      {visible.map((hold) => {
        const { id, from, to = now, end, holder } = hold;
        const left = Math.max(-4, x(from));
        const y = top + (lanes.get(laneName(hold)) ?? 0) * (height + LANE_GAP);
        // A hair of space before the next.
        const barWidth = Math.max(LEAST_WIDTH, Math.min(width + 4, x(to)) - left - (end ? 1 : 0));
        const isLoss = end === "ranOut" || end === "broken" || end === "deleted";
        return (
          <g key={id} data-hold={id}>
            <rect
              class={`hold hue-${hueOf(holder?.name)}`}
              x={left}
              y={y}
              width={barWidth}
              height={Math.max(2, height)}
              rx={Math.min(3, height / 3)}
            />
            {isLoss ? <rect class="loss-end" x={left + barWidth - 2} y={y - 2} width={3} height={Math.max(2, height) + 4} /> : null}
          </g>
        );
      })}
    </svg>
  );
}

/** What shows where the pointer is. The same stands in the panel of the key. */
export function HoldTip({ hold, now, x, y }: { readonly hold: Hold; readonly now: number; readonly x: number; readonly y: number }) {
  const { from, to, part, purpose, holder, isFromBefore } = hold;
  const isLeft = x > innerWidth - 300;
  return (
    <div class="tip" aria-hidden="true" style={{ left: `${isLeft ? x - 280 : x + 14}px`, top: `${Math.min(y + 16, innerHeight - 120)}px` }}>
      <strong>{holderName(holder)}</strong>
      {part.kind === "lock" ? null : <span> · {partName(part)}</span>}
      {purpose === undefined ? null : <div>{purpose}</div>}
      <div>
        {isFromBefore ? "since before this page was served, " : ""}
        {clockTime(from, now)} to {to === undefined ? "now" : clockTime(to, now)}, {heldFor(hold, now)}
      </div>
      <div class="muted">{endOf(hold)}</div>
    </div>
  );
}

interface Tick {
  readonly at: number;
  readonly x: number;
  readonly text: string;
}

/** As many as there is room for. */
function ticksIn(scale: ScaleTime<number, number>, width: number): Tick[] {
  const dates = scale.ticks(Math.max(2, Math.floor(width / TICK_EVERY_PX)));
  const [first, second] = dates;
  const stepMs = first && second ? second.getTime() - first.getTime() : 0;
  const format = stepMs % DAY_MS === 0 ? DATE : stepMs % MINUTE_MS === 0 ? HOURS : SECONDS;
  const every = first && second ? Math.ceil(LEAST_APART_PX / (scale(second) - scale(first))) : 1;
  return dates
    .filter((_, index) => index % every === 0)
    .map((date) => ({ at: date.getTime(), x: scale(date), text: date.toLocaleString("en-GB", format) }));
}

/** For whoever does not see it: how long the window is. */
export function windowText({ from, to }: TimeWindow, now: number): string {
  const long = duration(to - from);
  return to >= now - 1_000 ? `the last ${long}` : `${long} up to ${clockTime(to, now)}`;
}

/** The same name has the same colour wherever it is. */
function hueOf(name: string | undefined): number | "none" {
  if (name === undefined) return "none";
  let hash = 0;
  for (const char of name) hash = Math.imul(hash, 31) + (char.codePointAt(0) ?? 0);
  // Names that differ in one digit are to differ in colour.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 13)) >>> 0) % HUES;
}

function blindSpots({ startedAt, gaps }: Unwatched, { from, to }: TimeWindow): (readonly [number, number])[] {
  const all: (readonly [number, number])[] = [[Number.NEGATIVE_INFINITY, startedAt], ...gaps];
  return all.filter(([begin, end]) => end > from && begin < to).map(([begin, end]) => [Math.max(begin, from), Math.min(end, to)] as const);
}

function laneName({ part, holder }: Hold): string {
  return part.kind === "reader" ? `reader ${holder?.name}` : partName(part);
}

function lanesOf(holds: readonly Hold[]): Map<string, number> {
  const names = [...new Set(holds.map(laneName))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return new Map(names.map((name, index) => [name, index]));
}

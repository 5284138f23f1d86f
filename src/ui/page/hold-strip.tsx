import { printable } from "../../status/printable.ts";
import type { HoldView, LockView } from "../snapshot.ts";
import {
  type HeldCount,
  type HoldSpan,
  heldCountsOf,
  spansOf,
  unwatchedTimes,
  type WatchedTime,
} from "./hold-spans.ts";
import { counted, partLabel } from "./labels.ts";
import type { TimeWindow } from "./timeline-window.ts";

const STRIP_HEIGHT = 34;
const LANES_HEIGHT = 26;
const MOST_LANE_HEIGHT = 14;
const LANE_GAP = 1;
/** Above this number of lanes only the count is drawn. */
const MOST_LANES = 8;
/** The least width of a hold, so that a short one shows. In pixels. */
const LEAST_WIDTH = 2;
/** An unsure span that is narrower than this is not drawn: it would blur the edge of its hold. In pixels. */
const LEAST_UNSURE_WIDTH = 1;
const HUES = 10;
export const HUE_NAMES: readonly string[] = [...Array.from({ length: HUES }, (_, hue) => String(hue)), "none"];

export interface StripProps {
  readonly lock: LockView;
  readonly holds: readonly HoldView[];
  readonly shown: TimeWindow;
  readonly watched: WatchedTime;
  readonly width: number;
}

/** The timeline of one key. The panel of the key has the same as text. */
export function HoldStrip({ lock, holds, shown: window, watched, width }: StripProps) {
  const visible = holds.filter(
    ({ from, earliest = from, to = watched.now }) => to >= window.from && earliest <= window.to,
  );
  const lanes = lanesOf(visible);
  const x = (ms: number): number =>
    Math.min(width + 4, Math.max(-4, ((ms - window.from) / (window.to - window.from)) * width));
  return (
    <svg
      class="strip"
      width={width}
      height={STRIP_HEIGHT}
      role="img"
      aria-label={`${printable(lock.key)}: ${counted(visible.length, "hold", "holds")} seen`}
    >
      {unwatchedTimes(watched).map(([from, to]) =>
        to > window.from && from < window.to ? (
          <rect key={from} class="unwatched" x={x(from)} width={x(to) - x(from)} height={STRIP_HEIGHT} />
        ) : null,
      )}
      {lanes.size > MOST_LANES ? (
        <Area lock={lock} counts={heldCountsOf(visible, watched)} window={window} x={x} width={width} />
      ) : (
        <Lanes holds={visible} lanes={lanes} watched={watched} x={x} width={width} />
      )}
    </svg>
  );
}

interface LanesProps {
  readonly holds: readonly HoldView[];
  readonly lanes: ReadonlyMap<string, number>;
  readonly watched: WatchedTime;
  readonly width: number;
  x(ms: number): number;
}

/** A lane for the lock, for each permit and for each reader. */
function Lanes({ holds, lanes, watched, x, width }: LanesProps) {
  const count = Math.max(1, lanes.size);
  const height = Math.min(MOST_LANE_HEIGHT, LANES_HEIGHT / count - LANE_GAP);
  const top = (STRIP_HEIGHT - (height + LANE_GAP) * count) / 2;
  return (
    <>
      <line class="base" x1={0} x2={width} y1={STRIP_HEIGHT / 2} y2={STRIP_HEIGHT / 2} />
      {holds.map((hold) => {
        const { id, end, holder } = hold;
        const y = top + (lanes.get(laneName(hold)) ?? 0) * (height + LANE_GAP);
        const spans = spansOf(hold, watched);
        const last = spans.findLast(({ isSeen }) => isSeen) ?? spans.at(-1);
        const isLoss = end === "expired" || end === "broken" || end === "deleted";
        return (
          <g key={id} data-hold={id}>
            {spans.map((span) => (
              <Bar
                key={`${span.from} ${span.isSeen}`}
                span={span}
                hue={hueOf(holder?.name)}
                x={x}
                y={y}
                height={height}
                isLast={end !== undefined && span === last}
              />
            ))}
            {isLoss && last ? (
              <rect
                class="loss-end"
                x={Math.max(x(last.from), x(last.to) - 3)}
                y={y - 2}
                width={3}
                height={height + 4}
              />
            ) : null}
          </g>
        );
      })}
    </>
  );
}

interface BarProps {
  readonly span: HoldSpan;
  readonly hue: string;
  readonly y: number;
  readonly height: number;
  /** Whether it is the end of its hold: a pixel of space follows. */
  readonly isLast: boolean;
  x(ms: number): number;
}

function Bar({ span: { from, to, isSeen }, hue, x, y, height, isLast }: BarProps) {
  const wide = x(to) - x(from) - (isLast ? 1 : 0);
  if (!isSeen && wide < LEAST_UNSURE_WIDTH) return null;
  const place = { x: x(from), y, width: isSeen ? Math.max(LEAST_WIDTH, wide) : wide, height };
  if (isSeen) return <rect class={`hold hue-${hue}`} {...place} rx={Math.min(3, height / 3)} />;
  return <rect class={`unsure hue-${hue}`} fill={`url(#unsure-${hue})`} {...place} />;
}

interface AreaProps {
  readonly lock: LockView;
  readonly counts: readonly HeldCount[];
  readonly window: TimeWindow;
  readonly width: number;
  x(ms: number): number;
}

/** The number of holders over time, where a lane for each would be too thin to see. */
function Area({ lock, counts, window, x, width }: AreaProps) {
  const bottom = (STRIP_HEIGHT + LANES_HEIGHT) / 2;
  const whole = wholeOf(lock, counts);
  const y = (count: number): number => bottom - (Math.min(count, whole) / Math.max(1, whole)) * LANES_HEIGHT;
  const path = (numberOf: (count: HeldCount) => number): string => {
    const steps = counts.map((count, index) => {
      const end = counts[index + 1]?.at ?? count.at;
      return `L${x(count.at)} ${y(numberOf(count))}L${x(end)} ${y(numberOf(count))}`;
    });
    const [begin, end] = [x(counts[0]?.at ?? window.from), x(counts.at(-1)?.at ?? window.to)];
    return `M${begin} ${bottom}${steps.join("")}L${end} ${bottom}Z`;
  };
  return (
    <g data-area="">
      <rect class="axis-surface" width={width} height={STRIP_HEIGHT} />
      <line class="whole" x1={0} x2={width} y1={y(whole)} y2={y(whole)} />
      <path class="unsure" fill="url(#unsure-none)" d={path(({ most }) => most)} />
      <path class="area" d={path(({ least }) => least)} />
      <line class="base" x1={0} x2={width} y1={bottom} y2={bottom} />
    </g>
  );
}

/** The number that can be held at once. Where it is unknown, the largest number that was. */
export function wholeOf({ semaphore, readers }: LockView, counts: readonly HeldCount[]): number {
  const most = Math.max(0, ...counts.map(({ least }) => least));
  return readers.length > 0 ? most : Math.max(semaphore?.permits ?? 0, most);
}

/** The colour of a name: the same on every key. */
function hueOf(name: string | undefined): string {
  if (name === undefined) return "none";
  let hash = 0;
  for (const char of name) hash = Math.imul(hash, 31) + (char.codePointAt(0) ?? 0);
  // Mixes the bits: names that differ in one digit get different colours.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return String(((hash ^ (hash >>> 13)) >>> 0) % HUES);
}

function laneName({ part, holder }: HoldView): string {
  return part.kind === "reader" ? `reader ${holder?.name}` : partLabel(part);
}

function lanesOf(holds: readonly HoldView[]): Map<string, number> {
  const names = [...new Set(holds.map(laneName))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return new Map(names.map((name, index) => [name, index]));
}

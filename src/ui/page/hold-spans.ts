import type { HoldView } from "../snapshot.ts";

/** What the page knows up to when. */
export interface WatchedTime {
  readonly now: number;
  /** The last look. It is now while looks follow each other. */
  readonly seenUntil: number;
  readonly startedAt: number;
  /** When there was no look: beginning and end of each, in order. */
  readonly gaps: readonly (readonly [number, number])[];
}

export interface HoldSpan {
  readonly from: number;
  readonly to: number;
  /** Whether it was held for certain. Otherwise it may have been: no look tells. */
  readonly isSeen: boolean;
}

/** The parts of time in which a hold certainly stood, and those in which it may have. */
export function spansOf(hold: Pick<HoldView, "from" | "earliest" | "lastSeen" | "to">, watched: WatchedTime): HoldSpan[] {
  const { from, earliest = from, lastSeen = watched.seenUntil, to = Math.max(watched.now, lastSeen) } = hold;
  const spans: HoldSpan[] = [];
  const add = (begin: number, end: number, isSeen: boolean): void => {
    if (end > begin) spans.push({ from: begin, to: end, isSeen });
  };
  add(earliest, from, false);
  let at = from;
  for (const [begin, end] of unwatchedTimes(watched)) {
    if (end <= at || begin >= lastSeen) continue;
    add(at, Math.min(begin, lastSeen), true);
    add(Math.max(at, begin), Math.min(end, lastSeen), false);
    at = Math.min(end, lastSeen);
  }
  add(at, lastSeen, true);
  add(lastSeen, to, false);
  // One that a single look showed.
  if (!spans.some(({ isSeen }) => isSeen) && !isUnwatched(from, watched)) spans.push({ from, to: from, isSeen: true });
  return spans.sort((a, b) => a.from - b.from || a.to - b.to);
}

/** When there was no look: before the server was started, and while no page was open. */
export function unwatchedTimes({ startedAt, gaps }: Pick<WatchedTime, "startedAt" | "gaps">): readonly (readonly [number, number])[] {
  return [[Number.NEGATIVE_INFINITY, startedAt], ...gaps];
}

/** For how long of a hold there was no look: its holder may have released it there, and taken it again. */
export function unwatchedMs({ from, lastSeen }: Pick<HoldView, "from" | "lastSeen">, watched: WatchedTime): number {
  const until = lastSeen ?? watched.seenUntil;
  return unwatchedTimes(watched)
    .map(([begin, end]) => Math.max(0, Math.min(end, until) - Math.max(begin, from)))
    .reduce((sum, ms) => sum + ms, 0);
}

function isUnwatched(at: number, watched: WatchedTime): boolean {
  return unwatchedTimes(watched).some(([begin, end]) => at > begin && at < end);
}

/** How many are held, from a moment on. */
export interface HeldCount {
  readonly at: number;
  /** For certain. */
  readonly least: number;
  readonly most: number;
}

/** How many of these holds stood at once, each time the number changes. */
export function heldCountsOf(holds: readonly HoldView[], watched: WatchedTime): HeldCount[] {
  const steps = new Map<number, { least: number; most: number }>();
  const step = (at: number, by: number, isSeen: boolean): void => {
    const found = steps.get(at) ?? { least: 0, most: 0 };
    steps.set(at, { least: found.least + (isSeen ? by : 0), most: found.most + by });
  };
  for (const { from, to, isSeen } of holds.flatMap((hold) => spansOf(hold, watched))) {
    step(from, 1, isSeen);
    step(to, -1, isSeen);
  }
  let [least, most] = [0, 0];
  return [...steps]
    .sort(([a], [b]) => a - b)
    .map(([at, by]) => {
      least += by.least;
      most += by.most;
      return { at, least, most };
    });
}

/** The level at a moment. */
export function heldCountAt(counts: readonly HeldCount[], at: number): HeldCount {
  return counts.findLast((count) => count.at <= at) ?? { at, least: 0, most: 0 };
}

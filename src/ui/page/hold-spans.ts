import type { HoldView } from "../snapshot.ts";

/** The time that looks cover, and the gaps in it. */
export interface WatchedTime {
  readonly now: number;
  /** The time of the last look. The same as `now` while looks follow each other. */
  readonly seenUntil: number;
  readonly startedAt: number;
  /** The times without a look: beginning and end of each, in order. */
  readonly gaps: readonly (readonly [number, number])[];
}

export interface HoldSpan {
  readonly from: number;
  readonly to: number;
  /** Whether a look shows that it was held. Otherwise it may have been held or not. */
  readonly isSeen: boolean;
}

/** The times at which a hold certainly stood, and those at which it may have stood. */
export function spansOf(
  hold: Pick<HoldView, "from" | "earliest" | "lastSeen" | "to">,
  watched: WatchedTime,
): HoldSpan[] {
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
  // A hold that a single look showed.
  if (!spans.some(({ isSeen }) => isSeen) && !isUnwatched(from, watched)) spans.push({ from, to: from, isSeen: true });
  return spans.sort((a, b) => a.from - b.from || a.to - b.to);
}

/** The times without a look: before the server was started, and while no page was open. */
export function unwatchedTimes({
  startedAt,
  gaps,
}: Pick<WatchedTime, "startedAt" | "gaps">): readonly (readonly [number, number])[] {
  return [[Number.NEGATIVE_INFINITY, startedAt], ...gaps];
}

/** How much of a hold had no look, in milliseconds: its holder may have released it there and taken it again. */
export function unwatchedMs({ from, lastSeen }: Pick<HoldView, "from" | "lastSeen">, watched: WatchedTime): number {
  const until = lastSeen ?? watched.seenUntil;
  return unwatchedTimes(watched)
    .map(([begin, end]) => Math.max(0, Math.min(end, until) - Math.max(begin, from)))
    .reduce((sum, ms) => sum + ms, 0);
}

function isUnwatched(at: number, watched: WatchedTime): boolean {
  return unwatchedTimes(watched).some(([begin, end]) => at > begin && at < end);
}

/** How many parts are held, from a moment on until the next count. */
export interface HeldCount {
  readonly at: number;
  /** How many certainly are. */
  readonly least: number;
  /** How many may be. */
  readonly most: number;
}

/** The counts of holds that stand at once: one for each change of the number. */
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

/** The count at a moment. */
export function heldCountAt(counts: readonly HeldCount[], at: number): HeldCount {
  return counts.findLast((count) => count.at <= at) ?? { at, least: 0, most: 0 };
}

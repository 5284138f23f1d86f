/** What part of time the timeline shows. */
export interface TimelineView {
  /** `auto`: since the server was started, up to a quarter of an hour. */
  readonly spanMs: number | "auto";
  /** `now`: it moves on. */
  readonly end: number | "now";
}

export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

export const FOLLOWING: TimelineView = Object.freeze({ spanMs: "auto", end: "now" });
export const SHORTEST_SPAN_MS = 10_000;
const LEAST_AUTO_MS = 60_000;
const MOST_AUTO_MS = 15 * 60_000;
const LONGEST_SPAN_MS = 7 * 24 * 3_600_000;
/** How near the right edge has to be to now to follow it. */
const NEAR = 0.02;

export function windowOf({ spanMs, end }: TimelineView, now: number, startedAt: number): TimeWindow {
  const span = spanMs === "auto" ? Math.min(Math.max(now - startedAt, LEAST_AUTO_MS), MOST_AUTO_MS) : spanMs;
  const to = end === "now" ? now : end;
  return { from: to - span, to };
}

/** A length that can be shown. */
export function spanWithin(ms: number): number {
  return Math.min(Math.max(ms, SHORTEST_SPAN_MS), LONGEST_SPAN_MS);
}

/** The view that shows a window, or what of it makes sense: not later than now, and following it where it ends there. */
export function timelineViewOf({ from, to }: TimeWindow, now: number): TimelineView {
  const spanMs = spanWithin(to - from);
  const isNow = to >= now - spanMs * NEAR;
  return { spanMs, end: isNow ? "now" : to };
}

/** A window a factor as long. It ends where it did while it follows, and keeps its middle otherwise. */
export function scaled(view: TimelineView, factor: number, now: number, startedAt: number): TimelineView {
  const { from, to } = windowOf(view, now, startedAt);
  const span = (to - from) * factor;
  if (view.end === "now") return timelineViewOf({ from: to - span, to }, now);
  const middle = (from + to) / 2;
  return timelineViewOf({ from: middle - span / 2, to: middle + span / 2 }, now);
}

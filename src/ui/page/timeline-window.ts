/** The part of time that the timeline shows. */
export interface TimelineView {
  /** `auto`: since the server was started, up to a quarter of an hour. */
  readonly spanMs: number | "auto";
  /** `now`: the window moves with the time. */
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
/** The share of a window within which its end counts as now. */
const NEAR = 0.02;

export function windowOf({ spanMs, end }: TimelineView, now: number, startedAt: number): TimeWindow {
  const span = spanMs === "auto" ? Math.min(Math.max(now - startedAt, LEAST_AUTO_MS), MOST_AUTO_MS) : spanMs;
  const to = end === "now" ? now : end;
  return { from: to - span, to };
}

/** The nearest length that the timeline can show. */
export function spanWithin(ms: number): number {
  return Math.min(Math.max(ms, SHORTEST_SPAN_MS), LONGEST_SPAN_MS);
}

/** The view of a window. One that ends about now, or later, follows the time. */
export function timelineViewOf({ from, to }: TimeWindow, now: number): TimelineView {
  const spanMs = spanWithin(to - from);
  const isNow = to >= now - spanMs * NEAR;
  return { spanMs, end: isNow ? "now" : to };
}

/** A window that is longer by a factor. It keeps its end while it follows the time, and its middle otherwise. */
export function scaled(view: TimelineView, factor: number, now: number, startedAt: number): TimelineView {
  const { from, to } = windowOf(view, now, startedAt);
  const span = (to - from) * factor;
  if (view.end === "now") return timelineViewOf({ from: to - span, to }, now);
  const middle = (from + to) / 2;
  return timelineViewOf({ from: middle - span / 2, to: middle + span / 2 }, now);
}

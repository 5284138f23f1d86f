import type { LockStatus } from "../../index.ts";
import { BreaksSeen } from "../../status/breaking.ts";
import { heldFirst, isInUse, presentHolder, waitersOf } from "../../status/holders.ts";
import { printable } from "../../status/printable.ts";
import { slotLabel, slotTime } from "../../status/slot-label.ts";
import { shownDuration } from "../options/duration.ts";
import { named, stateCell } from "./lock-labels.ts";
import { type Cell, type ColumnCut, tableLines } from "./table.ts";

const HEAD = ["KEY", "STATE", "HOLDER", "SINCE", "WAITING", "PURPOSE"] as const;
const NOTHING = "-";

/** What each column keeps where the terminal is narrow. */
const CUTS: readonly (ColumnCut | undefined)[] = [
  { cut: "middle", atLeast: 12 },
  { cut: "end", atLeast: 17 },
  { cut: "middle", atLeast: 12 },
  undefined,
  undefined,
  { cut: "end", atLeast: HEAD[5].length },
];

export interface LockTableOptions {
  /** When each lock began to break. Default: at this look. */
  readonly breaks?: BreaksSeen;
  /** The columns of the terminal. Default: any number, so that nothing is cut. */
  readonly columns?: number;
}

/** One row for each key, those in use first, below a header; nothing at all for no key. */
export function lockTable(
  locks: readonly LockStatus[],
  now: number,
  { breaks = new BreaksSeen(), columns }: LockTableOptions = {},
): string[] {
  if (locks.length === 0) return [];
  const rows = heldFirst(locks).map((lock) => rowOf(lock, now, breaks));
  const room = { cuts: CUTS, ...(columns !== undefined && { columns }) };
  return tableLines([HEAD.map((text) => ({ text, paint: "dim" })), ...rows], room);
}

/** `300 locks: 12 held, 1 breaking, 3 in use, 284 free`, of all that were listed. */
export function totalsLine(locks: readonly LockStatus[]): string {
  const held = locks.filter(({ isHeld, state }) => isHeld && state !== "breaking").length;
  const breaking = locks.filter(({ state }) => state === "breaking").length;
  const inUse = locks.filter((lock) => !lock.isHeld && isInUse(lock)).length;
  const counts = { held, breaking, "in use": inUse, free: locks.length - held - breaking - inUse };
  const states = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []));
  const all = `${locks.length} ${locks.length === 1 ? "lock" : "locks"}`;
  return states.length > 0 ? `${all}: ${states.join(", ")}` : all;
}

function rowOf(status: LockStatus, now: number, breaks: BreaksSeen): readonly Cell[] {
  const { key, recordedAt, isHeld, once } = status;
  // Of a lock that is free the record is history.
  const isKnown = presentHolder(status) !== undefined;
  const since = isKnown ? recordedAt : !isHeld && once ? slotTime(once) : undefined;
  const waiting = waitersOf(status).length;
  return [
    { text: printable(key), paint: "bold" },
    stateCell(status, breaks.secondsLeft(status, now)),
    { text: holderCell(status) },
    { text: since ? `${shownDuration(now - since.getTime())} ago` : NOTHING },
    { text: waiting > 0 ? String(waiting) : NOTHING },
    { text: purposeCell(status) },
  ];
}

/** What the lock is held for, and the last slot of a job. */
function purposeCell(status: LockStatus): string {
  const { purpose, once } = status;
  const isShown = presentHolder(status) !== undefined && purpose !== undefined;
  return [...(isShown ? [printable(purpose)] : []), ...(once ? [slotLabel(once)] : [])].join(", ") || NOTHING;
}

function holderCell(status: LockStatus): string {
  if (status.isHeld) return named(presentHolder(status));
  const { semaphore, readers = [] } = status;
  const [first, ...others] = [...(semaphore?.held ?? []), ...readers];
  if (!first) return NOTHING;
  return `${named(first.holder)}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}

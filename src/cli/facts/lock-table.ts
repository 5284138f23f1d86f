import { BreaksSeen } from "../../facts/breaking.ts";
import { presentHolder, waitersOf } from "../../facts/who.ts";
import type { LockStatus } from "../../index.ts";
import { shownDuration } from "../duration.ts";
import { printable } from "../printable.ts";
import { named, stateCell } from "./lock-words.ts";
import { type Cell, tableLines } from "./table.ts";

const HEAD = ["KEY", "STATE", "HOLDER", "SINCE", "WAITING", "PURPOSE"] as const;
const NOTHING = "-";

/** One row for each key, below a header; nothing at all for no key. */
export function lockTable(locks: readonly LockStatus[], now: number, breaks: BreaksSeen = new BreaksSeen()): string[] {
  if (locks.length === 0) return [];
  return tableLines([HEAD.map((text) => ({ text, paint: "dim" })), ...locks.map((lock) => rowOf(lock, now, breaks))]);
}

function rowOf(status: LockStatus, now: number, breaks: BreaksSeen): readonly Cell[] {
  const { key, isHeld, purpose, recordedAt } = status;
  // Of a lock that is free the record is history.
  const isKnown = presentHolder(status) !== undefined;
  const waiting = waitersOf(status).length;
  return [
    { text: printable(key), paint: "bold" },
    stateCell(status, breaks.secondsLeft(status, now)),
    { text: holderOf(status) },
    { text: isKnown && recordedAt ? `${shownDuration(now - recordedAt.getTime())} ago` : NOTHING },
    { text: waiting > 0 ? String(waiting) : NOTHING },
    { text: isHeld && isKnown && purpose !== undefined ? printable(purpose) : NOTHING },
  ];
}

function holderOf(status: LockStatus): string {
  if (status.isHeld) return named(presentHolder(status));
  const { semaphore, readers = [] } = status;
  const [first, ...others] = [...(semaphore?.held ?? []), ...readers];
  if (!first) return NOTHING;
  return `${named(first.holder)}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}

import type { OnceRecord } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { shownSlot, slotTime } from "../../status/slot-label.ts";
import type { Paint } from "../terminal/terminal.ts";
import { factLines, titleLine } from "./detail-lines.ts";
import { shownSince } from "./lock-labels.ts";

const STATE_PAINTS: Readonly<Record<OnceRecord["state"], Paint>> = {
  started: "yellow",
  done: "green",
  failed: "red",
  crashed: "red",
};

/** The last slot of a job, for people. */
export function slotLines(
  key: string,
  record: OnceRecord | undefined,
  now: number,
  columns?: number,
  place?: string,
): string[] {
  const { state, paint }: { state: string; paint: Paint } = record
    ? { state: record.state, paint: STATE_PAINTS[record.state] }
    : { state: "no slot was run", paint: "dim" };
  const where = place === undefined ? [] : [["in", place]];
  const facts = [...where, ...(record ? slotFacts(record, now) : [])];
  const rows = facts.map(([name = "", text = ""]) => [{ text: `  ${name}` }, { text }]);
  return [titleLine({ title: printable(key), state, paint }, columns), ...factLines(rows, columns)];
}

/** What is known of the last slot, by name. */
export function slotFacts(record: OnceRecord, now: number): readonly (readonly [name: string, text: string])[] {
  const { slot, state, attempt, by, token, lastDone } = record;
  return [
    ["last slot", `${shownSlot(slot)}, ${state} in attempt ${attempt}`],
    ["when", shownSince(slotTime(record), now)],
    ["run by", `${printable(by)}, token ${token}`],
    ...(state === "done" || lastDone === undefined ? [] : [["last done", shownSlot(lastDone)] as const]),
  ];
}

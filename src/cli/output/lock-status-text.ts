import type { Holder, LockStatus, WaitingProcess } from "../../index.ts";
import { longestBreakSeconds } from "../../status/breaking.ts";
import { UNNAMED_WAITER } from "../../status/holder-name.ts";
import { permitWaitersOf, presentHolder } from "../../status/holders.ts";
import { mixedUseOf } from "../../status/mixed-use.ts";
import { printable } from "../../status/printable.ts";
import { shownDuration } from "../options/duration.ts";
import { factLines, titleLine } from "./detail-lines.ts";
import { forWhat, NO_CONTAINER, permitsOf, shownSince, stateCell, whereabouts } from "./lock-labels.ts";
import { slotFacts } from "./slot-text.ts";

/** What a fact is called, and its first and further lines. */
type Fact = readonly [name: string, ...lines: string[]];

const NO_RECORD = "unknown: it left no record (a go-azuremutex, acquire(), or a locker without fencing)";

/** Everything that is known of one key, for people. */
export function statusLines(status: LockStatus, now: number, columns?: number, place?: string): string[] {
  const { text, paint = "dim" } = stateCell(status);
  const title = titleLine({ title: printable(status.key), state: text, paint, remark: remark(status) }, columns);
  const where: readonly Fact[] = place === undefined ? [] : [["in", place]];
  const facts = [
    ...where,
    ...useFacts(status),
    ...lockFacts(status, now),
    ...waitingFacts(status, now),
    ...semaphoreFacts(status, now),
    ...readerFacts(status),
    ...onceFacts(status, now),
  ];
  const lines = facts.flatMap(([name, ...lines]) =>
    lines.map((line, index) => [{ text: index === 0 ? `  ${name}` : "" }, { text: line }]),
  );
  return [title, ...factLines(lines, columns)];
}

/** What the state alone does not say. */
function remark(status: LockStatus): string {
  const { state, isContainerMissing, semaphore, readers, once } = status;
  switch (state) {
    case "leased":
    case "available":
      return "";
    case "breaking":
      return ` (broken: its holder cannot renew it; free in at most ${longestBreakSeconds(status)} s)`;
    case "broken":
      return " (the last holder's lease was broken)";
    case "expired":
      return " (the last holder's lease ran out: it was not released)";
    case "missing":
      if (isContainerMissing) return ` (${NO_CONTAINER})`;
      return semaphore || readers || once ? "" : " (there is no such blob: it was never locked, or was deleted)";
  }
}

function useFacts(status: LockStatus): Fact[] {
  const mixed = mixedUseOf(status);
  return mixed === undefined ? [] : [["mixed use", mixed]];
}

function lockFacts(status: LockStatus, now: number): Fact[] {
  const { isHeld, infinite, holder, highestToken } = status;
  const facts: Fact[] = [];
  if (presentHolder(status)) facts.push(...holderFacts(status, now));
  else {
    if (isHeld) facts.push(["holder", infinite && holder ? "unknown: an infinite lease leaves no record" : NO_RECORD]);
    if (holder) facts.push(["last holder", lastHolder(holder, status, now)]);
    if (infinite) facts.push(["lease", "infinite: it ends when its holder releases it, or by azmutex break"]);
  }
  if (highestToken !== undefined) facts.push(["token", `no token up to now is higher than ${highestToken}`]);
  return facts;
}

function holderFacts({ state, holder, purpose, leaseSeconds, recordedAt }: LockStatus, now: number): Fact[] {
  const facts: Fact[] = [];
  if (holder) facts.push(["holder", whereabouts(holder)]);
  if (purpose !== undefined) facts.push(["purpose", printable(purpose)]);
  if (recordedAt) facts.push(["since", shownSince(recordedAt, now)]);
  const renewal =
    state === "breaking"
      ? `not renewed any more: free in at most ${longestBreakSeconds({ leaseSeconds })} s`
      : "renewed as long as its holder lives";
  if (leaseSeconds !== undefined) facts.push(["lease", `${leaseSeconds} s, ${renewal}`]);
  return facts;
}

function lastHolder(holder: Holder, { purpose, recordedAt }: LockStatus, now: number): string {
  return `${whereabouts(holder)}${forWhat(purpose)}${recordedAt ? `, since ${shownSince(recordedAt, now)}` : ""}`;
}

function waitingFacts({ waiting }: LockStatus, now: number): Fact[] {
  if (!waiting) return [["waiting", "unknown: these credentials do not allow to list"]];
  return waiting.length > 0 ? [["waiting", ...inLine(waiting, now)]] : [];
}

function inLine(waiting: readonly Partial<WaitingProcess>[], now: number): string[] {
  return waiting.map(({ holder, since }, index) => {
    const comma = since ? `, since ${shownSince(since, now)}` : "";
    return `${index + 1}. ${holder ? whereabouts(holder) : UNNAMED_WAITER}${comma}`;
  });
}

function semaphoreFacts({ semaphore }: LockStatus, now: number): Fact[] {
  if (!semaphore) return [];
  const held = semaphore.held.map(({ slot, state, holder, purpose, leaseSeconds, recordedAt }) => {
    const since = holder && recordedAt ? `, for ${shownDuration(now - recordedAt.getTime())}` : "";
    const broken = state === "breaking" ? breakingFor({ leaseSeconds }) : "";
    return `permit ${slot}: ${holder ? whereabouts(holder) : "unknown"}${forWhat(purpose)}${since}${broken}`;
  });
  const facts: Fact[] = [["semaphore", permitsOf(semaphore), ...held]];
  const waiting = permitWaitersOf(semaphore);
  return waiting.length > 0 ? [...facts, ["waiting for a permit", ...inLine(waiting, now)]] : facts;
}

function readerFacts({ readers = [] }: LockStatus): Fact[] {
  if (readers.length === 0) return [];
  return [
    [
      "readers",
      ...readers.map(({ state, holder }) => `${whereabouts(holder)}${state === "breaking" ? breakingFor({}) : ""}`),
    ],
  ];
}

function onceFacts({ once }: LockStatus, now: number): Fact[] {
  return once ? slotFacts(once, now).map(([name, text]) => [name, text]) : [];
}

/** `, breaking: free in at most 30 s` */
function breakingFor(lease: { readonly leaseSeconds?: number | undefined }): string {
  return `, breaking: free in at most ${longestBreakSeconds(lease)} s`;
}

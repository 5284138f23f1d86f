import type { LockStatus } from "../../index.ts";
import { holderName } from "../../status/holder-name.ts";
import { presentHolder } from "../../status/holders.ts";
import type { LinePart } from "../columns.ts";
import { shownDuration } from "../duration.ts";
import type { Wanted } from "../job/own-ancestors.ts";
import { printable } from "../printable.ts";
import { named } from "./lock-words.ts";

/** How many of several holders are named. */
const MOST_NAMES = 3;

/**
 * What keeps a lock, a side of it or a permit from being had, as parts of a line: `held by build-7:4123 (deploy 42) for 3 min`, `all 3
 * permits held by a:1, b:2, c:3`, `read by a:1`. Empty if nothing does, as far as the status tells.
 */
export function inTheWayOf(status: LockStatus, kind: Wanted["kind"], now: number): readonly LinePart[] {
  const { isHeld, semaphore, readers = [], purpose, recordedAt } = status;
  if (isHeld && kind !== "permit") {
    const holder = presentHolder(status);
    const forWhat: LinePart[] = holder && purpose !== undefined ? [" (", { text: printable(purpose), cut: "end" }, ")"] : [];
    const howLong = holder && recordedAt ? ` for ${shownDuration(now - recordedAt.getTime())}` : "";
    return ["held by ", { text: holderName(holder), cut: "middle" }, ...forWhat, howLong];
  }
  if (kind === "permit" && semaphore && semaphore.held.length >= semaphore.permits) {
    const which = semaphore.permits === 1 ? "the permit is" : `all ${semaphore.permits} permits are`;
    return [`${which} held by `, ...namesOf(semaphore.held)];
  }
  // Readers keep only a writer out.
  return kind === "write" && readers.length > 0 ? ["read by ", ...namesOf(readers)] : [];
}

function namesOf(holders: readonly Pick<LockStatus, "holder" | "purpose">[]): LinePart[] {
  const names: LinePart = {
    text: holders
      .slice(0, MOST_NAMES)
      .map(({ holder, purpose }) => named(holder, holder && purpose))
      .join(", "),
    cut: "end",
  };
  const others = holders.length - MOST_NAMES;
  return others > 0 ? [names, ` and ${others} more`] : [names];
}

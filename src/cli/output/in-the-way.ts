import type { LockStatus } from "../../index.ts";
import { holderName } from "../../status/holder-name.ts";
import { presentHolder } from "../../status/holders.ts";
import { printable } from "../../status/printable.ts";
import { shownDuration } from "../options/duration.ts";
import type { LinePart } from "../terminal/columns.ts";
import type { WantedLock } from "../waiting/own-ancestors.ts";
import { named } from "./lock-labels.ts";

/** How many of several holders are named. */
const MOST_HOLDERS = 3;

/**
 * What keeps a lock, a side of it or a permit from being had, as parts of a line: `held by build-7:4123 (deploy 42) for
 * 3 min`, `all 3 permits held by a:1, b:2, c:3`, `read by a:1`. Empty if nothing does, as far as the status tells.
 */
export function inTheWayOf(status: LockStatus, kind: WantedLock["kind"], now: number): readonly LinePart[] {
  const { isHeld, semaphore, readers = [], purpose, recordedAt } = status;
  if (isHeld && kind !== "permit") {
    const holder = presentHolder(status);
    const forWhat: LinePart[] =
      holder && purpose !== undefined ? [" (", { text: printable(purpose), cut: "end" }, ")"] : [];
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
      .slice(0, MOST_HOLDERS)
      .map(({ holder, purpose }) => named(holder, holder && purpose))
      .join(", "),
    cut: "end",
  };
  const others = holders.length - MOST_HOLDERS;
  return others > 0 ? [names, ` and ${others} more`] : [names];
}

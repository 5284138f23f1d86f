import type { LockStatus } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { shownDuration } from "../options/duration.ts";
import { inTheWayOf } from "../output/in-the-way.ts";
import type { LinePart } from "../terminal/columns.ts";
import type { WantedLock } from "./own-ancestors.ts";

/** What a command waits for: a lock, or leadership. */
export type Aim = "for" | "to lead";

interface WaitingLineOptions {
  readonly aim?: Aim;
  /** Whether nothing is said where nothing is in the way. */
  readonly mayBeIdle?: boolean;
}

/** This process. Several may go by one name. */
export interface WaitingCommand {
  readonly host: string;
  readonly pid: number;
  readonly now: number;
  readonly since: number;
}

/** `waiting for "nightly" (12 s): held by build-7:4123 (deploy 42) for 3 min; 2 of 3 in line`. */
export function waitingLine(
  status: LockStatus,
  kind: WantedLock["kind"],
  { host, pid, now, since }: WaitingCommand,
  { aim = "for", mayBeIdle = false }: WaitingLineOptions = {},
): readonly LinePart[] {
  const { key, waiting = [] } = status;
  const inTheWay = inTheWayOf(status, kind, now);
  if (mayBeIdle && inTheWay.length === 0) return [];
  const place = waiting.findIndex((other) => other.holder.host === host && other.holder.pid === pid) + 1;
  const inLine = place > 0 ? [`; ${place} of ${waiting.length} in line`] : [];
  const beginning: LinePart[] = [
    `waiting ${aim} "`,
    { text: printable(key), cut: "middle" },
    `" (${shownDuration(now - since)})`,
  ];
  return [...beginning, ...(inTheWay.length > 0 ? [": ", ...inTheWay] : []), ...inLine];
}

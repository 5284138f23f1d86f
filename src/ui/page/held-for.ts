import type { HoldView, Since } from "../snapshot.ts";
import { duration } from "./labels.ts";

/** How long a part is held: a range, since looks and records tell no more. */
export interface HeldFor {
  readonly leastMs: number;
  /** Undefined where neither a look nor a record tells how early it began. */
  readonly mostMs: number | undefined;
}

/** How long a hold lasted, or has lasted at the last look. */
export function heldFor(
  { from, earliest, lastSeen, to }: Since & Pick<HoldView, "lastSeen" | "to">,
  seenUntil: number,
): HeldFor {
  const leastMs = Math.max(0, (lastSeen ?? seenUntil) - from);
  return { leastMs, mostMs: earliest === undefined ? undefined : Math.max(leastMs, (to ?? seenUntil) - earliest) };
}

/** `3 min`, `between 3 and 40 min`, `less than 40 min`, `more than 5 s` */
export function heldForText(held: HeldFor): string {
  const { least, most, unit } = boundsText(held);
  if (most === undefined) return `more than ${least}`;
  if (most === least) return least;
  if (held.leastMs < 1_000) return `less than ${most}`;
  return `between ${unit === undefined ? least : least.slice(0, -unit.length)} and ${most}`;
}

/** The same for a narrow column: `3–40 min`, `< 40 min`, `> 5 s` */
export function heldForCell(held: HeldFor): string {
  const { least, most, unit } = boundsText(held);
  if (most === undefined) return `> ${least}`;
  if (most === least) return least;
  if (held.leastMs < 1_000) return `< ${most}`;
  return `${unit === undefined ? least : least.slice(0, -unit.length)}–${most}`;
}

/** Both ends as text, and the unit if it is the same. The upper end is rounded up: no hold is longer than shown. */
function boundsText({ leastMs, mostMs }: HeldFor): {
  readonly least: string;
  readonly most?: string;
  readonly unit?: string;
} {
  const least = duration(leastMs);
  if (mostMs === undefined) return { least };
  if (duration(mostMs) === least) return { least, most: least };
  const most = duration(mostMs, Math.ceil);
  const [, unit] = /^\d+( \w+)$/.exec(least) ?? [];
  return { least, most, ...(unit !== undefined && /^\d+( \w+)$/.exec(most)?.[1] === unit && { unit }) };
}

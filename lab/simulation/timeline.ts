import type { Line } from "./journal.ts";
import type { Outcome } from "./simulation.ts";

/** So many lines before the end say it all, in nearly every case. */
const MOST_LINES = 60;

/** What happened, for people: without the polls that found the lock held. */
export function timelineOf({ lines, violation, game, terms, machines, tasks }: Outcome, seed: number): string {
  const { leaseSeconds, marginMs, tryTimeoutMs } = terms;
  const told = lines.filter(({ what }) => !/ -> held$|: list .* -> \d+ blobs$/.test(what));
  return [
    `seed ${seed}, ${game}, ${machines} machines with ${tasks} tasks each, leases of ${leaseSeconds} s, ` +
      `margin ${marginMs} ms, tries of ${tryTimeoutMs} ms`,
    ...(told.length > MOST_LINES ? [`… ${told.length - MOST_LINES} lines before`] : []),
    ...told.slice(-MOST_LINES).map(shown),
    violation ? violation.message : "all is well",
    "",
  ].join("\n");
}

function shown({ at, who, what }: Line): string {
  return `${(at / 1_000).toFixed(3).padStart(9)} s  ${who.padEnd(9)} ${what}`;
}

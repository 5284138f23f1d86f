import { PLAN } from "./plan.ts";
import type { RaceEvent } from "./race.ts";

/** What is said, while a race is on, of what just happened. */
export function announce(event: RaceEvent): string {
  switch (event.kind) {
    case "started":
      return "all at the line: go";
    case "killed":
      return event.inside
        ? `${event.worker} is killed (SIGKILL) between its read and its write: it leaves the lock locked`
        : `${event.worker} is killed (SIGKILL), but too late: it was no longer between its read and its write`;
    case "replaced":
      return `${event.worker} comes for the other ${event.increments} increments of ${event.replaces}`;
    case "halted":
      return `all wait: until its lease of ${PLAN.leaseSeconds} s runs out, a dead holder looks like a slow one`;
    case "tookOver":
      return `${event.worker} takes over, ${(event.afterMs / 1000).toFixed(1)} s after the kill`;
  }
}

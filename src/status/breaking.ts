import type { LockStatus } from "./lock-status.ts";

/** The longest break, in seconds. Stated here, since the page's bundle has no other room. */
const LONGEST_SECONDS = 60;

/** The seconds after its break in which a lease ends at the latest. Default, where no record tells: the longest. */
export function longestBreakSeconds({
  leaseSeconds = LONGEST_SECONDS,
}: {
  readonly leaseSeconds?: number | undefined;
}): number {
  return leaseSeconds;
}

/**
 * Since when each lock breaks, over several looks. The service tells no observer when a lease was broken, nor what is
 * left of it: the lease ends within its whole length from the first look that shows it breaking.
 */
export class BreaksSeen {
  #since: ReadonlyMap<string, number> = new Map();

  /** Takes one look at all locks, made at `now`. */
  note(locks: Iterable<LockStatus>, now: number): void {
    const breaking = [...locks].filter(({ state }) => state === "breaking");
    this.#since = new Map(breaking.map(({ key }) => [key, this.#since.get(key) ?? now]));
  }

  /** The seconds left of the break at most. Undefined unless it breaks, or if it lasts longer than it should. */
  secondsLeft(status: LockStatus, now: number): number | undefined {
    if (status.state !== "breaking") return undefined;
    const passedMs = now - (this.#since.get(status.key) ?? now);
    const left = Math.ceil(longestBreakSeconds(status) - passedMs / 1_000);
    return left > 0 ? left : undefined;
  }
}

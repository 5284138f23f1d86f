import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 });
/** A timer of Node's takes no more: 24 days. */
const LONGEST_DURATION_MS = 2 ** 31 - 1;

/** A duration of the command line. */
export interface Duration {
  readonly ms: number;
  /** As the user wrote it, and as messages repeat it. */
  readonly text: string;
}

/** Reads `30s`, `1.5m`, `250ms` or `2h`. A number without a unit is refused, as it could be seconds or milliseconds. */
export function parseDuration(text: string): Duration {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (!(ms <= LONGEST_DURATION_MS))
    throw new InvalidArgumentError("It must be a number with a unit, up to 500h: 250ms, 30s, 5m, 1h.");
  return { ms, text };
}

/** For people: `45 s`, `3 min`, `2 h 5 min`. */
export function shownDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} d`;
}

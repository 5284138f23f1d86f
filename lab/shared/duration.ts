const UNITS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000, m: 60_000 });

/** Milliseconds of `50ms`, `1.5s` or `10m`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

/** A duration that was chosen, as it was chosen: `50 ms`, `1 s`. */
export function nameDuration(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}

/** A duration that was measured, in three digits: `48 ms`, `1.25 s`, `83.0 s`. */
export function showDuration(ms: number): string {
  if (Number.isNaN(ms)) return "–";
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  const digits = ms < 9_995 ? 2 : ms < 99_950 ? 1 : 0;
  return `${(ms / 1_000).toFixed(digits)} s`;
}

/** A duration in seconds with one decimal: `14.9 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

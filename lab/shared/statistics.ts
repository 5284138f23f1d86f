/** The value below which so large a part of all values lies. Interpolated between neighbours. */
export function quantile(values: readonly number[], part: number): number {
  return quantileOfSorted(
    [...values].sort((a, b) => a - b),
    part,
  );
}

/** The same of values that are in ascending order. */
export function quantileOfSorted(sorted: ArrayLike<number>, part: number): number {
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Something that was measured several times. */
export interface Repeated {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function repeated(values: readonly number[]): Repeated {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** `3.2 (3.1–3.4)` */
export function shown({ median: middle, least, most }: Repeated, digits = 2): string {
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

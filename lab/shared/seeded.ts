/** Numbers from 0 up to, but not including, 1. */
export type Random = () => number;

/**
 * A source of chance that is the same whenever seed and name are. Everything that is left to chance has a source of its
 * own, so that one thing more or less here does not change what happens there. This is sfc32, begun with a hash of the
 * name.
 */
export function seeded(seed: number, name: string): Random {
  let [a, b, c, count] = hashed(`${seed}/${name}`);
  const next = (): number => {
    const sum = (a + b + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // Names that differ little begin alike; a few rounds take them apart.
  for (let round = 0; round < 15; round += 1) next();
  return next;
}

/** Four times FNV-1a, each from another beginning. */
function hashed(text: string): [number, number, number, number] {
  const hashFrom = (start: number): number => {
    let hash = start;
    for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619);
    return hash | 0;
  };
  return [hashFrom(0x811c9dc5), hashFrom(0x9e3779b9), hashFrom(0x7f4a7c15), 1];
}

/** Evenly from one number to another. */
export function between(from: number, to: number, random: Random): number {
  return from + (to - from) * random();
}

/** As times between independent events are: mostly short, now and then several times the mean. */
export function exponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random());
}

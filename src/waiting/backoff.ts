/**
 * How long a waiter rests before it asks again, in milliseconds: 40 to 60 while it has waited for less than half a second,
 * 350 to 950 from then on. Quick at first, because most holds are short; then as often as a crowd can afford. The delay does
 * not go on growing: a waiter who asks less often the longer it waits is overtaken by everyone who comes later.
 */
export function pollDelayMs(waitedMs: number, random: () => number): number {
  return waitedMs < 500 ? 40 + 20 * random() : 350 + 600 * random();
}

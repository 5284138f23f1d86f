/** `npm test` runs the first eighth of the seeds, `npm run test:slow` the others. */
const SHARE = 1 / 8;

/** Which of so many seeds run now. */
export function seedsOf(all: number): readonly number[] {
  const first = Math.ceil(all * SHARE);
  const isRest = process.env.SEEDS === "rest";
  return Array.from({ length: isRest ? all - first : first }, (_, at) => at + 1 + (isRest ? first : 0));
}

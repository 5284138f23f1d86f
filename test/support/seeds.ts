/** `npm run test:slow` runs every seed, `npm test` the first eighth of them. */
const PART = process.env.SEEDS === "all" ? 1 : 1 / 8;

/** How many of so many seeds run now. */
export const seedsOf = (all: number): number => Math.ceil(all * PART);

/** `npm run test:slow` runs every seed, `npm test` the first quarter of them. */
const PART = process.env.SEEDS === "all" ? 1 : 0.25;

/** How many of so many seeds run now. */
export const seedsOf = (all: number): number => Math.ceil(all * PART);

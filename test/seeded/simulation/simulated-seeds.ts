import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NOTHING, runBatch, sumOf, type Tally } from "../../../lab/simulation/batch.ts";
import type { GameName } from "../../../lab/simulation/games.ts";
import { useLightSignals } from "../../../lab/simulation/light-signals.ts";
import { seedsOf } from "../../support/seeds.ts";

/**
 * How many seeds `npm test` and `npm run test:slow` run together: `npm run mutants` shows that so many find mistakes,
 * `npm run simulate:long` runs more.
 */
export const SEEDS = 2_000;
const SLICE = 50;

/** The library makes errors by the thousand here, and their stacks are not read. */
export function withoutStacks(): void {
  const { stackTraceLimit } = Error;
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
}

/** Node's signals cost more than a quarter of a run. */
export async function withLightSignals<T>(run: () => Promise<T>): Promise<T> {
  const useNodes = useLightSignals();
  try {
    return await run();
  } finally {
    useNodes();
  }
}

/**
 * The tests of the part of so many seeds from one on that runs now. Several files share them, so that they run side by
 * side. Returns what tells, in a later test, what came of them.
 */
export function describeSeeds(from: number, count: number, game?: GameName): () => Tally {
  const part = seedsOf(count).map((seed) => from + seed - 1);
  const seeds = part.length;
  const what = game === undefined ? "the whole library" : `the game ${game}`;
  let all = NOTHING;
  describe(`${what}, every clock its own, everything going wrong, ${seeds} seeds from ${part[0]} on`, () => {
    withoutStacks();

    it.each(part.filter((_, at) => at % SLICE === 0))("keeps to the rules from %i on", async (first) => {
      const batch = { from: first, count: Math.min(SLICE, (part[0] ?? 0) + seeds - first), game };
      const tally = await withLightSignals(() => runBatch(batch));
      all = sumOf(all, tally);
      const again = `npm run simulate:long${game === undefined ? "" : ` -- --game ${game}`}`;
      expect(tally.failures.map(({ seed, game: of, how }) => `SEED=${seed} ${again}: ${of}: ${how}`)).toEqual([]);
    });

    it("much is held, lost and goes wrong", () => {
      // Of all that ask for a slot, one holds the lock.
      const share = game === "once" ? 0.2 : 1;
      expect(all.holds).toBeGreaterThan(10 * share * seeds);
      expect(all.losses).toBeGreaterThan(0.1 * share * seeds);
      expect(all.faults).toBeGreaterThan(5 * seeds);
    });
  });
  return () => all;
}

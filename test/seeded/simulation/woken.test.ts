import { describe, expect, it } from "vitest";
import { CHANNEL_FAULTS } from "../../../lab/simulation/messenger.ts";
import { FIRST_WOKEN_SEED } from "../../../lab/simulation/simulation.ts";
import { describeSeeds } from "./simulated-seeds.ts";

const tally = describeSeeds(FIRST_WOKEN_SEED, 1_000);

describe("a channel of the seeds that ran", () => {
  it.each(CHANNEL_FAULTS)("fails often enough: %s", (fault) => {
    const { channel, seeds } = tally();
    const counts = Object.entries(channel).filter(([name]) => name.endsWith(`: ${fault}`));
    expect(counts.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(seeds / 25);
  });

  // The few seeds of `npm test` need not have each fault in each game.
  it.each(["lock", "fair lock", "semaphore", "readers and writers", "election"])("fails in every way: %s", (game) => {
    const { channel, seeds } = tally();
    const counts = CHANNEL_FAULTS.map((fault) => channel[`${game}: ${fault}`] ?? 0);
    expect(Math.min(...counts), JSON.stringify(channel)).toBeGreaterThanOrEqual(Math.floor(seeds / 200));
  });
});

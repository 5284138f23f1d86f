import { describe, expect, it } from "vitest";
import { FIRST_RELEASED_SEED, simulate } from "../../../lab/simulation/simulation.ts";
import { seedsOf } from "../../support/seeds.ts";
import { withoutStacks } from "./simulated-seeds.ts";

const SEEDS = 120;

describe("what releases the leases of dead machines, at once, late or several times", () => {
  withoutStacks();

  it("breaks no rule: it frees some, and is refused where another has the lease by then", async () => {
    const ofTheDead = { freed: 0, refused: 0 };
    for (const number of seedsOf(SEEDS)) {
      const seed = FIRST_RELEASED_SEED + number - 1;
      const { violation, ...outcome } = await simulate({ seed });
      expect(violation?.message, `SEED=${seed} npm run simulate:long`).toBe(undefined);
      ofTheDead.freed += outcome.ofTheDead?.freed ?? 0;
      ofTheDead.refused += outcome.ofTheDead?.refused ?? 0;
    }
    expect(ofTheDead.freed).toBeGreaterThan(3);
    expect(ofTheDead.refused).toBeGreaterThan(3);
  });
});

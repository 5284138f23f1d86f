import { describe, expect, it } from "vitest";
import { FIRST_WOKEN_SEED, simulate } from "../../../lab/simulation/simulation.ts";
import { seedsOf } from "../../support/seeds.ts";
import { withLightSignals, withoutStacks } from "./simulated-seeds.ts";

const SEEDS = 80;
/** The default. */
const IDLE_POLL_MS = 5_000;

/**
 * What a channel can add to a wait is time in which nothing is held. The longest waits themselves are not compared:
 * with the channel, tasks come in another order, and their holds are others.
 */
describe("with a channel that fails, and nothing else that does", () => {
  withoutStacks();

  it.each(["lock", "fair lock", "semaphore", "readers and writers", "election"] as const)(
    "of no wait more than an idle poll is added, in which nothing is held: %s",
    async (game) => {
      const most = { polling: 0, woken: 0 };
      for (const number of seedsOf(SEEDS)) {
        const plan = { seed: FIRST_WOKEN_SEED + number - 1, game, kinds: [] };
        for (const how of ["polling", "woken"] as const) {
          const { violation, waits } = await withLightSignals(() =>
            simulate({ ...plan, isPolling: how === "polling" }),
          );
          expect(violation?.message, `seed ${plan.seed}, ${how}`).toBe(undefined);
          most[how] = Math.max(most[how], waits.mostIdleMs);
        }
      }
      expect(most.polling).toBeGreaterThan(100);
      expect(most.woken).toBeLessThan(most.polling + IDLE_POLL_MS);
    },
  );
});

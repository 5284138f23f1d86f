import { describe, expect, it } from "vitest";
import type { Lock } from "../../src/locks/lock.ts";
import type { LockerOptions } from "../../src/waiting/locker-options.ts";
import { Chaos, Violation } from "../support/chaos.ts";
import { seedsOf } from "../support/seeds.ts";

/** Trouble lasts for this long; then everybody who still waits has to get in. */
const TROUBLE_MS = 120_000;

async function chaos(seed: number, options: LockerOptions): Promise<void> {
  const chaos = new Chaos(seed);
  const { clock, world } = chaos;
  const held = new Set<Lock>();
  let lastToken = 0;

  const enter = (lock: Lock): void => {
    for (const other of held) if (other.isHeld && lock.isHeld) throw chaos.violation("two holders");
    held.add(lock);
    if ((lock.fencingToken as number) <= lastToken)
      throw chaos.violation(`token ${lock.fencingToken} after ${lastToken}`);
    lastToken = lock.fencingToken as number;
  };

  await chaos.crowd({ mostTasks: 2, troubleMs: TROUBLE_MS }, (process) => {
    const locker = process.mutex.locker("job", options);
    return async () => {
      for (let turn = 0; turn < 4 && !process.isDead; turn += 1) {
        await chaos.rest(chaos.upTo(3_000));
        try {
          const lock = await locker.lock(chaos.waitOptions({ impatient: 0.3, fickle: 0.2 }));
          enter(lock);
          await chaos.rest(chaos.upTo(2_000));
          held.delete(lock);
          await lock.release();
        } catch (error) {
          if (error instanceof Violation) throw error;
        }
      }
    };
  });

  // One lease and a sweep later, nothing is left of those who died or gave up.
  await clock.advance(200_000);
  const sweeper = world.process().mutex.locker("job", options);
  await (await world.until(sweeper.lock(), 120_000)).release();
  await clock.advance(1_000);
  expect(await world.helperBlobs(), `seed ${seed}`).toEqual([]);
}

describe("under chaos, by seed, never two hold the lock, tokens grow, and every waiter gets in", () => {
  it("in a fair queue, which leaves no ticket behind", async () => {
    for (const seed of seedsOf(1_000)) await chaos(seed, { fair: true });
  });

  it("without one", async () => {
    for (const seed of seedsOf(200)) await chaos(seed, {});
  });
});

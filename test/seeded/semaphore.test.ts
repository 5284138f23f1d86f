import { describe, expect, it } from "vitest";
import { type Permit, Semaphore } from "../../src/recipes/semaphore/semaphore.ts";
import { Chaos, QUEUES, Violation } from "../support/chaos.ts";
import { seedsOf } from "../support/seeds.ts";

const TROUBLE_MS = 60_000;

/** Processes whose tasks take permits and give them back. Gives the most that were held at once. */
async function crowd(
  seed: number,
  { fair, troubled }: { fair: boolean; troubled: boolean },
): Promise<{ most: number; permits: number }> {
  const chaos = new Chaos(seed);
  const { clock, world, random } = chaos;
  const permits = 1 + chaos.upTo(4);
  const held = new Set<Permit>();
  const tokens = new Map<number, number>();
  let most = 0;

  const holders = (): Permit[] => [...held].filter(({ isHeld }) => isHeld);
  const enter = (permit: Permit): void => {
    held.add(permit);
    const { length } = holders();
    most = Math.max(most, length);
    if (length > permits) throw chaos.violation(`${length} of ${permits} permits are held`);
    const token = permit.fencingToken as number;
    const before = tokens.get(permit.slot) ?? 0;
    if (token <= before) throw chaos.violation(`token ${token} of slot ${permit.slot} after ${before}`);
    tokens.set(permit.slot, token);
  };
  chaos.watch(50, () =>
    holders().length > permits ? `${holders().length} of ${permits} permits are held` : undefined,
  );

  await chaos.crowd({ mostTasks: 3, troubleMs: troubled ? TROUBLE_MS : 0 }, (process) => {
    const semaphore = new Semaphore(process.mutex, "downloads", { permits, fair });
    return async () => {
      for (let turn = 0; turn < 4 && !process.isDead; turn += 1) {
        await chaos.rest(chaos.upTo(2_000));
        const options = chaos.waitOptions({ impatient: 0.2, fickle: 0.1 });
        try {
          const permit = random() < 0.2 ? await semaphore.tryAcquire() : await semaphore.acquire(options);
          if (!permit) continue;
          enter(permit);
          await chaos.rest(chaos.upTo(2_000));
          held.delete(permit);
          await permit.release();
        } catch (error) {
          if (error instanceof Violation) throw error;
        }
      }
    };
  });

  // When their tickets have run out, and then a lease, whatever the dead had is free again.
  await clock.advance(200_000);
  const semaphore = new Semaphore(world.process().mutex, "downloads", { permits, fair });
  expect(await world.until(semaphore.available()), `seed ${seed}`).toBe(permits);
  const all = await world.until(
    Promise.all(Array.from({ length: permits }, () => semaphore.acquire({ timeoutMs: 20_000 }))),
  );
  expect(new Set(all.map(({ slot }) => slot)).size, `seed ${seed}`).toBe(permits);
  return { most, permits };
}

describe("a semaphore, by seed: never more holders than permits, tokens grow in each slot, all get through", () => {
  it.each(QUEUES)("when all goes well, all permits used%s", async (_, fair) => {
    let used = 0;
    const seeds = seedsOf(100);
    for (const seed of seeds) {
      const { most, permits } = await crowd(seed, { fair, troubled: false });
      if (most === permits) used += 1;
    }
    expect(used).toBeGreaterThan(0.7 * seeds.length);
  });

  it.each(QUEUES)("when processes die and requests go astray%s", async (_, fair) => {
    for (const seed of seedsOf(200)) await crowd(seed, { fair, troubled: true });
  });
});

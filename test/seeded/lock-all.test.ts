import { describe, expect, it } from "vitest";
import { takeAll } from "../../lab/shared/take-all.ts";
import type { LockSet } from "../../src/recipes/lock-all.ts";
import { Chaos, QUEUES, Violation } from "../support/chaos.ts";
import { seedsOf } from "../support/seeds.ts";

const TROUBLE_MS = 60_000;
const KEYS = ["alpha", "beta", "gamma", "delta"];

/** Processes whose tasks lock some of four keys, in whatever order they name them. */
async function crowd(seed: number, { fair, troubled }: { fair: boolean; troubled: boolean }): Promise<void> {
  const chaos = new Chaos(seed);
  const { clock, world, random } = chaos;
  const held = new Set<LockSet>();
  const tokens = new Map<string, number>();

  const broken = (): string | undefined => {
    const keys = [...held].filter(({ isHeld }) => isHeld).flatMap(({ locks }) => [...locks.keys()]);
    return new Set(keys).size < keys.length ? `held twice: ${keys}` : undefined;
  };
  const enter = (set: LockSet): void => {
    held.add(set);
    const how = broken();
    if (how) throw chaos.violation(how);
    for (const [key, { fencingToken }] of set.locks) {
      if ((fencingToken as number) <= (tokens.get(key) ?? 0))
        throw chaos.violation(`token ${fencingToken} of ${key} after ${tokens.get(key)}`);
      tokens.set(key, fencingToken as number);
    }
  };
  chaos.watch(50, broken);

  await chaos.crowd({ mostTasks: 2, troubleMs: troubled ? TROUBLE_MS : 0 }, (process) => async () => {
    for (let turn = 0; turn < 4 && !process.isDead; turn += 1) {
      await chaos.rest(chaos.upTo(1_000));
      const shuffled = [...KEYS].sort(() => random() - 0.5);
      const keys = shuffled.slice(0, 1 + chaos.upTo(KEYS.length));
      const options = chaos.waitOptions(troubled ? { impatient: 0.2, fickle: 0.1 } : { impatient: 0, fickle: 0 });
      try {
        const set = await takeAll(process.mutex, keys, { fair, ...options });
        enter(set);
        await chaos.rest(chaos.upTo(1_000));
        held.delete(set);
        await set.release();
      } catch (error) {
        if (error instanceof Violation || !troubled) throw error;
      }
    }
  });

  await clock.advance(200_000);
  for (const key of KEYS) expect(await world.leaseState(key), `seed ${seed}`).not.toBe("leased");
}

describe("several locks at once, by seed: never held twice, none waits in a circle, nothing stays behind", () => {
  it.each(QUEUES)("when all goes well%s", async (_, fair) => {
    for (const seed of seedsOf(100)) await crowd(seed, { fair, troubled: false });
  });

  it.each(QUEUES)("when processes die and requests go astray%s", async (_, fair) => {
    for (const seed of seedsOf(150)) await crowd(seed, { fair, troubled: true });
  });
});

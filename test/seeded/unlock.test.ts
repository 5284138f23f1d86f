import { describe, expect, it } from "vitest";
import type { Lock } from "../../src/locks/lock.ts";
import { chance } from "../support/chaos.ts";
import { World } from "../support/world.ts";

const SEEDS = 150;

/**
 * Tasks that share one locker lock, try, time out and give up at any moment, and each calls `unlock` when it has done,
 * whether or not it got anything, as in a `finally`. Of another process is nothing to be seen but that it may have the
 * lock in between.
 */
async function share(seed: number): Promise<{ readonly unlocked: number; readonly refused: number }> {
  const random = chance(seed);
  const world = new World();
  const locker = world.process().mutex.locker("job", { handOverMs: random() < 0.5 ? 0 : 3_000 });
  const rest = (ms: number): Promise<void> => new Promise((resolve) => world.clock.setTimer(random() * ms, resolve));
  let [unlocked, refused] = [0, 0];
  const get = async (): Promise<Lock | undefined> => {
    const stop = new AbortController();
    const how = Math.floor(random() * 4);
    if (how === 0) return await locker.tryLock();
    if (how === 1) world.clock.setTimer(random() * 400, () => stop.abort("enough"));
    return await locker.lock({ signal: stop.signal, ...(how === 2 && { timeoutMs: 1 + random() * 400 }) });
  };
  const task = async (): Promise<void> => {
    for (let turn = 0; turn < 6; turn += 1) {
      await rest(300);
      let lock: Lock | undefined;
      let isOver = false;
      try {
        lock = await get().catch(() => undefined);
        lock?.signal.addEventListener("abort", () => expect.fail("lost"));
        await rest(lock ? 200 : 0);
        // No other task has ended it, and no other holds it.
        if (lock) expect(lock.isHeld).toBe(true);
      } finally {
        const code = await locker.unlock().then(
          () => "done",
          (error) => error.code,
        );
        isOver = lock?.isHeld === false;
        if (code === "done") unlocked += 1;
        else refused += 1;
        expect(code === "done" ? isOver : code).toBe(code === "done" ? true : "NOT_HELD");
        await lock?.release();
      }
    }
  };
  await world.until(Promise.all(Array.from({ length: 1 + Math.floor(random() * 4) }, task)));
  expect(await world.leaseState("job")).toMatch(/available|missing/);
  return { unlocked, refused };
}

describe("a locker that several tasks share", () => {
  it(`never ends another task's lock by unlock, whatever comes in between, in ${SEEDS} histories`, async () => {
    const all = { unlocked: 0, refused: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { unlocked, refused } = await share(seed);
      all.unlocked += unlocked;
      all.refused += refused;
    }
    expect(all.unlocked).toBeGreaterThan(SEEDS);
    expect(all.refused).toBeGreaterThan(SEEDS);
  });
});

import { describe, expect, it } from "vitest";
import type { Lock } from "../../src/locks/lock.ts";
import { ReaderWriterLock, type ReadLock } from "../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Chaos, QUEUES, Violation } from "../support/chaos.ts";
import { seedsOf } from "../support/seeds.ts";

const TROUBLE_MS = 60_000;

/** Processes whose tasks read and write. Gives how many ever read at once, in several processes. */
async function crowd(seed: number, { fair, troubled }: { fair: boolean; troubled: boolean }): Promise<number> {
  const chaos = new Chaos(seed);
  const { clock, world, random } = chaos;
  const reading = new Set<ReadLock>();
  const writing = new Set<Lock>();
  let lastWritten = 0;
  let highestRead = 0;
  let most = 0;

  const broken = (): string | undefined => {
    const readers = [...reading].filter(({ isHeld }) => isHeld).length;
    const writers = [...writing].filter(({ isHeld }) => isHeld).length;
    most = Math.max(most, readers);
    return writers > 1 || (writers === 1 && readers > 0) ? `${writers} write and ${readers} read` : undefined;
  };
  const hold = async <H extends ReadLock | Lock>(lock: H, held: Set<H>): Promise<void> => {
    held.add(lock);
    const how = broken();
    if (how) throw chaos.violation(how);
    await chaos.rest(chaos.upTo(2_000));
    held.delete(lock);
    await lock.release();
  };
  chaos.watch(50, broken);

  await chaos.crowd({ mostTasks: 3, troubleMs: troubled ? TROUBLE_MS : 0 }, (process) => {
    const lock = new ReaderWriterLock(process.mutex, "config", { fair });
    return async () => {
      for (let turn = 0; turn < 4 && !process.isDead; turn += 1) {
        await chaos.rest(chaos.upTo(2_000));
        const options = chaos.waitOptions({ impatient: 0.2, fickle: 0.1 });
        const tries = random() < 0.2;
        try {
          if (random() < 0.3) {
            const written = tries ? await lock.write.tryLock() : await lock.write.lock(options);
            if (!written) continue;
            const token = written.fencingToken as number;
            if (token <= lastWritten) throw chaos.violation(`written under ${token} after ${lastWritten}`);
            if (token <= highestRead) throw chaos.violation(`written under ${token} after a read under ${highestRead}`);
            lastWritten = token;
            await hold(written, writing);
          } else {
            const read = tries ? await lock.read.tryLock() : await lock.read.lock(options);
            if (!read) continue;
            // Higher, if another had the lock and gave it up while it waited for readers.
            const token = read.fencingToken ?? 0;
            if (token < lastWritten) throw chaos.violation(`read under ${token} after a write under ${lastWritten}`);
            highestRead = Math.max(highestRead, token);
            await hold(read, reading);
          }
        } catch (error) {
          if (error instanceof Violation) throw error;
        }
      }
    };
  });

  // When their tickets have run out, and then a lease, nothing of the dead is in anybody's way.
  await clock.advance(200_000);
  const lock = new ReaderWriterLock(world.process().mutex, "config", { fair });
  const written = await world.until(lock.write.lock({ timeoutMs: 20_000 }));
  expect(written.fencingToken, `seed ${seed}`).toBeGreaterThan(Math.max(lastWritten, highestRead));
  await world.until(written.release());
  expect((await world.until(lock.read.lock({ timeoutMs: 20_000 }))).fencingToken, `seed ${seed}`).toBe(
    written.fencingToken,
  );
  return most;
}

describe("a reader-writer lock, by seed: one writer or any number of readers, tokens in order, all get through", () => {
  it.each(QUEUES)("when all goes well, readers together%s", async (_, fair) => {
    let together = 0;
    const seeds = seedsOf(100);
    for (const seed of seeds) if ((await crowd(seed, { fair, troubled: false })) > 1) together += 1;
    expect(together).toBeGreaterThan(0.7 * seeds.length);
  });

  it.each(QUEUES)("when processes die and requests go astray%s", async (_, fair) => {
    for (const seed of seedsOf(200)) await crowd(seed, { fair, troubled: true });
  });
});

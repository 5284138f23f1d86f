import { describe, expect, it } from "vitest";
import { collectAllGarbage } from "../../../lab/bench/live-bytes.ts";
import { median } from "../../../lab/shared/statistics.ts";
import { AzureMutex, type Lock } from "../../../src/index.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";

const LOCKS = 2_000;
/**
 * A third more than it is, blob and timers included. Whatever is kept takes the garbage collector time, and renewals
 * wait: docs/architecture.md.
 */
const MOST_BYTES = 4_000;
/**
 * What else comes and goes in the meantime, compiled code above all, is now and then as much as half of all the locks.
 */
const ROUNDS = 7;

async function settledMemory(): Promise<number> {
  await collectAllGarbage();
  return process.memoryUsage().heapUsed;
}

async function takeAll(): Promise<Lock[]> {
  const mutex = new AzureMutex({ store: new MemoryLeaseStore({ containerExists: true }) });
  return await Promise.all(Array.from({ length: LOCKS }, (_, n) => mutex.locker(`key-${n}`).lock()));
}

async function bytesEach(): Promise<number> {
  const before = await settledMemory();
  const locks = await takeAll();
  const each = ((await settledMemory()) - before) / LOCKS;
  await Promise.all(locks.map((lock) => lock.release()));
  return each;
}

describe("a lock that is held", () => {
  it(`takes no more than ${MOST_BYTES} bytes of memory`, async () => {
    // The first time code is compiled, and what there is once is made.
    await bytesEach();
    const rounds: number[] = [];
    while (rounds.length < ROUNDS) rounds.push(await bytesEach());
    const each = median(rounds);
    console.log(`a held lock takes ${Math.round(each)} bytes`);
    expect(each).toBeGreaterThan(500);
    expect(each).toBeLessThan(MOST_BYTES);
  });
});

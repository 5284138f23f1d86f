import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { AzureMutex, type Lock } from "../../src/index.ts";
import { MemoryLeaseStore } from "../../src/testing/index.ts";

const LOCKS = 2_000;
/** A quarter more than it is, blob and timers included. Whatever is kept takes the garbage collector time, and renewals wait: docs/adr/0035. */
const MOST_BYTES = 4_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What is finalised lives for one collection more. */
async function settledMemory(): Promise<number> {
  for (let rounds = 0; rounds < 4; rounds += 1) {
    collectGarbage();
    await new Promise(setImmediate);
  }
  return process.memoryUsage().heapUsed;
}

function newMutex(): AzureMutex {
  return new AzureMutex({ store: new MemoryLeaseStore({ containerExists: true }) });
}

async function takeAll(mutex: AzureMutex): Promise<Lock[]> {
  return await Promise.all(Array.from({ length: LOCKS }, (_, n) => mutex.locker(`key-${n}`).lock()));
}

/** Code is compiled, and what there is once is made. */
async function warmUp(): Promise<void> {
  const locks = await takeAll(newMutex());
  await Promise.all(locks.map((lock) => lock.release()));
}

describe("a lock that is held", () => {
  it(`takes no more than ${MOST_BYTES} bytes of memory`, async () => {
    await warmUp();
    const mutex = newMutex();
    const before = await settledMemory();
    const locks = await takeAll(mutex);
    const each = ((await settledMemory()) - before) / LOCKS;
    await Promise.all(locks.map((lock) => lock.release()));
    console.log(`a held lock takes ${Math.round(each)} bytes`);
    expect(each).toBeGreaterThan(500);
    expect(each).toBeLessThan(MOST_BYTES);
  });
});

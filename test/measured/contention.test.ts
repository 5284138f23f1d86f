import { randomUUID } from "node:crypto";
import { RestError } from "@azure/storage-blob";
import { afterAll, describe, expect, it } from "vitest";
import { run } from "../process/script.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const container = await storage.newContainer();
afterAll(() => storage[Symbol.asyncDispose]());

/** How often 100 tasks can run an empty critical section in `ms` milliseconds. */
async function cyclesIn(ms: number, cycle: () => Promise<void>): Promise<number> {
  const end = performance.now() + ms;
  let cycles = 0;
  const task = async (): Promise<void> => {
    while (performance.now() < end) {
      await cycle();
      cycles += 1;
      // A critical section that never waits would keep the event loop from turning.
      if (cycles % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: 100 }, task));
  return cycles;
}

/** What people write by hand: acquire, and if somebody holds the lease, again in a while. */
async function byHand(key: string): Promise<void> {
  const lease = container.getBlockBlobClient(key).getBlobLeaseClient(randomUUID());
  for (;;) {
    try {
      await lease.acquireLease(15);
      break;
    } catch (error) {
      if (!(error instanceof RestError && error.code === "LeaseAlreadyPresent")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 + 100 * Math.random()));
    }
  }
  await lease.releaseLease();
}

describe("100 tasks of one process on one key", () => {
  it("get through at least 200 times the cycles of the same tasks polling the SDK, in order, at less than 0.05 requests each", async () => {
    const key = randomUUID();
    await container.getBlockBlobClient(key).upload("", 0);
    const baseline = (await cyclesIn(6_000, () => byHand(key))) / 6;

    const locker = storage.mutex(container.containerName).locker(key);
    storage.proxy.forgetRequests();
    let last = 0;
    const cycles = await cyclesIn(12_000, () =>
      locker.run((lock) => {
        expect(lock.fencingToken).toBeGreaterThan(last);
        last = lock.fencingToken as number;
      }),
    );
    const requests = storage.proxy.count();
    console.info(
      `cycles/s: ${baseline.toFixed(0)} by hand, ${(cycles / 12).toFixed(0)} with a locker, ${(cycles / 12 / baseline).toFixed(0)} times; ` +
        `${(requests / cycles).toFixed(4)} requests per cycle`,
    );
    expect(cycles / 12 / baseline).toBeGreaterThan(200);
    expect(requests / cycles).toBeLessThan(0.05);
  });
});

describe("two processes of 50 tasks each on one key", () => {
  it("get at least 40 % of the holds each, over a minute", async () => {
    const scripts = [0, 1].map(() =>
      run(
        storage.emulator.connectionString,
        `
        const locker = mutex.locker("shared");
        await locker.run(() => undefined);
        console.log("ready");
        const end = performance.now() + 60_000;
        let holds = 0;
        const task = async () => {
          while (performance.now() < end) {
            await locker.run(() => new Promise((resolve) => setTimeout(resolve, 2)));
            holds += 1;
          }
        };
        await Promise.all(Array.from({ length: 50 }, task));
        console.log("holds", holds);
        `,
      ),
    );
    await Promise.all(scripts.map((script) => script.ended));
    const holds = scripts.map((script) => Number(/holds (\d+)/.exec(script.output())?.[1]));
    const total = (holds[0] as number) + (holds[1] as number);
    console.info(`holds in a minute: ${holds.join(" and ")}`);
    expect(total).toBeGreaterThan(5_000);
    expect(Math.min(...holds) / total).toBeGreaterThanOrEqual(0.4);
  });
});

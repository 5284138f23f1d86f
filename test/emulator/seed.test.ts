import { afterAll, describe, expect, it } from "vitest";
import { LeaseAlreadyPresentError } from "../../src/errors.ts";
import { Locker } from "../../src/locks/locker.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());

describe("go-azuremutex's own tests hold here", () => {
  it("TestMutex: acquire 15 s, a second acquire is refused, renew, release, acquire 60 s", async () => {
    const mutex = storage.mutex("locks");
    await mutex.acquire("mutex", 15);
    await expect(mutex.acquire("mutex", 15)).rejects.toBeInstanceOf(LeaseAlreadyPresentError);
    await mutex.renew("mutex");
    await mutex.release("mutex");
    await mutex.acquire("mutex", 60);
    await mutex.release("mutex");
  });

  it("TestConcurrentIncrement: five lockers that lock once, then do 10,000 unsynchronised increments", async () => {
    const options = { connectionString: storage.proxy.connectionString, containerName: "locks" };
    const counts = { one: 0, two: 0 };
    const workers = Array.from({ length: 5 }, async () => {
      const locker = new Locker(options, "test");
      await locker.lock();
      // Unsynchronised: what was read before a pause is written after it.
      const { one, two } = counts;
      let own = 0;
      for (let n = 0; n < 10_000; n += 1) {
        own += 1;
        if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      counts.one = one + own;
      counts.two = two + 2 * own;
      await locker.unlock();
    });
    await Promise.all(workers);
    expect(counts).toEqual({ one: 50_000, two: 100_000 });
  });
});

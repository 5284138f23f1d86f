import { randomUUID } from "node:crypto";
import diagnostics from "node:diagnostics_channel";
import { stat } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/azure-mutex.ts";
import { LockLostError } from "../../src/errors.ts";
import type { Lock } from "../../src/locker.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { FaultyLeaseStore, MemoryLeaseStore } from "../../src/testing/index.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const { proxy } = storage;
const container = await storage.newContainer();
afterAll(() => storage[Symbol.asyncDispose]());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves with the loss, and how long it took to be signalled. */
async function lossOf(lock: Lock): Promise<{ error: LockLostError; afterMs: number }> {
  const began = performance.now();
  if (!lock.signal.aborted) await new Promise((resolve) => lock.signal.addEventListener("abort", resolve, { once: true }));
  return { error: lock.signal.reason as LockLostError, afterMs: performance.now() - began };
}

describe("on Azurite, a lock whose renewals hang", () => {
  it("is given up before the service frees the lease", async () => {
    const key = randomUUID();
    const began = performance.now();
    const lock = await storage.mutex(container.containerName).locker(key, { leaseSeconds: 15 }).lock();
    proxy.hang("renew");
    const { error } = await lossOf(lock);
    const leaseState = (await container.getBlobClient(key).getProperties()).leaseState;
    const lostAfterMs = performance.now() - began;
    proxy.heal();
    expect(error).toMatchObject({ code: "LOCK_LOST", why: "expired" });
    expect(leaseState).toBe("leased");
    expect(lostAfterMs).toBeLessThan(15_000);
  });

  it("is signalled on time 1,000 times at once, by the machine's own clock", async () => {
    const memory = new MemoryLeaseStore({ containerExists: true });
    const store = new FaultyLeaseStore(memory);
    const mutex = new AzureMutex({ store });
    const locks: Lock[] = [];
    for (let n = 0; n < 1_000; n += 1) locks.push(await mutex.locker(`job-${n}`, { leaseSeconds: 15 }).lock());
    store.hang("renew");
    const lateMs = await Promise.all(
      locks.map(async (lock) => {
        const deadline = performance.now() + lock.remainingMs;
        await lossOf(lock);
        return performance.now() - deadline;
      }),
    );
    lateMs.sort((a, b) => a - b);
    console.info(
      `1,000 hangs in real time: loss signalled ${lateMs[500]?.toFixed(1)} ms after the deadline in the middle, ${lateMs.at(-1)?.toFixed(1)} ms at the slowest`,
    );
    // Half the margin of 2.5 s: what is left of the other half is the work's time to stop.
    expect(lateMs.at(-1)).toBeLessThan(1_250);
    // The clock that counts suspend does so in hundredths of a second, and whichever clock is ahead decides.
    expect(lateMs[0]).toBeGreaterThanOrEqual(-11);
    for (const lock of locks) await lock.release();
  });
});

describe("on Azurite, a lock whose renewal is refused", () => {
  it.each([
    ["broken", async (key: string) => void (await container.getBlobClient(key).getBlobLeaseClient().breakLease(0))],
    [
      "taken",
      async (key: string) => {
        await container.getBlobClient(key).getBlobLeaseClient().breakLease(0);
        await container.getBlobClient(key).getBlobLeaseClient(randomUUID()).acquireLease(15);
      },
    ],
    [
      "deleted",
      async (key: string) => {
        await container.getBlobClient(key).getBlobLeaseClient().breakLease(0);
        await container.getBlobClient(key).delete();
      },
    ],
  ])("is lost as %s at the next renewal", async (why, interfere) => {
    const key = randomUUID();
    const lock = await storage.mutex(container.containerName).locker(key, { leaseSeconds: 15, renewEveryMs: 500 }).lock();
    await interfere(key);
    const { error, afterMs } = await lossOf(lock);
    expect(error.why).toBe(why);
    expect(afterMs).toBeLessThan(5_000);
  });

  it("is lost as deleted when the container is gone", async () => {
    const own = await storage.newContainer();
    const lock = await storage.mutex(own.containerName).locker("job", { leaseSeconds: 15, renewEveryMs: 500 }).lock();
    await own.delete();
    expect((await lossOf(lock)).error.why).toBe("deleted");
  });
});

describe("on Azurite, a lock in a process whose event loop stalls past the deadline", () => {
  /** Blocks this thread. The emulator runs in another one. */
  const stall = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

  it("is still held if the answer to its renewal arrived meanwhile, and says no in between", async () => {
    await using emulator = await startEmulator({ ownClock: true });
    const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
    // Good for 6.5 s. The renewal is sent after 2 s, and its answer is good for 8.5 s.
    const locker = mutex.locker("job", { leaseSeconds: 15, marginMs: 8_500, renewEveryMs: 2_000, tryTimeoutMs: 1_000 });
    for (const phase of ["timers", "check", "poll"] as const) {
      let wasStalled = false;
      // Now and then the answer is quicker than the stall, and there is nothing to see.
      for (let tries = 0; tries < 5 && !wasStalled; tries += 1) {
        const lock = await locker.lock();
        await sent("renew");
        await stalledIn(phase, () => stall(5_000));
        wasStalled = !lock.isHeld;
        if (wasStalled) {
          expect(() => lock.assertHeld()).toThrow(LockLostError);
          expect(lock.signal.aborted).toBe(false);
          await pause(300);
          expect([phase, lock.signal.aborted, lock.isHeld]).toEqual([phase, false, true]);
        }
        await locker.unlock();
      }
      expect([phase, wasStalled]).toEqual([phase, true]);
    }
  });

  it("is lost if nothing was answered", async () => {
    await using emulator = await startEmulator({ ownClock: true });
    const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
    const lock = await mutex.locker("job", { leaseSeconds: 15, marginMs: 8_500, renewEveryMs: 2_000, tryTimeoutMs: 1_000 }).lock();
    stall(7_000);
    expect(lock.isHeld).toBe(false);
    expect((await lossOf(lock)).error.why).toBe("expired");
  });

  /** Resolves as soon as a request of that kind is on its way. */
  function sent(action: string): Promise<void> {
    return new Promise((resolve) => {
      const onStart = (message: unknown): void => {
        const { request } = message as { request: { getHeader(name: string): unknown } };
        if (request.getHeader("x-ms-lease-action") !== action) return;
        diagnostics.unsubscribe("http.client.request.start", onStart);
        resolve();
      };
      diagnostics.subscribe("http.client.request.start", onStart);
    });
  }

  /** Calls `block` in one of the phases of the event loop, because what comes next in it depends on that. */
  function stalledIn(phase: "timers" | "check" | "poll", block: () => void): Promise<void> {
    return new Promise((resolve) => {
      const blocked = (): void => {
        block();
        resolve();
      };
      if (phase === "check") setImmediate(blocked);
      else if (phase === "timers") setTimeout(blocked, 0);
      else stat(".", blocked);
    });
  }
});

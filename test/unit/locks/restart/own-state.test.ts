import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { ReaderWriterLock } from "../../../../src/recipes/reader-writer/reader-writer-lock.ts";
import { Semaphore } from "../../../../src/recipes/semaphore/semaphore.ts";
import { MemoryLeaseStore } from "../../../../src/testing/index.ts";
import { blobsIn, closedWithTest, here, newDirectory, ownerIn, textsIn } from "../../../support/state-place.ts";
import { storeWith } from "../../../support/store-with.ts";

function setup(own: (directory: string, store: MemoryLeaseStore) => object = () => ({})) {
  const directory = newDirectory();
  const store = new MemoryLeaseStore();
  const mutex = new AzureMutex({ store: storeWith(store, own(directory, store)), stateDirectory: directory });
  return { directory, mutex: closedWithTest(mutex) };
}

const isEmpty = async (directory: string): Promise<void> => {
  await expect.poll(() => readdirSync(directory)).toEqual([]);
};

describe("the state file of a process", () => {
  it("names the process, its socket, and each lease, for its owner alone to read", async () => {
    const { directory, mutex } = setup();
    const { leaseId } = await mutex.acquire("by hand", 15);
    const [socket = "", file = ""] = readdirSync(directory).sort();
    const text = readFileSync(join(directory, file), "utf8");
    expect(ownerIn(text)).toEqual({
      version: 1,
      process: here(),
      socket: { name: socket, inode: expect.stringMatching(/^\d+$/) },
    });
    expect(text.split("\n").slice(1)).toEqual([`["${leaseId}","by hand"]`, ""]);
    expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, socket)).isSocket()).toBe(true);
  });

  it("has each lease before the service is asked for it, of every kind", async () => {
    const missing: string[] = [];
    const { directory, mutex } = setup((place, store) => ({
      acquire: (...call: Parameters<MemoryLeaseStore["acquire"]>) => {
        if (!textsIn(place).includes(call[1])) missing.push(call[0]);
        return store.acquire(...call);
      },
    }));
    const fair = mutex.locker("fair", { fair: true });
    const first = await fair.lock();
    const second = fair.lock();
    await mutex.locker("lock").lock();
    await mutex.acquire("by hand", "infinite");
    await new Semaphore(mutex, "pool", { permits: 2 }).lock();
    await new ReaderWriterLock(mutex, "table").read.lock();
    await first.release();
    await second;
    expect(missing).toEqual([]);
    expect(blobsIn(textsIn(directory))).toEqual(expect.arrayContaining(["lock", "by hand", "fair"]));
  });

  it("is shared by what is acquired at once", async () => {
    const { directory, mutex } = setup();
    const keys = Array.from({ length: 50 }, (_, n) => `job ${n}`);
    await Promise.all(keys.map((key) => mutex.locker(key).lock()));
    expect(blobsIn(textsIn(directory))).toEqual(keys.sort());
  });

  it("takes back what was released, and stays small", async () => {
    const { directory, mutex } = setup();
    await mutex.locker("kept").lock();
    const locker = mutex.locker("job", { fencing: false });
    for (let round = 0; round < 2_000; round += 1) await locker.run(() => undefined);
    await mutex.locker("last").lock();
    const text = textsIn(directory);
    expect(blobsIn(text)).toEqual(["kept", "last"]);
    expect(text.split("\n").length).toBeLessThan(1_100);
  });

  it("goes with its socket when nothing stands any more, and comes again", async () => {
    const { directory, mutex } = setup();
    for (let round = 0; round < 3; round += 1) {
      await mutex.locker("job").run(() => expect(blobsIn(textsIn(directory))).toEqual(["job"]));
      await isEmpty(directory);
    }
  });

  it("goes when a wait was given up", async () => {
    const { directory, mutex } = setup();
    const lock = await mutex.acquire("job", 15);
    await expect(mutex.locker("job").lock({ timeoutMs: 50 })).rejects.toThrow("within 50 ms");
    await lock.release();
    await isEmpty(directory);
  });

  it("is of each mutex: two of a process do not take each other for dead", async () => {
    const { directory, mutex } = setup();
    await mutex.locker("job").lock();
    const other = closedWithTest(new AzureMutex({ store: new MemoryLeaseStore(), stateDirectory: directory }));
    await other.locker("job").lock();
    expect(readdirSync(directory)).toHaveLength(4);
  });
});

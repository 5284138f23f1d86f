import { describe, expect, it } from "vitest";
import { takeAll } from "../../../lab/shared/take-all.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { BreakAnswer, CreateAnswer, Metadata } from "../../../src/store/lease-store.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";
import { World } from "../../support/world.ts";

/** Another program deletes each blob as soon as it is there. */
class Deleting extends MemoryLeaseStore {
  creations = 0;

  override async create(key: string, metadata: Metadata): Promise<CreateAnswer> {
    this.creations += 1;
    const answer = await super.create(key, metadata);
    await this.remove(key);
    return answer;
  }
}

/** Another program writes each blob between the look at it and the break. */
class Rewriting extends MemoryLeaseStore {
  override break(): Promise<BreakAnswer> {
    return Promise.resolve({ kind: "unmet" });
  }
}

describe("a blob that others fight over", () => {
  it("and that vanishes whenever it was made is given up after a few of them", async () => {
    const world = new World();
    const store = new Deleting({ clock: world.clock, containerExists: true });
    const mutex = new AzureMutex({ store, clock: world.clock, random: () => 0.5 });
    await expect(world.until(mutex.acquire("job", 15))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      answered: true,
      message: expect.stringContaining("vanishes as often as it is created"),
    });
    expect(store.creations).toBe(3 * 4);
  });

  it("and that is written whenever it was looked at is not broken, and says so", async () => {
    const world = new World();
    const store = new Rewriting({ clock: world.clock, containerExists: true });
    const mutex = new AzureMutex({ store, clock: world.clock });
    await world.until(mutex.acquire("job", 15));
    await expect(world.until(mutex.break("job"))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      answered: true,
      message: expect.stringContaining("it is written again whenever it is looked at"),
    });
    expect((await world.until(mutex.inspect("job"))).isHeld).toBe(true);
  });
});

describe("a look that is answered in part", () => {
  it("is no answer: who waits is not left out because the listing failed", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.until(mutex.acquire("job", 15));
    store.failBefore("list");
    await expect(world.until(mutex.inspect("job"))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

describe("several locks, of which one is lost by the clock while the last is waited for", () => {
  it("are all taken anew", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    await world.stranger("b");
    const taking = world.until(
      takeAll(mutex, ["a", "b"], { timeoutMs: 90_000, leaseSeconds: 15, tryTimeoutMs: 1_000 }),
    );
    await Promise.resolve();
    const renewals = store.hang("renew");
    const locks = await taking;
    expect([locks.isHeld, [...locks.locks.keys()]]).toEqual([true, ["a", "b"]]);
    expect(store.calls.filter(({ operation, key }) => operation === "acquire" && key === "a").length).toBeGreaterThan(
      1,
    );
    renewals.heal();
    await world.until(locks.release());
  });
});

import { describe, expect, it } from "vitest";
import { LockSpace } from "../../../src/locks/lock-space.ts";
import { Locker } from "../../../src/locks/locker.ts";
import type { CreateAnswer, Metadata } from "../../../src/store/lease-store.ts";
import { FakeClock, MemoryLeaseStore } from "../../../src/testing/index.ts";
import { World } from "../../support/world.ts";

describe("what a process knows of its keys", () => {
  it("is kept for the 10,000 keys used last, and for those in use", () => {
    const space = new LockSpace({ store: new MemoryLeaseStore() });
    const inUse = space.keyState({ key: "in use" });
    inUse.queue.tryEnter();
    const idle = space.keyState({ key: "idle" });
    const recent = space.keyState({ key: "recent" });
    for (let n = 0; n < 9_999; n += 1) {
      space.keyState({ key: `key ${n}` });
      if (n % 1_000 === 0) space.keyState({ key: "recent" });
    }
    expect(space.keyState({ key: "in use" })).toBe(inUse);
    expect(space.keyState({ key: "recent" })).toBe(recent);
    expect(space.keyState({ key: "idle" })).not.toBe(idle);
  });

  it("is not lost by a log that throws", async () => {
    const world = new World();
    const { mutex, store } = world.process({
      log: () => {
        throw new Error("the disk is full");
      },
    });
    store.failBefore("acquire", { times: 1 });
    expect((await world.until(mutex.locker("job").lock())).isHeld).toBe(true);
  });

  it("is said to the log while a wait meets failures", async () => {
    const world = new World();
    const { mutex, store } = world.process();
    store.failBefore("acquire", { times: 2, answered: true });
    await world.until(mutex.locker("job").lock());
    expect(world.log.filter((line) => line.startsWith('waiting for "job": '))).toHaveLength(2);
  });
});

describe("a blob that vanishes as often as it is created", () => {
  class Vanishing extends MemoryLeaseStore {
    override async create(key: string, metadata: Metadata): Promise<CreateAnswer> {
      const answer = await super.create(key, metadata);
      await this.remove(key);
      return answer;
    }
  }

  it("is StoreUnavailableError for tryLock, and not an endless loop", async () => {
    const clock = new FakeClock();
    const trying = new Locker({ store: new Vanishing({ clock }), clock }, "job").tryLock();
    const caught = expect(trying).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("vanishes"),
    });
    await clock.advance(5_000);
    await caught;
  });
});

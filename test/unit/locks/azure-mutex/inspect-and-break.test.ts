import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../../src/errors.ts";
import { setup } from "./setup.ts";

describe("inspect and list", () => {
  it("tell of a lock that was never taken that it is missing", async () => {
    const { mutex } = setup();
    expect(await mutex.inspect("job")).toEqual({
      key: "job",
      isHeld: false,
      state: "missing",
      infinite: false,
      waiting: [],
    });
  });

  it("show the lease's state without a record, for a holder that leaves none", async () => {
    const { mutex, there } = setup();
    await there.acquire("job", "infinite");
    expect(await mutex.inspect("job")).toEqual({
      key: "job",
      isHeld: true,
      state: "leased",
      infinite: true,
      waiting: [],
    });
  });

  it("list what is leased or bears a record, and nothing else of the container", async () => {
    const { world, mutex, there } = setup();
    await world.until(there.locker("b/1", { holder: "x" }).lock());
    await there.acquire("b/2", 15);
    await there.acquire("a", 15);
    await world.memory.putBlob("b/data", { content: "not a lock" });
    const stray = `.azmutex/${"0".repeat(64)}/queue/1`;
    await world.memory.create(stray, {});
    await world.memory.acquire(stray, world.newId(), 60);
    const keys = async (prefix?: string) => {
      const found: string[] = [];
      for await (const { key } of mutex.list(prefix === undefined ? {} : { prefix })) found.push(key);
      return found;
    };
    expect(await keys()).toEqual(["a", "b/1", "b/2"]);
    expect(await keys("b/")).toEqual(["b/1", "b/2"]);
    expect(await keys("c")).toEqual([]);
  });

  it("say that there is no container, without a request more", async () => {
    const { world, mutex, store, there } = setup();
    await world.memory.deleteContainer();
    const isContainerMissing = async () => {
      let isMissing = false;
      const onNoContainer = () => {
        isMissing = true;
      };
      for await (const { key } of mutex.list({ onNoContainer })) expect(key).toBe("other");
      return isMissing;
    };
    expect(await isContainerMissing()).toBe(true);
    expect(await mutex.inspect("job")).toMatchObject({ state: "missing", isContainerMissing: true });
    expect(store.count()).toBe(3);
    const nothing = { outcome: "notHeld", isContainerMissing: true };
    expect([await mutex.break("job"), await mutex.break("job", { reader: "web-1" })]).toEqual([nothing, nothing]);
    expect(store.count()).toBe(5);
    await there.acquire("other", 15);
    expect(await isContainerMissing()).toBe(false);
    expect(await mutex.inspect("job")).not.toHaveProperty("isContainerMissing");
    expect(await mutex.break("job", { reader: "web-1" })).toEqual({ outcome: "notHeld" });
  });

  it("ask for a listing again that brought no answer", async () => {
    const { world, mutex, store, there } = setup();
    await there.acquire("a", 15);
    store.failBefore("list", { times: 2 });
    const found = async () => {
      const keys: string[] = [];
      for await (const { key } of mutex.list()) keys.push(key);
      return keys;
    };
    expect(await world.until(found())).toEqual(["a"]);
    expect(store.count("list")).toBe(3);
  });

  it("give up a listing that hangs, or that the caller is done with", async () => {
    const { world, mutex, store } = setup();
    store.hang("list");
    const read = async (signal?: AbortSignal) => {
      for await (const _ of mutex.list(signal ? { signal } : {})) return;
    };
    await expect(world.until(read())).rejects.toBeInstanceOf(StoreUnavailableError);
    const stop = new AbortController();
    const rejected = expect(read(stop.signal)).rejects.toBe("enough");
    stop.abort("enough");
    await rejected;
    expect(() => mutex.list({ prefix: "a\\b" })).toThrow(/^prefix must be/);
  });
});

describe("break", () => {
  it("lets the rest of the lease run out by default, so that the holder stops in time", async () => {
    const { world, clock, mutex, there } = setup();
    const lock = await world.until(there.locker("job", { holder: "batch" }).lock());
    await clock.advance(5_000);
    expect(await mutex.break("job")).toMatchObject({ outcome: "broken", freeInSeconds: 25, holder: { name: "batch" } });
    const waiting = mutex.locker("job").lock();
    await clock.advance(5_000);
    expect(lock.signal.reason).toMatchObject({ why: "broken" });
    expect((await world.until(waiting, 25_000)).isHeld).toBe(true);
  });

  it("frees the lock at once with a period of 0", async () => {
    const { mutex, there } = setup();
    await there.acquire("job", 60);
    expect(await mutex.break("job", { periodSeconds: 0 })).toEqual({ outcome: "broken", freeInSeconds: 0 });
    await mutex.acquire("job", 15);
  });

  it("says that it is not held", async () => {
    const { mutex } = setup();
    expect(await mutex.break("job")).toEqual({ outcome: "notHeld" });
    await mutex.acquire("job", 15);
    await mutex.release("job");
    expect(await mutex.break("job")).toEqual({ outcome: "notHeld" });
  });

  it("leaves alone a holder that was not meant", async () => {
    const { world, mutex, there } = setup();
    const lock = await world.until(there.locker("job", { holder: "api" }).lock());
    expect(await mutex.break("job", { ifHolder: "batch" })).toMatchObject({
      outcome: "heldByAnother",
      holder: { name: "api" },
    });
    await there.acquire("plain", 15);
    expect(await mutex.break("plain", { ifHolder: "batch" })).toEqual({ outcome: "heldByAnother" });
    expect(lock.isHeld).toBe(true);
  });

  it("does not take the record of an earlier holder for the holder of an infinite lease", async () => {
    const { world, mutex, there } = setup();
    await (await world.until(there.locker("job", { holder: "api" }).lock())).release();
    await there.acquire("job", "infinite");
    expect(await mutex.break("job", { ifHolder: "api" })).toEqual({ outcome: "heldByAnother" });
    expect(await mutex.break("job")).toEqual({ outcome: "broken", freeInSeconds: 0 });
  });

  it("leaves alone a holder that came between the look and the break", async () => {
    const { world, mutex, store, there } = setup();
    const batch = await world.until(there.locker("job", { holder: "batch" }).lock());
    store.delay("break", 100, { times: 1 });
    const breaking = mutex.break("job", { ifHolder: "batch" });
    await world.clock.settle();
    await batch.release();
    const api = await world.until(world.process().mutex.locker("job", { holder: "api" }).lock(), 80);
    expect(await world.until(breaking)).toMatchObject({ outcome: "heldByAnother", holder: { name: "api" } });
    expect(api.isHeld).toBe(true);
  });

  it.each([-1, 61, 1.5, Number.NaN])("refuses a period of %j s and changes nothing", async (periodSeconds) => {
    const { mutex, store } = setup();
    await expect(mutex.break("job", { periodSeconds })).rejects.toThrow(
      /^periodSeconds must be a whole number from 0 to 60, not/,
    );
    expect(store.count()).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { LEASE_MS, operations, setup } from "./setup.ts";

/** A semaphore of a thousand permits, in use, of which one is free; another process held that one last. */
async function busyThousand() {
  const { world, here, there, ...rest } = setup({ permits: 1_000 });
  const first = await world.until(here.semaphore.acquire());
  const [folder] = /^.*\//.exec(
    here.store.calls.find(({ key }) => key?.startsWith(".azmutex/"))?.key as string,
  ) as RegExpExecArray;
  const found = await world.memory.read(`${folder}000`);
  const { azmutex_semaphore } = found.kind === "found" ? found.blob.metadata : {};
  for (let slot = 1; slot < 1_000; slot += 1) {
    const name = `${folder}${String(slot).padStart(3, "0")}`;
    await world.memory.create(name, { azmutex_semaphore: azmutex_semaphore as string });
    if (slot !== 777) await world.memory.acquire(name, world.newId(), 60);
  }
  await world.clock.advance(3_000);
  await world.until((await world.until(there.semaphore.acquire())).release());
  here.store.forgetCalls();
  return { world, here, there, first, ...rest };
}

describe("requests of a semaphore", () => {
  it("are 6 to acquire the first permit ever, and 1 to give it back", async () => {
    const { world, here } = setup({ permits: 3 });
    const permit = await world.until(here.semaphore.acquire());
    expect(operations(here.store)).toEqual(["list", "create", "acquire", "create", "acquire", "list"]);
    here.store.forgetCalls();
    await world.until(permit.release());
    expect(operations(here.store)).toEqual(["release"]);
  });

  it("are 4 to acquire a permit that was never used, when another was", async () => {
    const { world, here } = setup({ permits: 3 });
    await world.until(here.semaphore.acquire());
    here.store.forgetCalls();
    await world.until(here.semaphore.acquire());
    expect(operations(here.store)).toEqual(["list", "acquire", "create", "acquire"]);
  });

  it("are 2 to acquire a permit that this process held last, and 4 if another did", async () => {
    const { world, clock, here, there } = setup({ permits: 1 });
    for (const [holder, expected] of [
      [here, undefined],
      [here, ["list", "acquire"]],
      [there, ["list", "acquire", "read", "writeMetadata"]],
      [here, ["list", "acquire", "read", "writeMetadata"]],
    ] as const) {
      holder.store.forgetCalls();
      const permit = await world.until(holder.semaphore.acquire());
      if (expected) expect(operations(holder.store)).toEqual(expected);
      await world.until(permit.release());
      await clock.advance(3_000);
    }
  });

  it("are 2 to acquire and 1 to give back without fencing, also after another holder", async () => {
    const { world, here, there } = setup({ permits: 1, fencing: false });
    const theirs = await world.until(there.semaphore.acquire());
    expect(theirs.fencingToken).toBeUndefined();
    await world.until(theirs.release());
    const ours = await world.until(here.semaphore.tryAcquire());
    await world.until(ours?.release() ?? expect.fail("no permit"));
    expect(operations(here.store)).toEqual(["list", "acquire", "release"]);
  });

  it("are at most 4 for tryAcquire with 1,000 permits of which one is free, and 1 when none is", async () => {
    const { world, here } = await busyThousand();
    const permit = await world.until(here.semaphore.tryAcquire());
    expect(permit?.slot).toBe(777);
    expect(operations(here.store)).toEqual(["list", "acquire", "read", "writeMetadata"]);
    here.store.forgetCalls();
    expect(await world.until(here.semaphore.tryAcquire())).toBeUndefined();
    expect(operations(here.store)).toEqual(["list"]);
  });

  it("are 1 for each poll, however many tasks of the process wait", async () => {
    const polls = async (tasks: number): Promise<number> => {
      const { world, clock, acquireAll, here, there } = setup({ permits: 2 });
      await acquireAll(there.semaphore, 2);
      for (let n = 0; n < tasks; n += 1) here.semaphore.acquire({ timeoutMs: 60_000 }).catch(() => undefined);
      await clock.advance(10_000);
      expect(new Set(operations(here.store))).toEqual(new Set(["list"]));
      expect(await world.leaseState("jobs")).toBe("available");
      return here.store.count();
    };
    expect(await polls(10)).toBe(await polls(1));
  });

  it("are 1 to learn how many are free", async () => {
    const { world, clock, release, acquireAll, here, there } = setup({ permits: 3 });
    const available = async (): Promise<number> => {
      there.store.forgetCalls();
      const free = await world.until(there.semaphore.available());
      expect(operations(there.store)).toEqual(["list"]);
      return free;
    };
    expect(await available()).toBe(3);
    const permits = await acquireAll(here.semaphore, 2);
    expect(await available()).toBe(1);
    await release(permits.slice(1));
    expect(await available()).toBe(2);
    here.store.hang("all");
    await clock.advance(LEASE_MS);
    expect(await available()).toBe(3);
  });
});

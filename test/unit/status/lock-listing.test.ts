import { describe, expect, it } from "vitest";
import { helpersOf } from "../../../src/blobs/helper-folder.ts";
import { slotMetadata, slotName } from "../../../src/blobs/permit-slot.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import { listedStatuses } from "../../../src/status/lock-listing.ts";
import type { LockStatus } from "../../../src/status/lock-status.ts";
import type { LeaseStore } from "../../../src/store/lease-store.ts";
import { names, setup } from "./setup.ts";

describe("list", () => {
  it("shows semaphores and readers whose keys have no blob, in key order with the others, in one request", async () => {
    const { world, permit, read, list, forget, operations } = setup();
    await world.until((await world.until(world.process().mutex.locker("b", { fencing: false }).lock())).release());
    await world.until(world.process().mutex.locker("e").lock());
    await permit("c", { holder: "p" });
    await read("a", { holder: "r" });
    await permit("f");
    await read("b", { holder: "q" });
    await read("z");
    for (const key of ["a", "c", "f", "z"]) await forget(key);
    const all = await list();
    expect(operations()).toEqual(["list"]);
    expect(all.map(({ key, state }) => `${key} ${state}`)).toEqual([
      "a missing",
      "b available",
      "c missing",
      "e leased",
      "f missing",
      "z missing",
    ]);
    const [a, b, c, e] = all;
    expect([names(a?.readers), names(b?.readers), names(c?.semaphore?.held)]).toEqual([["r"], ["q"], ["p"]]);
    expect(a).toMatchObject({ isHeld: false, infinite: false, waiting: [] });
    expect(e).not.toHaveProperty("semaphore");
    expect(e).not.toHaveProperty("readers");
  });

  /** Those that sort before the helper blobs, `.azmutex/…`, and behind them. */
  const AROUND = ["!", "$/a", "-", "-b", ".a", ".azmutey", ".b", "0", "z", "\u00e9", "\u{1F600}", "\uff21"];

  it.each([
    ["", 1],
    [".", 1],
    [".azmutex/", 1],
    [".b", 2],
    ["z", 2],
  ])("answers of %j as two listings would, in %i", async (prefix, requests) => {
    const { world, permit, list, lease, forget, operations } = setup();
    for (const [index, key] of AROUND.entries()) {
      if (index % 3 !== 1) await permit(key, { holder: `p${index}` });
      if (index % 3 !== 1) await forget(key);
      if (index % 3 !== 0)
        await world.until(
          world
            .process()
            .mutex.locker(key, { holder: `l${index}` })
            .lock(),
        );
    }
    await lease(slotName(helpersOf("not stated"), 0), { azmutex_semaphore: '{"permits":4}' });
    const { memory } = world;
    const apart = { helpers: memory.list(".azmutex/"), locks: memory.list(prefix), prefix };
    const expected: LockStatus[] = [];
    for await (const status of listedStatuses(apart)) expected.push(status);
    expect(await list(prefix)).toEqual(expected);
    expect(operations()).toHaveLength(requests);
    if (prefix === "") expect(expected.map(({ key }) => key)).toEqual(expect.arrayContaining(AROUND));
  });

  it("has done with the service when the caller has seen enough, or never looked", async () => {
    const { world } = setup();
    for (const key of ["-", "a", "b"]) await world.until(world.process().mutex.locker(key).lock());
    const asked: AbortSignal[] = [];
    const store: Pick<LeaseStore, "list"> = {
      list(prefix, { signal } = {}) {
        if (signal) asked.push(signal);
        return world.memory.list(prefix, { signal });
      },
    };
    const mutex = new AzureMutex({ store: store as LeaseStore, clock: world.clock });
    mutex.list();
    for (const enough of ["-", "a", "b"]) {
      for await (const { key } of mutex.list()) if (key === enough) break;
    }
    expect(asked.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  it("keeps to the prefix", async () => {
    const { world, permit, read, list } = setup();
    await world.until(world.process().mutex.locker("a/lock").lock());
    for (const key of ["a/semaphore", "b/semaphore"]) await permit(key);
    for (const key of ["a/index", "b/index"]) await read(key);
    expect((await list("a/")).map(({ key }) => key)).toEqual(["a/index", "a/lock", "a/semaphore"]);
    await world.until(world.process().mutex.locker("b/lock").lock());
    expect((await list("b/")).map(({ key }) => key)).toEqual(["b/index", "b/lock", "b/semaphore"]);
    expect((await list("a/s")).map(({ key }) => key)).toEqual(["a/semaphore"]);
    expect(await list("c")).toEqual([]);
  });

  it("shows a semaphore without a holder, and no reader that has done", async () => {
    const { world, permit, read, list } = setup();
    await world.until((await permit("jobs")).release());
    await world.until((await read("index")).release());
    expect(await list()).toEqual([
      {
        ...{ key: "jobs", isHeld: false, state: "available", infinite: false, kind: "semaphore", waiting: [] },
        semaphore: { permits: 3, held: [] },
      },
    ]);
  });

  it("shows a blob that is no lock by itself where a permit of its name is held", async () => {
    const { world, permit, list } = setup();
    await world.memory.putBlob("jobs", { content: "not a lock" });
    await world.memory.putBlob("other", { content: "not a lock" });
    await permit("jobs");
    expect(await list()).toMatchObject([
      { key: "jobs", state: "available", isHeld: false, semaphore: { held: [{ slot: 0 }] } },
    ]);
  });

  it("knows the longest keys there can be by heart", async () => {
    const { permit, read, list, forget } = setup();
    const longest = ["x", "\u00e9", "\u6f22", "\u{1F680}"].map((letter) => letter.repeat(1_024 / letter.length));
    for (const key of longest) {
      await permit(key, { holder: "\u6f22".repeat(256), purpose: "\u6f22".repeat(1_024) });
      await forget(key);
      await read(key, { holder: "\u6f22".repeat(256) });
    }
    const all = await list();
    expect(new Set(all.map(({ key }) => key))).toEqual(new Set(longest));
    for (const { semaphore, readers } of all)
      expect([names(semaphore?.held), names(readers)]).toEqual(Array(2).fill(["\u6f22".repeat(256)]));
  });

  it("believes no key that does not make the folder's name, and hides no holder for that", async () => {
    const { permit, list, lease } = setup();
    await permit("real", { holder: "a" });
    const folder = helpersOf("victim");
    await lease(slotName(folder, 0), slotMetadata("real", 2));
    const posing = helpersOf("a/../b");
    await lease(slotName(posing, 0), slotMetadata("a/../b", 2));
    const reserved = `.azmutex/${"0".repeat(64)}`;
    await lease(slotName(`${reserved}/`, 0), slotMetadata(`${reserved}/x`, 2));
    const all = await list();
    expect(all[0]).toMatchObject({ key: "real", semaphore: { permits: 3, held: [{ holder: { name: "a" } }] } });
    expect(all.slice(1).map(({ key }) => key)).toEqual([folder, posing, `${reserved}/`].sort());
    for (const { semaphore } of all.slice(1))
      expect(semaphore).toEqual({ permits: 2, held: [{ slot: 0, state: "leased" }] });
    expect((await list("r")).map(({ key }) => key)).toEqual(["real"]);
  });

  it("takes what does not say its key for the lock's that has the folder's name", async () => {
    const { world, list, lease } = setup();
    await world.until(world.process().mutex.locker("job").lock());
    await lease(slotName(helpersOf("job"), 1), { azmutex_semaphore: '{"permits":4}' });
    const all = await list("j");
    expect(all).toMatchObject([{ key: "job", isHeld: true, semaphore: { permits: 4, held: [{ slot: 1 }] } }]);
  });

  it("lists no key as missing whose blob is yet to come, sorted by UTF-16 or by code points", async () => {
    const astral = "\u{1F600}";
    const wide = "\uff21";
    const { world, permit, onlooker } = setup();
    for (const key of [astral, wide]) {
      await permit(key);
      await world.until(onlooker.mutex.locker(key, { fencing: false }).lock());
    }
    const { memory } = world;
    for (const order of [
      [astral, wide],
      [wide, astral],
    ]) {
      const locks = async function* () {
        for (const key of order) yield* memory.list(key);
      };
      const found: string[] = [];
      for await (const { key, state } of listedStatuses({
        helpers: memory.list(".azmutex/"),
        locks: locks(),
        prefix: "",
      }))
        found.push(`${key} ${state}`);
      expect(found).toEqual(order.map((key) => `${key} leased`));
    }
  });
});

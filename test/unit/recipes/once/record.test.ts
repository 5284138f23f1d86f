import { describe, expect, it } from "vitest";
import { onceMetadata } from "../../../../src/blobs/once-record.ts";
import type { Slot } from "../../../../src/blobs/once-slot.ts";
import { AzureMutex } from "../../../../src/locks/azure-mutex.ts";
import { Once } from "../../../../src/recipes/once/once.ts";
import { FakeClock } from "../../../../src/testing/fake-clock.ts";
import { MemoryLeaseStore } from "../../../../src/testing/memory/memory-lease-store.ts";
import type { Clock } from "../../../../src/time/clock.ts";
import { BEGINNING, KEY, operations, outcomeOf, RECORD, setup } from "./setup.ts";

describe("a slot that cannot be", () => {
  it.each([
    [Number.NaN, "slot must be a safe integer, not NaN"],
    [1.5, "slot must be a safe integer, not 1.5"],
    [Number.POSITIVE_INFINITY, "slot must be a safe integer, not Infinity"],
    ["", 'slot must be 1 to 64 printable ASCII characters, not ""'],
    ["\u00e9", "slot must be 1 to 64 printable ASCII characters"],
    ["x".repeat(65), "slot must be 1 to 64 printable ASCII characters, not a string of 65 characters"],
    [new Date(Number.NaN), "slot must be a date, not an invalid one"],
    [undefined, "slot must be a Date, a number or a string, not undefined"],
    [{}, "slot must be a Date, a number or a string, not an object"],
  ])("is refused before any request: %s", async (slot, message) => {
    const { here } = setup();
    await expect(here.once.run(slot as Slot, () => 0)).rejects.toThrow(message);
    expect(here.store.calls).toEqual([]);
  });

  it("is refused if it is of another kind than those before", async () => {
    const { world, here, there } = setup();
    await here.done(7);
    for (const slot of ["7", new Date(BEGINNING)]) {
      await expect(world.until(there.run(slot))).rejects.toMatchObject({
        code: "ONCE_SLOT",
        key: KEY,
        message: expect.stringContaining("the slots of this key are numbers"),
      });
    }
    expect(there.log).toEqual([]);
  });

  it("is refused if it is more than a minute ahead of the service's clock", async () => {
    const { world, here } = setup();
    await expect(world.until(here.run(new Date(BEGINNING + 60_001)))).rejects.toMatchObject({
      code: "ONCE_SLOT",
      message: expect.stringContaining("more than a minute ahead of the service's clock, which is 2026-01-01T00:00:00"),
    });
    expect(operations(here.store)).toEqual(["read"]);
  });

  it("is waited for until it has come by the service's clock", async () => {
    const { world, here, there, clock } = setup();
    const early = here.run(new Date(BEGINNING + 60_000));
    const onTime = there.run(new Date(BEGINNING + 20_000));
    await clock.advance(19_000);
    expect([...here.log, ...there.log]).toEqual([]);
    expect(outcomeOf(await world.until(onTime))).toBe("ran");
    expect(await world.until(early)).toMatchObject({
      outcome: "ran",
      record: { startedAt: new Date(BEGINNING + 60_000) },
    });
    const late = new Date(BEGINNING + 90_000);
    const both = [here.run(late), there.run(late)];
    expect((await world.until(Promise.all(both))).map(outcomeOf).sort()).toEqual(["ran", "running"]);
    const stop = new AbortController();
    const stopped = here.once.run(new Date(BEGINNING + 120_000), () => 0, { signal: stop.signal });
    stopped.catch(() => undefined);
    await clock.advance(1_000);
    stop.abort("enough");
    await expect(stopped).rejects.toBe("enough");
  });

  it("does not begin early though the clock of the process gains while it waits", async () => {
    const clock = new FakeClock();
    const fast: Clock = {
      now: () => clock.now() * 1.02,
      uptime: () => clock.uptime() * 1.02,
      setTimer: (ms, callback) => clock.setTimer(ms / 1.02, callback),
      nextTurn: (callback) => clock.nextTurn(callback),
    };
    const store = new MemoryLeaseStore({ clock, startsAt: BEGINNING });
    const once = new Once(new AzureMutex({ store, clock: fast }), KEY);
    const startedAt = clock.now();
    const begun: number[] = [];
    const running = once.run(new Date(BEGINNING + 50_000), () => void begun.push(clock.now() - startedAt));
    await clock.advance(60_000);
    expect(outcomeOf(await running)).toBe("ran");
    expect(begun[0]).toBeGreaterThanOrEqual(50_000);
  });

  it("may be made of the service's time", async () => {
    const { world, here } = setup();
    const ran = await world.until(
      here.once.run(
        (now) => now.toISOString().slice(0, 10),
        () => "done",
      ),
    );
    expect(ran).toMatchObject({ outcome: "ran", record: { slot: "2026-01-01" } });
    await expect(
      world.until(
        here.once.run(
          () => Number.NaN,
          () => 0,
        ),
      ),
    ).rejects.toThrow("slot must be a safe integer");
  });
});

describe("a record that cannot be read", () => {
  it.each([
    ["no record", {}, "the blob bears no record"],
    ["no JSON", { azmutex_once: "yesterday" }, "it is no JSON object"],
    ["a newer version", { azmutex_once: '{"v":2,"slot":3}' }, "it is of version 2, and this one reads 1"],
    ["a stranger's", { azmutex_once: '{"v":1,"slot":3}' }, "another program has written it"],
  ])("is an error that names it, and nothing runs: %s", async (_, metadata, problem) => {
    const { world, here, rewrite } = setup();
    await rewrite(metadata as Record<string, string>);
    const error = { code: "ONCE_RECORD", key: KEY, message: expect.stringContaining(problem) };
    await expect(world.until(here.run(4))).rejects.toMatchObject(error);
    await expect(world.until(here.once.last())).rejects.toMatchObject(error);
    expect(here.log).toEqual([]);
    await world.until(here.once.forget());
    expect(outcomeOf(await here.done(4))).toBe("ran");
  });

  it("is an error if it is of another key, or leased by another program", async () => {
    const { world, here, there, rewrite } = setup();
    const record = { slot: 1, state: "done", attempt: 1, by: "x", token: 1, startedAt: new Date(0) } as const;
    await rewrite({ ...onceMetadata("other", record) });
    await expect(world.until(here.run(2))).rejects.toThrow("it is of another key");
    await rewrite({ ...onceMetadata(KEY, record) });
    await world.memory.acquire(RECORD, world.newId(), 60);
    await expect(world.until(there.run(2))).rejects.toThrow("another program has leased its blob (412 LeaseIdMissing)");
  });
});

describe("forgetting", () => {
  it("waits for the lock, and lets every slot run again", async () => {
    const { world, here, there, clock } = setup();
    const running = here.run(1, 2_000);
    await clock.advance(500);
    await expect(world.until(there.once.forget({ timeoutMs: 0 }))).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
    await world.until(there.once.forget());
    expect(outcomeOf(await world.until(running))).toBe("ran");
    expect(await world.until(here.once.last())).toBeUndefined();
    expect(await here.done(1)).toMatchObject({ outcome: "ran", record: { attempt: 1 } });
    await world.until(here.once.forget());
    await world.until(here.once.forget());
  });
});

import { describe, expect, it } from "vitest";
import { onceMetadata } from "../../../../src/blobs/once-record.ts";
import type { Slot } from "../../../../src/blobs/once-slot.ts";
import { Once } from "../../../../src/recipes/once/once.ts";
import type { OnceOptions } from "../../../../src/recipes/once/once-options.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { BEGINNING, KEY, operations, outcomeOf, RECORD, setup } from "./setup.ts";

describe("a slot", () => {
  it("runs once, however many processes ask, and the record says so to each", async () => {
    const { here, there } = setup();
    expect(await here.done(1)).toMatchObject({
      outcome: "ran",
      value: "done",
      record: { slot: 1, state: "done", attempt: 1, lastDone: 1 },
    });
    const late = await there.done(1);
    expect(late).toMatchObject({ outcome: "alreadyDone", record: { slot: 1, state: "done" } });
    expect(there.log).toEqual([]);
    expect(await there.once.last()).toEqual(late.record);
    expect(outcomeOf(await there.done(2))).toBe("ran");
    expect(outcomeOf(await here.done(1))).toBe("alreadyDone");
  });

  it("is given its lock and its attempt", async () => {
    const { world, here } = setup();
    const seen = await world.until(
      here.once.run("2026-11-30", (lock, attempt) => [lock.fencingToken, lock.isHeld, lock.key, attempt]),
    );
    expect(seen).toMatchObject({
      value: [expect.any(Number), true, KEY, { slot: "2026-11-30", attempt: 1 }],
      record: { token: (seen as { value: unknown[] }).value[0], by: expect.stringMatching(/:\d+$/) },
    });
  });

  it("is skipped while another runs, and waits for its turn if that is wanted", async () => {
    const { world, process, here, there } = setup();
    const patient = process({ whileRunning: "wait" });
    const running = here.run(1, 5_000);
    await world.clock.advance(1_000);
    expect(await there.done(1)).toMatchObject({ outcome: "running", record: { slot: 1, state: "started" } });
    expect(await there.done(2)).toMatchObject({ outcome: "running", record: { slot: 1 } });
    const waits = [patient.run(1), patient.run(2)];
    expect(await world.until(running)).toMatchObject({ outcome: "ran" });
    expect((await world.until(Promise.all(waits))).map(outcomeOf)).toEqual(["alreadyDone", "ran"]);
    await expect(
      world.until(Promise.all([here.run(3, 5_000), patient.once.run(3, () => 0, { timeoutMs: 1_000 })])),
    ).rejects.toMatchObject({ code: "LOCK_TIMEOUT" });
  });

  it.each<[string, Slot, Slot]>([
    ["dates", new Date(BEGINNING - 60_000), new Date(BEGINNING)],
    ["numbers", -3, 4],
    ["strings", "2026-11-30", "2026-12-01"],
  ])("is passed once a later one was begun: %s", async (_, earlier, later) => {
    const { world, here, there, clock } = setup();
    void here.run(later, 1_000_000).catch(() => undefined);
    await clock.advance(1_000);
    expect(await there.done(earlier)).toMatchObject({ outcome: "passed", record: { slot: later } });
    here.store.hang("all");
    await clock.advance(40_000);
    expect(await there.done(later)).toMatchObject({ outcome: "ran", record: { attempt: 2 } });
    expect(outcomeOf(await there.done(earlier))).toBe("alreadyDone");
    expect(await world.until(there.once.last())).toMatchObject({ slot: later, lastDone: later });
  });

  it("costs a late caller 1 request, one beside a runner 2, and the runner 3 more than its lock", async () => {
    const { world, here, there, clock } = setup();
    await here.done(1);
    await clock.advance(3_000);
    here.store.forgetCalls();
    const running = here.run(2, 1_000);
    await clock.advance(500);
    await there.done(2);
    expect(operations(there.store)).toEqual(["read", "acquire"]);
    await world.until(running);
    there.store.forgetCalls();
    await there.done(2);
    expect(operations(there.store)).toEqual(["read"]);
    expect(operations(here.store)).toEqual(["read", "acquire", "writeMetadata", "writeMetadata", "release"]);
    there.store.forgetCalls();
    await there.done(3);
    expect(operations(there.store)).toEqual([
      ...["read", "acquire", "read", "writeMetadata"],
      ...["writeMetadata", "writeMetadata", "release"],
    ]);
  });

  it("runs in a container that is not there yet", async () => {
    const { world, here } = setup();
    await world.memory.deleteContainer();
    expect(outcomeOf(await here.done(1))).toBe("ran");
  });

  it("has a record that a Go peer's overwriting of the key does not touch", async () => {
    const { world, here, there } = setup();
    await here.done(1);
    await world.memory.putBlob(KEY);
    expect(outcomeOf(await there.done(1))).toBe("alreadyDone");
    expect(outcomeOf(await there.done(2))).toBe("ran");
  });

  it("is done although the record was deleted while it ran", async () => {
    const { world, here, there, clock } = setup();
    const running = here.run(1, 1_000);
    await clock.advance(500);
    await world.memory.remove(RECORD);
    expect(outcomeOf(await world.until(running))).toBe("ran");
    expect(outcomeOf(await there.done(1))).toBe("alreadyDone");
  });

  it("runs under a key of its own kind alone", async () => {
    const { world, here, there } = setup();
    await here.done(1);
    await expect(world.until(there.mutex.locker(KEY).lock())).rejects.toMatchObject({
      code: "KEY_KIND_MISMATCH",
      message: expect.stringContaining('"nightly" is used once per slot, not as a lock'),
    });
  });
});

describe("a slot whose work throws", () => {
  const failing = (once: Once, slot: Slot) =>
    once.run(slot, () => {
      throw new Error("disk full");
    });

  it("is recorded as failed, and run again by the next caller, up to the most attempts", async () => {
    const { world, here, there } = setup({ maxAttempts: 2 });
    await expect(world.until(failing(here.once, 1))).rejects.toThrow("disk full");
    expect(await world.until(there.once.last())).toMatchObject({ state: "failed", attempt: 1 });
    await expect(world.until(failing(there.once, 1))).rejects.toThrow("disk full");
    here.store.forgetCalls();
    expect(await here.done(1)).toMatchObject({ outcome: "gaveUp", record: { state: "failed", attempt: 2 } });
    expect(operations(here.store)).toEqual(["read"]);
    expect(await here.done(2)).toMatchObject({ outcome: "ran", record: { attempt: 1 } });
  });

  it("is left alone if that is wanted", async () => {
    const { world, here, there } = setup({ afterFailure: "leave" });
    await expect(world.until(failing(here.once, 1))).rejects.toThrow("disk full");
    expect(outcomeOf(await there.done(1))).toBe("gaveUp");
  });

  it("rejects with what the work threw, though that could not be recorded", async () => {
    const { world, here, there, clock } = setup();
    const running = here.once.run(1, async () => {
      await sleep(clock, 100);
      here.store.failBefore("writeMetadata", { error: new Error("no") });
      throw new Error("disk full");
    });
    await expect(world.until(running)).rejects.toThrow("disk full");
    expect(world.log).toEqual([expect.stringMatching(/^the failure of slot 1 of "nightly" could not be recorded/)]);
    here.store.heal();
    expect(await there.done(1)).toMatchObject({ outcome: "ran", record: { attempt: 2 } });
  });
});

describe("a slot whose process dies", () => {
  async function crashed(options: OnceOptions) {
    const { world, here, there, clock, process } = setup(options);
    void here.run(1, 1_000_000).catch(() => undefined);
    await clock.advance(1_000);
    here.store.hang("all");
    expect(outcomeOf(await there.done(1))).toBe("running");
    await clock.advance(31_000);
    return { world, here, there, clock, process };
  }

  it("is run again when its lease has run out", async () => {
    const { there } = await crashed({});
    expect(await there.done(1)).toMatchObject({ outcome: "ran", record: { attempt: 2, state: "done" } });
  });

  it("is left if that is wanted, which the record says from then on", async () => {
    const { there, process } = await crashed({ afterCrash: "leave" });
    expect(await there.done(1)).toMatchObject({ outcome: "gaveUp", record: { attempt: 1, state: "crashed" } });
    const late = process();
    expect(outcomeOf(await late.done(1))).toBe("gaveUp");
    expect(operations(late.store)).toEqual(["read"]);
    expect(outcomeOf(await late.done(2))).toBe("ran");
  });

  it("is given up after the most attempts", async () => {
    const { there } = await crashed({ maxAttempts: 1 });
    expect(await there.done(1)).toMatchObject({ outcome: "gaveUp", record: { attempt: 1, state: "crashed" } });
  });
});

describe("a holder that lost the lock", () => {
  it("changes nothing about the record, and rejects with the loss", async () => {
    const { world, here, there, clock } = setup();
    const stale = here.once.run(1, () => sleep(clock, 100_000));
    stale.catch(() => undefined);
    await clock.advance(1_000);
    const hanging = here.store.hang("renew");
    await clock.advance(32_000);
    expect(await there.done(1)).toMatchObject({ outcome: "ran", record: { attempt: 2 } });
    const record = await world.until(there.once.last());
    hanging.heal();
    await expect(world.until(stale)).rejects.toMatchObject({ code: "LOCK_LOST" });
    expect(await world.until(there.once.last())).toEqual(record);
  });

  it("does not begin what it was granted too late", async () => {
    const { world, here, clock } = setup();
    await here.done(1);
    here.store.hangAfter(["read", "writeMetadata", "renew"], { after: 1 });
    const running = here.run(2);
    running.catch(() => undefined);
    await clock.advance(40_000);
    await expect(world.until(running)).rejects.toMatchObject({ code: "LOCK_LOST" });
    expect(here.log).toEqual(["1 1"]);
  });

  it("finds a record with a higher token than its own", async () => {
    const { world, here, rewrite } = setup();
    const record = {
      slot: 1,
      state: "started",
      attempt: 1,
      by: "later",
      token: Number.MAX_SAFE_INTEGER,
      startedAt: new Date(BEGINNING),
    } as const;
    await rewrite({ ...onceMetadata(KEY, record) });
    await expect(world.until(here.run(1))).rejects.toMatchObject({
      code: "LOCK_LOST",
      why: "taken",
      message: expect.stringContaining("a later holder has written its record of slots"),
    });
    expect(here.log).toEqual([]);
  });
});

describe("options", () => {
  it.each([
    [{ whileRunning: "queue" }, 'whileRunning must be "skip" or "wait", not "queue"'],
    [{ afterCrash: "retry" }, 'afterCrash must be "rerun" or "leave", not "retry"'],
    [{ afterFailure: "rerun" }, 'afterFailure must be "retry" or "leave", not "rerun"'],
    [{ maxAttempts: 0 }, "maxAttempts must be a whole number of at least 1, or Infinity, not 0"],
    [{ maxAttempts: 1.5 }, "maxAttempts must be a whole number of at least 1, or Infinity, not 1.5"],
    [{ fencing: false }, "fencing is no option here"],
    [{ leaseSeconds: 5 }, "leaseSeconds must be a whole number from 15 to 60"],
  ])("that are wrong are refused: %j", (options, message) => {
    const { here } = setup();
    expect(() => new Once(here.mutex, KEY, options as OnceOptions)).toThrow(message);
  });

  it("of a call, too", async () => {
    const { here } = setup();
    await expect(here.once.run(1, "work" as never)).rejects.toThrow("work must be a function");
    await expect(here.once.run(1, () => 0, { timeoutMs: -1 })).rejects.toThrow("timeoutMs must be");
    const signal = AbortSignal.abort("no");
    await expect(here.once.run(1, () => 0, { signal })).rejects.toBe("no");
  });
});

describe("events", () => {
  it("tell what becomes of each slot", async () => {
    const { world, here, there, clock } = setup();
    const events: unknown[] = [];
    for (const name of ["started", "ended", "skipped"] as const)
      here.once.on(name, (event) => events.push([name, event]));
    const slot = new Date(BEGINNING - 5_000);
    await here.done(slot);
    await here.done(slot);
    const failing = here.once.run(new Date(BEGINNING), () => {
      throw new Error("disk full");
    });
    await expect(world.until(failing)).rejects.toThrow("disk full");
    const common = { key: KEY, fencingToken: expect.any(Number), attempt: 1 };
    expect(events).toEqual([
      ["started", { ...common, slot, latenessMs: 5_000 }],
      ["ended", { ...common, slot, outcome: "done", tookMs: expect.any(Number) }],
      ["skipped", { key: KEY, slot, outcome: "alreadyDone" }],
      ["started", { ...common, slot: new Date(BEGINNING), latenessMs: expect.any(Number) }],
      [
        "ended",
        {
          ...common,
          slot: new Date(BEGINNING),
          outcome: "failed",
          tookMs: expect.any(Number),
          error: expect.any(Error),
        },
      ],
    ]);
    expect(() => here.once.on("done" as never, () => undefined)).toThrow(
      "event must be one of started, ended, skipped",
    );
    const listener = (): unknown => expect.fail("it was taken off");
    there.once.on("started", listener).off("started", listener);
    await clock.advance(1_000);
    await there.done(new Date(BEGINNING + 1_000));
  });
});

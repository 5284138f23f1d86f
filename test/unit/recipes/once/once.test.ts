import { describe, expect, it } from "vitest";
import { onceMetadata, onceRecordName } from "../../../../src/blobs/once-record.ts";
import type { Slot } from "../../../../src/blobs/once-slot.ts";
import { Once } from "../../../../src/recipes/once/once.ts";
import type { OnceOptions } from "../../../../src/recipes/once/once-options.ts";
import type { FaultyLeaseStore } from "../../../../src/testing/index.ts";
import { sleep } from "../../../../src/time/clock.ts";
import { World } from "../../../support/world.ts";

const KEY = "nightly";
const RECORD = onceRecordName(KEY);
/** What the service says it is when a test begins. */
const BEGINNING = Date.UTC(2026, 0, 1);

function setup(options: OnceOptions = {}) {
  const world = new World();
  const process = (own: OnceOptions = {}) => {
    const { store, mutex } = world.process();
    const once = new Once(mutex, KEY, { ...options, ...own });
    const log: string[] = [];
    const run = (slot: Slot, forMs = 100) =>
      once.run(slot, async (lock, { attempt }) => {
        log.push(`${slot} ${attempt}`);
        await sleep(world.clock, forMs, { signal: lock.signal });
        return "done";
      });
    const done = (slot: Slot) => world.until(run(slot));
    return { store, mutex, once, run, done, log };
  };
  const rewrite = async (metadata: Record<string, string>): Promise<void> => {
    await world.memory.putBlob(RECORD, { metadata });
  };
  return { world, clock: world.clock, process, rewrite, here: process(), there: process() };
}

const operations = (store: FaultyLeaseStore): string[] => store.calls.map(({ operation }) => operation);
const outcomeOf = (result: { readonly outcome: string }): string => result.outcome;

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

describe("missed slots", () => {
  const slotsBetween = (last: Slot, now: Date): number[] => {
    const until = Math.floor((now.getTime() - BEGINNING) / 10_000);
    const from = (last as number) + 1;
    return Array.from({ length: Math.max(0, until - from + 1) }, (_, index) => from + index);
  };

  async function slept(options: OnceOptions = {}) {
    const { world, here, there, clock } = setup(options);
    await here.done(0);
    await clock.advance(35_000);
    const catchUp = (missed?: "skip" | "once" | "all") =>
      world.until(there.once.catchUp((_, { slot }) => slot, { slotsBetween, missed }));
    return { world, here, there, clock, catchUp };
  }

  it.each([
    [undefined, [3]],
    ["once", [3]],
    ["all", [1, 2, 3]],
    ["skip", []],
  ] as const)("are run as wanted: %s", async (missed, ran) => {
    const { catchUp } = await slept();
    expect(await catchUp(missed)).toMatchObject(ran.map((value) => ({ outcome: "ran", value })));
    expect(await catchUp("all")).toEqual(missed === "skip" ? expect.any(Array) : []);
  });

  it("begin with the last one, if it is not done", async () => {
    const { world, here, there, clock } = await slept();
    await expect(
      world.until(
        here.once.run(1, () => {
          throw new Error("disk full");
        }),
      ),
    ).rejects.toThrow();
    const results = await world.until(there.once.catchUp(() => 0, { slotsBetween, missed: "all" }));
    expect(results.map(({ record }) => [record?.slot, record?.attempt])).toEqual([
      [1, 2],
      [2, 1],
      [3, 1],
    ]);
    expect(clock.now()).toBeGreaterThan(0);
  });

  it("are left to another process that is at it", async () => {
    const { world, here, there, clock } = await slept();
    const running = here.run(1, 5_000);
    await clock.advance(1_000);
    const results = await world.until(there.once.catchUp(() => 0, { slotsBetween, missed: "all" }));
    expect(results.map(outcomeOf)).toEqual(["running"]);
    await world.until(running);
  });

  it("are none where no slot was ever begun", async () => {
    const { world, here } = setup();
    expect(await world.until(here.once.catchUp(() => 0, { slotsBetween, missed: "all" }))).toEqual([]);
  });

  it("come in order, or are refused", async () => {
    const { world, there } = await slept();
    const backwards = there.once.catchUp(() => 0, { slotsBetween: () => [3, 2], missed: "all" });
    await expect(world.until(backwards)).rejects.toMatchObject({ code: "ONCE_SLOT" });
    await expect(there.once.catchUp(() => 0, {} as never)).rejects.toThrow("slotsBetween must be a function");
    const wrong = { slotsBetween, missed: "some" } as never;
    await expect(there.once.catchUp(() => 0, wrong)).rejects.toThrow('missed must be "skip" or "once" or "all"');
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

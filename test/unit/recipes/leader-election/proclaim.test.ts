import { describe, expect, it } from "vitest";
import { LockLostError, NotHeldError } from "../../../../src/errors.ts";
import { LeaderElection } from "../../../../src/recipes/election/leader-election.ts";
import { GOOD_FOR_MS, operations, setup, TRY_TIMEOUT_MS } from "./setup.ts";

describe("a leader's data", () => {
  const longest: readonly (readonly [what: string, text: string, perCharacter: number])[] = [
    ["ASCII", "x", 1],
    ["letters beyond ASCII", "é", 6],
    ["emoji", "\u{1F680}", 12],
    ["halves of emoji", "\ud83d", 6],
    ["quotes", '"', 2],
    ["control characters", "\u0001", 6],
    ["deletions", "\u007f", 6],
  ];
  it.each(longest)("may take 4,096 bytes as it is stored, and no more: of %s", async (_what, text, perCharacter) => {
    const { world, here, leader } = setup();
    const most = Math.floor((4_096 - 2) / perCharacter);
    const data = text.repeat(most);
    const tooMuch = text.repeat(most + 1);
    const candidate = new LeaderElection(here.mutex, "office", { data });
    expect(() => new LeaderElection(here.mutex, "office", { data: tooMuch })).toThrow(
      new TypeError(
        `data must take at most 4096 bytes as a JSON string in ASCII, not ${2 + (most + 1) * perCharacter}`,
      ),
    );
    const leadership = await world.until(candidate.campaign());
    expect((await leader())?.data).toBe(data);
    await world.until(leadership.proclaim(data));
    await expect(leadership.proclaim(tooMuch)).rejects.toBeInstanceOf(TypeError);
    expect((await leader())?.data).toBe(data);
  });

  it("fits into the metadata of a blob together with everything else a record may say", async () => {
    const { world, here } = setup();
    const candidate = new LeaderElection(here.mutex, "office", { candidate: "é".repeat(256), data: "é".repeat(682) });
    await world.until(candidate.campaign());
    const found = await world.memory.read("office");
    const { azmutex } = found.kind === "found" ? found.blob.metadata : {};
    expect(azmutex?.length).toBeGreaterThan(5_500);
    // "Setting and retrieving properties and metadata for Blob resources" in the reference of the REST API.
    expect("azmutex".length + (azmutex?.length ?? 0)).toBeLessThanOrEqual(8_192);
  });

  it("comes back as it was, whatever is in it", async () => {
    const { world, here, leader } = setup();
    const leadership = await world.until(here.election.campaign());
    expect((await leader())?.data).toBeUndefined();
    for (const data of [
      "",
      " ",
      "a\r\nb",
      '{"url":"http://10.0.0.7"}',
      "\\u0041",
      "ünï \u{1F680}",
      "\ud83d",
      "\u2028",
    ]) {
      await world.until(leadership.proclaim(data));
      expect((await leader())?.data).toBe(data);
    }
  });
});

describe("proclaim", () => {
  const leading = async () => {
    const scene = setup();
    const leadership = await scene.world.until(scene.here.election.campaign());
    scene.here.store.forgetCalls();
    return { ...scene, leadership, store: scene.here.store };
  };

  it("replaces the data for everybody by one request, and neither term nor beginning", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    const before = await leader();
    await clock.advance(5_000);
    await world.until(leadership.proclaim("one"));
    await clock.advance(5_000);
    await world.until(leadership.proclaim("two"));
    expect(await leader()).toEqual({ ...before, data: "two" });
    expect(operations(store).filter((operation) => operation !== "renew")).toEqual(["writeMetadata", "writeMetadata"]);
  });

  it("keeps to the order of the calls, one after the other", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    store.delay("writeMetadata", 300, { times: 1 });
    const proclaimed = ["one", "two", "three"].map((data) => leadership.proclaim(data));
    await clock.advance(150);
    expect(operations(store)).toEqual(["writeMetadata"]);
    await world.until(Promise.all(proclaimed));
    expect(operations(store)).toEqual(["writeMetadata", "writeMetadata", "writeMetadata"]);
    expect((await leader())?.data).toBe("three");
  });

  it("finds out that it was done when the answer is lost, and does not do it twice", async () => {
    const { world, leadership, leader, store } = await leading();
    store.failAfter("writeMetadata", { times: 1 });
    await world.until(leadership.proclaim("once"));
    expect(operations(store)).toEqual(["writeMetadata", "read"]);
    expect((await leader())?.data).toBe("once");
    await world.until(leadership.proclaim("twice"));
    expect((await leader())?.data).toBe("twice");
  });

  it("is tried again until it is answered", async () => {
    const { world, leadership, leader, store } = await leading();
    store.failBefore("writeMetadata", { times: 2, answered: true });
    store.hang("read", { times: 1 });
    await world.until(leadership.proclaim("at last"));
    expect((await leader())?.data).toBe("at last");
  });

  it("takes the last word, also if an earlier one arrives late", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    store.applyLate("writeMetadata", 4_000, { times: 1 });
    const first = leadership.proclaim("early");
    const second = leadership.proclaim("late");
    await world.until(Promise.all([first, second]));
    await clock.advance(10_000);
    expect((await leader())?.data).toBe("late");
  });

  it("rejects with NotHeldError after a resignation, and sends nothing", async () => {
    const { leadership, store } = await leading();
    await leadership.resign();
    store.forgetCalls();
    await expect(leadership.proclaim("too late")).rejects.toBeInstanceOf(NotHeldError);
    expect(store.count()).toBe(0);
  });

  it("rejects at once with NotHeldError if the leader resigns, those in line too, after one try", async () => {
    const { world, clock, leadership, here, store, leader } = await leading();
    store.hang("writeMetadata");
    const proclaimed = Promise.allSettled(["one", "two"].map((data) => leadership.proclaim(data)));
    await clock.advance(100);
    const resigned = leadership.resign();
    for (const { reason } of (await world.until(proclaimed, 0)) as PromiseRejectedResult[])
      expect(reason).toBeInstanceOf(NotHeldError);
    await world.until(resigned, TRY_TIMEOUT_MS);
    expect(await world.leaseState("office")).toBe("available");
    store.heal();
    const next = await world.until(here.election.campaign());
    expect(await leader()).toMatchObject({ term: next.term });
    expect((await leader())?.data).toBeUndefined();
  });

  it("rejects with LockLostError once leadership is lost, before and in the middle of it", async () => {
    const { clock, leadership, store } = await leading();
    store.hang(["renew", "writeMetadata"]);
    const proclaimed = Promise.allSettled(["in the middle", "in line"].map((data) => leadership.proclaim(data)));
    await clock.advance(GOOD_FOR_MS);
    const { reason } = leadership.signal;
    expect(reason).toBeInstanceOf(LockLostError);
    expect(await proclaimed).toEqual([
      { status: "rejected", reason },
      { status: "rejected", reason },
    ]);
    await expect(leadership.proclaim("after")).rejects.toBe(reason);
  });

  it("rejects with LockLostError when it is the first to hear of the loss, and then everything says so", async () => {
    const { world, leadership } = await leading();
    await world.memory.break("office", { periodSeconds: 0 });
    await world.stranger("office");
    await expect(world.until(leadership.proclaim("refused"))).rejects.toMatchObject({
      code: "LOCK_LOST",
      why: "taken",
    });
    expect(leadership.isHeld).toBe(false);
    expect(leadership.signal.aborted).toBe(true);
    expect(() => leadership.assertHeld()).toThrow(LockLostError);
  });

  it("rejects at once with its signal's own reason; leadership and later proclamations take no harm", async () => {
    const { world, clock, leadership, leader, store } = await leading();
    const hanging = store.hang("writeMetadata", { times: 1 });
    const stop = new AbortController();
    const caught = expect(leadership.proclaim("one", { signal: stop.signal })).rejects.toBe("enough");
    await clock.advance(100);
    stop.abort("enough");
    await caught;
    await expect(leadership.proclaim("never", { signal: AbortSignal.abort("no") })).rejects.toBe("no");
    hanging.heal();
    await world.until(leadership.proclaim("two"));
    expect((await leader())?.data).toBe("two");
    await clock.advance(60_000);
    leadership.assertHeld();
  });

  it.each([7, undefined, null, {}])("refuses %j, and sends nothing", async (data) => {
    const { leadership, store } = await leading();
    await expect(leadership.proclaim(data as string)).rejects.toThrow(/^data must be a string, not /);
    await expect(leadership.proclaim("fine", { signal: "stop" as unknown as AbortSignal })).rejects.toThrow(
      /^signal must be an AbortSignal/,
    );
    expect(store.count()).toBe(0);
  });
});

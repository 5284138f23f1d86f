import { describe, expect, it } from "vitest";
import { AccessDeniedError, StoreUnavailableError } from "../../../src/errors.ts";
import { FakeClock } from "../../../src/testing/fake-clock.ts";
import { FaultyLeaseStore } from "../../../src/testing/faulty-lease-store.ts";
import { MemoryLeaseStore } from "../../../src/testing/memory/memory-lease-store.ts";

const A = "aaaaaaaa-0000-4000-8000-000000000000";
const B = "bbbbbbbb-0000-4000-8000-000000000000";

async function setup() {
  const clock = new FakeClock();
  const memory = new MemoryLeaseStore({ clock, containerExists: true });
  const store = new FaultyLeaseStore(memory, { clock });
  for (const key of ["key", "other"]) await memory.create(key, {});
  const leaseState = async (key = "key") => {
    const answer = await memory.read(key);
    return answer.kind === "found" ? answer.blob.leaseState : answer.kind;
  };
  return { clock, store, memory, leaseState };
}

/** Follows a promise without waiting for it. */
function follow<T>(promise: Promise<T>) {
  const state: { settled?: "fulfilled" | "rejected"; value?: T; reason?: unknown } = {};
  promise.then(
    (value) => Object.assign(state, { settled: "fulfilled", value }),
    (reason: unknown) => Object.assign(state, { settled: "rejected", reason }),
  );
  return state;
}

describe("FaultyLeaseStore", () => {
  it("passes everything on while nothing is wrong", async () => {
    const { store } = await setup();
    await store.createContainer();
    expect(await store.create("new", { a: "1" })).toMatchObject({ kind: "created" });
    const acquired = await store.acquire("key", A, 15);
    expect(acquired).toMatchObject({ kind: "acquired" });
    expect(await store.renew("key", A)).toEqual({ ...acquired, kind: "renewed" });
    const ifMatch = acquired.kind === "acquired" ? acquired.etag : "";
    expect(await store.writeMetadata("key", { b: "2" }, { leaseId: A, ifMatch })).toMatchObject({ kind: "written" });
    expect(await store.change("key", A, B)).toEqual({ kind: "changed" });
    expect(await store.read("key")).toMatchObject({
      kind: "found",
      blob: { metadata: { b: "2" }, leaseState: "leased" },
    });
    expect(await store.break("key", { periodSeconds: 5 })).toEqual({ kind: "breaking", freeInSeconds: 5 });
    expect(await store.release("key", B)).toEqual({ kind: "released" });
    const keys: string[] = [];
    for await (const { key } of store.list("n")) keys.push(key);
    expect(keys).toEqual(["new"]);
  });

  it("counts calls for budgets, those that fail included", async () => {
    const { store, clock } = await setup();
    await clock.advance(5);
    store.failBefore("renew");
    await store.acquire("key", A, 15);
    await store.renew("key", A).catch(() => {});
    for await (const _ of store.list(""));
    expect(store.calls).toEqual([
      { operation: "acquire", key: "key", at: 5 },
      { operation: "renew", key: "key", at: 5 },
      { operation: "list", key: undefined, at: 5 },
    ]);
    expect(store.count()).toBe(3);
    expect(store.count("renew")).toBe(1);
    store.forgetCalls();
    expect(store.count()).toBe(0);
  });

  describe("scope", () => {
    it("is one operation, some, or all", async () => {
      const { store } = await setup();
      store.failBefore("createContainer");
      await store.create("new", {});
      await expect(store.createContainer()).rejects.toThrow(StoreUnavailableError);
      store.heal();
      store.failBefore(["acquire", "read"]);
      await expect(store.acquire("key", A, 15)).rejects.toThrow(StoreUnavailableError);
      await expect(store.read("key")).rejects.toThrow(StoreUnavailableError);
      await store.renew("key", A);
      store.failBefore("all");
      await expect(store.renew("key", A)).rejects.toThrow(StoreUnavailableError);
    });

    it("is the next so many calls, after so many that go well", async () => {
      const { store } = await setup();
      await store.acquire("key", A, 15);
      const fault = store.failBefore("renew", { after: 1, times: 2 });
      const outcomes: string[] = [];
      for (let call = 0; call < 4; call++)
        outcomes.push(
          await store.renew("key", A).then(
            ({ kind }) => kind,
            () => "failed",
          ),
        );
      expect(outcomes).toEqual(["renewed", "failed", "failed", "renewed"]);
      expect(fault.hits).toBe(2);
    });

    it("is one key", async () => {
      const { store } = await setup();
      store.failBefore("acquire", { key: "key" });
      await expect(store.acquire("key", A, 15)).rejects.toThrow(StoreUnavailableError);
      expect(await store.acquire("other", A, 15)).toMatchObject({ kind: "acquired" });
    });

    it("ends with heal(), of one fault or of all", async () => {
      const { store } = await setup();
      const renew = store.failBefore("renew");
      store.failBefore("acquire");
      renew.heal();
      expect(await store.renew("key", A)).toMatchObject({ kind: "refused" });
      await expect(store.acquire("key", A, 15)).rejects.toThrow(StoreUnavailableError);
      store.heal();
      expect(await store.acquire("key", A, 15)).toMatchObject({ kind: "acquired" });
    });

    it("may overlap another fault's", async () => {
      const { store, clock } = await setup();
      store.delay("all", 100);
      store.failAfter("acquire", { times: 1 });
      const call = follow(store.acquire("key", A, 15));
      await clock.advance(99);
      expect(call.settled).toBeUndefined();
      await clock.advance(1);
      expect(call.reason).toBeInstanceOf(StoreUnavailableError);
    });
  });

  describe("failBefore", () => {
    it("fails without having done anything", async () => {
      const { store, leaseState } = await setup();
      store.failBefore("acquire");
      const error = await store.acquire("key", A, 15).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", key: "key", answered: false, retryAfterMs: undefined });
      expect(await leaseState()).toBe("available");
    });

    it("says what the service said", async () => {
      const { store } = await setup();
      store.failBefore("acquire", { answered: true, retryAfterMs: 2_000, times: 1 });
      await expect(store.acquire("key", A, 15)).rejects.toMatchObject({ answered: true, retryAfterMs: 2_000 });
      const denied = new AccessDeniedError("no");
      store.failBefore("acquire", { error: denied });
      await expect(store.acquire("key", A, 15)).rejects.toBe(denied);
    });
  });

  describe("failAfter", () => {
    it("does it and loses the answer", async () => {
      const { store, leaseState } = await setup();
      store.failAfter("acquire");
      await expect(store.acquire("key", A, 15)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", answered: false });
      expect(await leaseState()).toBe("leased");
    });

    it("loses the answer of a listing too", async () => {
      const { store } = await setup();
      store.failAfter("list", { answered: true });
      await expect(store.list("").next()).rejects.toMatchObject({ answered: true });
    });
  });

  describe("delay", () => {
    it("keeps the request on its way", async () => {
      const { store, clock, leaseState } = await setup();
      store.delay("acquire", 500);
      const call = follow(store.acquire("key", A, 15));
      await clock.advance(499);
      expect(await leaseState()).toBe("available");
      await clock.advance(1);
      expect(call.value).toMatchObject({ kind: "acquired" });
    });

    it("lets an aborted request be forgotten", async () => {
      const { store, clock, leaseState } = await setup();
      store.delay("acquire", 500);
      const controller = new AbortController();
      const call = follow(store.acquire("key", A, 15, { signal: controller.signal }));
      controller.abort("gave up");
      await clock.advance(500);
      expect(call.reason).toBe("gave up");
      expect(await leaseState()).toBe("available");
      expect(clock.pendingTimers()).toBe(0);
    });

    it("can be that of the answer alone", async () => {
      const { store, clock, leaseState } = await setup();
      store.delayAnswer("acquire", 500);
      const call = follow(store.acquire("key", A, 15));
      await clock.advance(499);
      expect(await leaseState()).toBe("leased");
      expect(call.settled).toBeUndefined();
      await clock.advance(1);
      expect(call.value).toMatchObject({ kind: "acquired" });
    });
  });

  describe("hang", () => {
    it("lasts until the signal aborts, and nothing was done", async () => {
      const { store, clock, leaseState } = await setup();
      store.hang("acquire");
      const controller = new AbortController();
      const call = follow(store.acquire("key", A, 15, { signal: controller.signal }));
      await clock.advance(3_600_000);
      expect(call.settled).toBeUndefined();
      controller.abort("gave up");
      await clock.settle();
      expect(call.reason).toBe("gave up");
      store.heal();
      await clock.settle();
      expect(await leaseState()).toBe("available");
    });

    it("ends with the fault, and the request is sent on", async () => {
      const { store, clock } = await setup();
      const fault = store.hang("acquire");
      const call = follow(store.acquire("key", A, 15));
      await clock.settle();
      fault.heal();
      await clock.settle();
      expect(call.value).toMatchObject({ kind: "acquired" });
    });

    it("can come after the request was applied", async () => {
      const { store, clock, leaseState } = await setup();
      store.hangAfter("acquire");
      const call = follow(store.acquire("key", A, 15));
      await clock.settle();
      expect(await leaseState()).toBe("leased");
      expect(call.settled).toBeUndefined();
      store.heal();
      await clock.settle();
      expect(call.value).toMatchObject({ kind: "acquired" });
    });
  });

  describe("applyLate", () => {
    it("applies what the caller has given up", async () => {
      const { store, clock, leaseState } = await setup();
      store.applyLate("acquire", 20_000, { times: 1 });
      const controller = new AbortController();
      const call = follow(store.acquire("key", A, 15, { signal: controller.signal }));
      await clock.advance(3_000);
      controller.abort("gave up");
      await clock.settle();
      expect(call.reason).toBe("gave up");
      store.heal();
      await clock.advance(16_999);
      expect(await leaseState()).toBe("available");
      await clock.advance(1);
      expect(await leaseState()).toBe("leased");
    });

    it("answers a caller who is still there", async () => {
      const { store, clock } = await setup();
      store.applyLate("acquire", 20_000);
      const call = follow(store.acquire("key", A, 15));
      await clock.advance(20_000);
      expect(call.value).toMatchObject({ kind: "acquired" });
    });
  });

  it("does nothing at all for a signal that has aborted", async () => {
    const { store, leaseState } = await setup();
    store.applyLate("acquire", 0);
    await expect(store.acquire("key", A, 15, { signal: AbortSignal.abort("before") })).rejects.toBe("before");
    expect(await leaseState()).toBe("available");
  });
});

import { describe, expect, it } from "vitest";
import { describeLeaseStore } from "../../../../src/testing/describe-lease-store.ts";
import { FakeClock } from "../../../../src/testing/fake-clock.ts";
import { MemoryLeaseStore, type MemoryLeaseStoreOptions } from "../../../../src/testing/memory/memory-lease-store.ts";

const A = "aaaaaaaa-0000-4000-8000-000000000000";
const B = "bbbbbbbb-0000-4000-8000-000000000000";

function setup(options: MemoryLeaseStoreOptions = {}) {
  const clock = new FakeClock();
  const store = new MemoryLeaseStore({ clock, ...options });
  return { clock, store };
}

describeLeaseStore(
  "MemoryLeaseStore",
  () => {
    const { clock, store } = setup();
    return {
      store,
      advance: (ms) => clock.advance(ms),
      foreign: {
        putBlob: async (key, options) => (await store.putBlob(key, options)).kind === "written",
        deleteBlob: async (key, options) => (await store.remove(key, options)).kind === "removed",
        deleteContainer: () => store.deleteContainer(),
      },
    };
  },
  { describe, it, expect },
);

describe("MemoryLeaseStore", () => {
  it("has no container at first, unless it is told to", async () => {
    expect(await setup().store.create("key", {})).toMatchObject({ kind: "missing", what: "container" });
    expect(await setup({ containerExists: true }).store.create("key", {})).toMatchObject({ kind: "created" });
  });

  it("begins in 2026 with a clock of one's own, and now with the machine's", async () => {
    const { store } = setup();
    expect(await store.read("key")).toMatchObject({ date: Date.UTC(2026) });
    const before = Math.floor(Date.now() / 1000) * 1000;
    const answer = await new MemoryLeaseStore().read("key");
    expect("date" in answer && answer.date).toBeGreaterThanOrEqual(before);
    expect("date" in answer && answer.date).toBeLessThanOrEqual(Date.now());
  });

  it("dates in whole seconds of its own epoch", async () => {
    const { store, clock } = setup({ startsAt: 10_900 });
    expect(await store.read("key")).toMatchObject({ date: 10_000 });
    await clock.advance(99);
    expect(await store.read("key")).toMatchObject({ date: 10_000 });
    await clock.advance(1);
    expect(await store.read("key")).toMatchObject({ date: 11_000 });
  });

  it("ends a lease at the millisecond", async () => {
    const { store, clock } = setup({ containerExists: true });
    await store.create("key", {});
    await store.acquire("key", A, 15);
    await clock.advance(14_999);
    expect(await store.acquire("key", B, 15)).toMatchObject({ kind: "held" });
    await clock.advance(1);
    expect(await store.acquire("key", B, 15)).toMatchObject({ kind: "acquired" });
  });

  it("goes on while the machine sleeps", async () => {
    const { store, clock } = setup({ containerExists: true });
    await store.create("key", {});
    await store.acquire("key", A, 15);
    clock.suspend(15_000);
    expect(await store.acquire("key", B, 15)).toMatchObject({ kind: "acquired" });
  });

  it("rounds up how long a break takes: freed a moment later is not free", async () => {
    const { store, clock } = setup({ containerExists: true });
    await store.create("key", {});
    await store.acquire("key", A, 15);
    await clock.advance(1);
    expect(await store.break("key")).toEqual({ kind: "breaking", freeInSeconds: 15 });
    await clock.advance(14_998);
    expect(await store.break("key")).toEqual({ kind: "breaking", freeInSeconds: 1 });
  });

  it("keeps content through writes of metadata, and loses it to a Put Blob without any", async () => {
    const { store } = setup({ containerExists: true });
    expect(store.content("key")).toBeUndefined();
    await store.putBlob("key", { content: "precious", metadata: { owner: "go" } });
    const acquired = await store.acquire("key", A, 15);
    const ifMatch = acquired.kind === "acquired" ? acquired.etag : "";
    await store.writeMetadata("key", { owner: "me" }, { leaseId: A, ifMatch });
    expect(store.content("key")).toBe("precious");
    await store.putBlob("key", { leaseId: A });
    expect(store.content("key")).toBe("");
  });

  it("says why it refuses, in the service's words", async () => {
    const { store, clock } = setup({ containerExists: true });
    const status = (answer: object) => ("status" in answer ? answer.status : answer);
    expect(status(await store.renew("key", A))).toBe("404 BlobNotFound");
    await store.create("key", {});
    expect(status(await store.renew("key", A))).toBe("409 LeaseIdMismatchWithLeaseOperation");
    expect(status(await store.change("key", A, B))).toBe("409 LeaseNotPresentWithLeaseOperation");
    expect(status(await store.putBlob("key", { leaseId: A }))).toBe("412 LeaseNotPresentWithBlobOperation");
    await store.acquire("key", A, 15);
    expect(status(await store.putBlob("key"))).toBe("412 LeaseIdMissing");
    expect(status(await store.remove("key", { leaseId: B }))).toBe("412 LeaseIdMismatchWithBlobOperation");
    await store.break("key");
    expect(status(await store.renew("key", A))).toBe("409 LeaseIsBrokenAndCannotBeRenewed");
    expect(status(await store.change("key", A, B))).toBe("409 LeaseIsBreakingAndCannotBeChanged");
    await clock.advance(15_000);
    expect(status(await store.renew("key", A))).toBe("409 LeaseIsBrokenAndCannotBeRenewed");
    await store.deleteContainer();
    expect(status(await store.putBlob("key"))).toBe("404 ContainerNotFound");
    expect(status(await store.remove("key"))).toBe("404 ContainerNotFound");
  });

  it.each([
    ["upper case", A.toUpperCase()],
    ["braces", `{${A}}`],
    ["parentheses", `(${A})`],
    ["no hyphens", A.replaceAll("-", "")],
  ])("knows a lease id in %s", async (_, sameId) => {
    const { store } = setup({ containerExists: true });
    await store.create("key", {});
    const acquired = await store.acquire("key", A, 15);
    expect(await store.renew("key", sameId)).toEqual({ ...acquired, kind: "renewed" });
  });

  it.each(["", "not-a-guid", `{${A}`, `${A})`, `{${A})`, `${A}0`, "g".repeat(32)])(
    "refuses %j as a lease id",
    async (noId) => {
      const { store } = setup({ containerExists: true });
      await store.create("key", {});
      const refusal = { code: "STORE_REFUSED", key: "key", message: expect.stringContaining("400 InvalidHeaderValue") };
      await expect(store.acquire("key", noId, 15)).rejects.toMatchObject(refusal);
      await expect(store.renew("key", noId)).rejects.toMatchObject(refusal);
      await expect(store.release("key", noId)).rejects.toMatchObject(refusal);
      await expect(store.change("key", noId, A)).rejects.toMatchObject(refusal);
      await expect(store.change("key", A, noId)).rejects.toMatchObject(refusal);
      await expect(store.writeMetadata("key", {}, { leaseId: noId, ifMatch: "" })).rejects.toMatchObject(refusal);
    },
  );

  it("answers later, and not to a caller who has gone by then; but what it did is done", async () => {
    const { store } = setup({ containerExists: true });
    await store.create("key", {});
    const controller = new AbortController();
    const call = store.acquire("key", A, 15, { signal: controller.signal });
    controller.abort("gone");
    await expect(call).rejects.toBe("gone");
    expect(await store.acquire("key", B, 15)).toMatchObject({ kind: "held" });
  });

  it("hands out metadata that no other code can change", async () => {
    const { store } = setup({ containerExists: true });
    const metadata = { owner: "me" };
    await store.create("key", metadata);
    metadata.owner = "you";
    const read = await store.read("key");
    if (read.kind === "found") Object.assign(read.blob.metadata, { owner: "they" });
    expect(await store.read("key")).toMatchObject({ blob: { metadata: { owner: "me" } } });
  });
});

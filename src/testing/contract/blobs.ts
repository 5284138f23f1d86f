import type { StoredBlob } from "../../store/lease-store.ts";
import type { Contract } from "./contract.ts";
import { A, B, bringInto, inWords, KEY, leaseOf, readBlob, type StoreUnderTest } from "./store-under-test.ts";

async function listed({ store }: StoreUnderTest, prefix: string): Promise<StoredBlob[]> {
  const blobs: StoredBlob[] = [];
  for await (const blob of store.list(prefix)) blobs.push(blob);
  return blobs;
}

/** The blobs behind the leases: their creation, metadata and dates. */
export function describeBlobs({ describe, test, expect }: Contract): void {
  describe("a creation", () => {
    test("makes a blob that is free and says what it was given", async (under) => {
      await under.store.createContainer();
      expect(inWords(await under.store.create(KEY, { owner: "me", note: "a b=c; d" }))).toBe("created");
      const { key, metadata, leaseState, infinite } = await readBlob(under);
      expect({ key, metadata, leaseState, infinite }).toEqual({
        key: KEY,
        metadata: { owner: "me", note: "a b=c; d" },
        leaseState: "available",
        infinite: false,
      });
    });

    test("never touches a blob that exists", async (under) => {
      await under.store.createContainer();
      await under.foreign.putBlob(KEY, { metadata: { owner: "go" } });
      const before = await readBlob(under);
      expect(inWords(await under.store.create(KEY, { owner: "me" }))).toBe("exists");
      const after = await readBlob(under);
      expect({ etag: after.etag, metadata: after.metadata }).toEqual({ etag: before.etag, metadata: { owner: "go" } });
    });

    test("is won by exactly one of many", async (under) => {
      await under.store.createContainer();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => under.store.create(KEY, { n: String(n) })),
      );
      expect(answers.map(inWords).filter((answer) => answer !== "exists")).toEqual(["created"]);
    });

    test("tells blobs apart by every character of their keys", async (under) => {
      await under.store.createContainer();
      const keys = ["Key", "a/b", "a/b/c", "a b", "a%20b", "a+b", "ü", "日本", "a?b#c&d"];
      for (const key of [KEY, ...keys]) expect(inWords(await under.store.create(key, {}))).toBe("created");
      for (const key of keys) expect((await readBlob(under, key)).key).toBe(key);
      expect((await listed(under, "")).map(({ key }) => key).sort()).toEqual([KEY, ...keys].sort());
    });
  });

  describe("a write under the lease", () => {
    test("replaces the metadata as a whole", async (under) => {
      await under.store.createContainer();
      await under.store.create(KEY, { owner: "me", note: "first" });
      await under.store.acquire(KEY, A, 15);
      const { etag } = await readBlob(under);
      const answer = await under.store.writeMetadata(KEY, { owner: "me too" }, { leaseId: A, ifMatch: etag });
      const after = await readBlob(under);
      expect(after.metadata).toEqual({ owner: "me too" });
      expect(after.etag === etag).toBe(false);
      expect(answer).toEqual({
        kind: "written",
        etag: after.etag,
        lastModified: after.lastModified,
        date: "date" in answer && answer.date,
      });
    });

    test("does not happen if the blob was written since", async (under) => {
      await bringInto("leased", under);
      const { etag } = await readBlob(under);
      await under.foreign.putBlob(KEY, { leaseId: A, metadata: { owner: "go" } });
      expect(inWords(await under.store.writeMetadata(KEY, { owner: "me" }, { leaseId: A, ifMatch: etag }))).toBe(
        "unmet",
      );
      expect((await readBlob(under)).metadata).toEqual({ owner: "go" });
    });
  });

  describe("the write of another", () => {
    test("wipes metadata and shows in the ETag", async (under) => {
      await under.store.createContainer();
      await under.store.create(KEY, { owner: "me" });
      const before = await readBlob(under);
      expect(await under.foreign.putBlob(KEY)).toBe(true);
      const after = await readBlob(under);
      expect(after.metadata).toEqual({});
      expect(after.etag === before.etag).toBe(false);
    });

    test("may bring metadata of its own, whose names read in lower case", async (under) => {
      await under.store.createContainer();
      await under.foreign.putBlob(KEY, { metadata: { Owner: "Go" } });
      expect((await readBlob(under)).metadata).toEqual({ owner: "Go" });
      expect((await listed(under, "")).map(({ metadata }) => metadata)).toEqual([{ owner: "Go" }]);
    });

    const asWritten = "has its metadata read as written when that is asked for";
    test(`${asWritten}: names in their case, entries without a value`, async (under) => {
      const { store } = under;
      await store.createContainer();
      const metadata = { OwnerTeam: "Go", empty: "", lower: "a  b" };
      await under.foreign.putBlob(`${KEY}-longer`, { metadata: { Other: "x" } });
      await under.foreign.putBlob(KEY, { metadata });
      await store.acquire(KEY, A, 60);
      const written = async (): Promise<unknown> => {
        const answer = await store.read(KEY, { asWritten: true });
        const plain = await readBlob(under);
        if (answer.kind === "missing") return answer;
        const { etag, leaseState, lastModified } = answer.blob;
        expect({ etag, leaseState, lastModified }).toEqual({
          etag: plain.etag,
          leaseState: "leased",
          lastModified: plain.lastModified,
        });
        return answer.blob.metadata;
      };
      expect(await written()).toEqual(metadata);
      const more = { ...metadata, More: "y" };
      await store.writeMetadata(KEY, more, { leaseId: A, ifMatch: (await readBlob(under)).etag });
      expect(await written()).toEqual(more);
      expect((await store.read(`${KEY}-long`, { asWritten: true })).kind).toBe("missing");
    });
  });

  describe("lease operations", () => {
    test("leave ETag, Last-Modified and metadata alone", async (under) => {
      await under.store.createContainer();
      const created = await under.store.create(KEY, { owner: "me" });
      const before = await readBlob(under);
      const seen = { etag: before.etag, lastModified: before.lastModified, metadata: { owner: "me" } };
      expect(created).toEqual({
        kind: "created",
        etag: seen.etag,
        lastModified: seen.lastModified,
        date: "date" in created && created.date,
      });

      const operations = [
        () => under.store.acquire(KEY, A, 60),
        () => under.store.renew(KEY, A),
        () => under.store.change(KEY, A, B),
        () => under.store.break(KEY, { periodSeconds: 30 }),
        () => under.store.release(KEY, B),
      ];
      for (const operation of operations) {
        await under.advance(2_000);
        const answer = await operation();
        if (answer.kind === "acquired" || answer.kind === "renewed") {
          expect({ etag: answer.etag, lastModified: answer.lastModified }).toEqual({
            etag: seen.etag,
            lastModified: seen.lastModified,
          });
        }
        const { etag, lastModified, metadata } = await readBlob(under);
        expect({ etag, lastModified, metadata }).toEqual(seen);
      }
    });
  });

  describe("the service's time", () => {
    test("is told in whole seconds", async (under) => {
      await bringInto("available", under);
      await under.advance(1_234);
      const { date, lastModified } = await readBlob(under);
      expect([date % 1000, lastModified % 1000]).toEqual([0, 0]);
    });

    test("goes on in every answer that bears a date", async (under) => {
      await bringInto("available", under);
      const asked = [
        () => under.store.acquire(KEY, A, "infinite"),
        () => under.store.acquire(KEY, B, 60),
        () => under.store.acquire("other", B, 60),
        () => under.store.read("other"),
        async () => readBlob(under),
        async () => (await listed(under, ""))[0],
        () => under.store.create("other", {}),
        async () => {
          const { etag } = await readBlob(under);
          return under.store.writeMetadata(KEY, {}, { leaseId: A, ifMatch: etag });
        },
      ];
      let { date: before } = await readBlob(under);
      for (const ask of asked) {
        await under.advance(10_000);
        const answer = await ask();
        const date = answer && "date" in answer ? answer.date : Number.NaN;
        expect(date).toBeGreaterThanOrEqual(before + 10_000);
        // Real time passes too, where the service is one; but not that much.
        expect(date).toBeLessThanOrEqual(before + 15_000);
        before = date;
      }
    });

    test("dates a blob by its last write", async (under) => {
      await bringInto("leased", under);
      const created = await readBlob(under);
      await under.advance(10_000);
      expect((await readBlob(under)).lastModified).toBe(created.lastModified);
      await under.store.writeMetadata(KEY, {}, { leaseId: A, ifMatch: created.etag });
      expect((await readBlob(under)).lastModified).toBeGreaterThanOrEqual(created.lastModified + 10_000);
    });
  });

  describe("a listing", () => {
    test("has the blobs whose names begin with the prefix, by name", async (under) => {
      await under.store.createContainer();
      for (const key of ["b", "a/2", "ab", "a/1", "A/1"]) await under.store.create(key, {});
      expect((await listed(under, "a/")).map(({ key }) => key)).toEqual(["a/1", "a/2"]);
      expect((await listed(under, "a")).map(({ key }) => key)).toEqual(["a/1", "a/2", "ab"]);
      expect(await listed(under, "c")).toEqual([]);
    });

    test("shows each blob as a read does", async (under) => {
      await under.store.createContainer();
      const keys = ["a-available", "b-leased", "c-infinite", "d-breaking", "e-broken", "f-expired"];
      for (const key of keys) await under.store.create(key, { named: key });
      await under.store.acquire("f-expired", A, 15);
      await under.advance(15_000);
      await under.store.acquire("b-leased", A, 60);
      await under.store.acquire("c-infinite", A, "infinite");
      await under.store.acquire("d-breaking", A, 60);
      await under.store.break("d-breaking");
      await under.store.acquire("e-broken", A, 60);
      await under.store.break("e-broken", { periodSeconds: 0 });

      const read: unknown[] = [];
      for (const key of keys) read.push({ ...(await readBlob(under, key)), date: 0 });
      expect((await listed(under, "")).map((blob) => ({ ...blob, date: 0 }))).toEqual(read);
      expect(await Promise.all(keys.map((key) => leaseOf(under, key)))).toEqual([
        "available",
        "leased",
        "leased",
        "breaking",
        "broken",
        "expired",
      ]);
      expect((await listed(under, "")).filter(({ infinite }) => infinite).map(({ key }) => key)).toEqual([
        "c-infinite",
      ]);
    });
  });
}

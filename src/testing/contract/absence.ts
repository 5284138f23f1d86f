import type { Contract } from "./contract.ts";
import { A, B, bringInto, inWords, KEY, leaseOf, type StoreUnderTest } from "./store-under-test.ts";

/** What is said of a blob, or a container, that is not there. */
export function describeAbsence({ describe, test, expect }: Contract): void {
  async function expectHolderRefused({ store }: StoreUnderTest): Promise<void> {
    expect(inWords(await store.renew(KEY, A))).toBe("refused (deleted)");
    expect(inWords(await store.change(KEY, A, B))).toBe("refused (deleted)");
    expect(inWords(await store.release(KEY, A))).toBe("refused (deleted)");
    // Which of the two is missing first, the blob or the version of it, is the service's to say.
    const written = inWords(await store.writeMetadata(KEY, {}, { leaseId: A, ifMatch: '"0x1"' }));
    expect(written === "unmet" ? "refused (deleted)" : written).toBe("refused (deleted)");
  }

  async function expectMissing(what: "blob" | "container", { store }: StoreUnderTest): Promise<void> {
    expect(inWords(await store.acquire(KEY, A, 15))).toBe(`missing (${what})`);
    expect(inWords(await store.read(KEY))).toBe(`missing (${what})`);
    expect(inWords(await store.break(KEY))).toBe(`missing (${what})`);
    let isContainerMissing = false;
    const onNoContainer = (): void => {
      isContainerMissing = true;
    };
    for await (const { key } of store.list("", { onNoContainer })) expect(key).toBe("not listed");
    // A store that cannot tell says nothing.
    if (what === "blob") expect(isContainerMissing).toBe(false);
  }

  describe("where there is no container", () => {
    test("the container is what is missing", async (under) => {
      await expectMissing("container", under);
      expect(inWords(await under.store.create(KEY, {}))).toBe("missing (container)");
    });

    test("a holder is told that the lock was deleted", expectHolderRefused);

    test("one can be created, and creating it again is fine", async (under) => {
      await Promise.all([under.store.createContainer(), under.store.createContainer()]);
      await under.store.createContainer();
      expect(inWords(await under.store.create(KEY, {}))).toBe("created");
    });
  });

  describe("where there is no blob", () => {
    test("the blob is what is missing", async (under) => {
      await under.store.createContainer();
      await expectMissing("blob", under);
    });

    test("a holder is told that the lock was deleted", async (under) => {
      await under.store.createContainer();
      await expectHolderRefused(under);
    });
  });

  describe("after another deleted", () => {
    test("the blob, naming its lease, the holder is told so, and everything begins anew", async (under) => {
      await bringInto("leased", under);
      expect(await under.foreign.deleteBlob(KEY, { leaseId: A })).toBe(true);
      await expectHolderRefused(under);
      expect(inWords(await under.store.create(KEY, {}))).toBe("created");
      expect(inWords(await under.store.renew(KEY, A))).toBe("refused (taken)");
      expect(inWords(await under.store.acquire(KEY, B, 15))).toBe("acquired");
    });

    const container = "the container, which leases do not stop";
    test(`${container}, the holder is told so, and everything begins anew`, async (under) => {
      await bringInto("leased", under);
      await under.foreign.deleteContainer();
      await expectHolderRefused(under);
      await expectMissing("container", under);
      await under.store.createContainer();
      expect(await leaseOf(under)).toBe("missing");
      expect(inWords(await under.store.create(KEY, {}))).toBe("created");
      expect(inWords(await under.store.acquire(KEY, B, 15))).toBe("acquired");
    });
  });
}

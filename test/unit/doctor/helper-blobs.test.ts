import { describe, expect, it } from "vitest";
import { DOCTOR_FOLDER, HelperBlobs } from "../../../src/doctor/helper-blobs.ts";
import { DEFAULTS } from "../../../src/lease/terms.ts";
import { FakeClock, FaultyLeaseStore, MemoryLeaseStore } from "../../../src/testing/index.ts";
import { settled } from "../../support/settled.ts";

const ID = "00000000-0000-4000-8000-000000000001";
const OTHER = "00000000-0000-4000-8000-000000000002";
const OLD = `${DOCTOR_FOLDER}${OTHER}/speed`;

function setUp() {
  const clock = new FakeClock();
  const memory = new MemoryLeaseStore({ clock, containerExists: true });
  const store = new FaultyLeaseStore(memory, { clock });
  const blobs = new HelperBlobs(store, { clock, random: () => 0.5, newId: () => ID }, DEFAULTS);
  const names = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { key } of memory.list("")) found.push(key);
    return found;
  };
  const clear = async (canList = true): Promise<readonly string[]> => {
    const outcome = await settled(clock, blobs.clear(canList), 60_000);
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  };
  return { clock, memory, store, blobs, names, clear };
}

describe("the blobs of a diagnosis", () => {
  it("are deleted at the end, whatever leases stand on them", async () => {
    const { memory, blobs, names, clear } = setUp();
    const [leased, infinite, plain] = ["a", "b", "c"].map((label) => blobs.toBeMade(label)) as [string, string, string];
    for (const name of [leased, infinite, plain]) await memory.create(name, {});
    await memory.acquire(leased, OTHER, 60);
    await memory.acquire(infinite, OTHER, "infinite");
    expect(await clear()).toEqual([]);
    expect(await names()).toEqual([]);
  });

  it("are named if they cannot be deleted, and the rest is deleted all the same", async () => {
    const { memory, store, blobs, names, clear } = setUp();
    const name = blobs.toBeMade("a");
    await memory.create(name, {});
    blobs.toBeMade("never made");
    store.hang("remove");
    expect(await clear()).toEqual([name]);
    expect(await names()).toEqual([name]);
  });

  it("of an earlier run that was killed are deleted once they are old", async () => {
    const { clock, memory, blobs, names, clear } = setUp();
    await memory.create(OLD, {});
    await memory.create("a lock", {});
    await memory.create(blobs.toBeMade("a"), {});
    await clear();
    expect(await names()).toEqual([OLD, "a lock"].sort());
    await clock.advance(11 * 60_000);
    await memory.create(blobs.toBeMade("b"), {});
    await clear();
    expect(await names()).toEqual(["a lock"]);
  });

  it("of another run that is at work are left alone", async () => {
    const { clock, memory, blobs, names, clear } = setUp();
    await memory.create(OLD, {});
    await clock.advance(11 * 60_000);
    await memory.acquire(OLD, OTHER, 60);
    await memory.create(blobs.toBeMade("a"), {});
    await clear();
    expect(await names()).toEqual([OLD]);
  });
});

import { describe, expect, it } from "vitest";
import { changeLine } from "../../../src/cli/output/lock-change-text.ts";
import type { LockStatus } from "../../../src/index.ts";
import { changesBetween } from "../../../src/status/lock-changes.ts";
import { type LocksSeen, RecordsSeen } from "../../../src/status/records-seen.ts";
import { ago, heldLock, holder, lock, NOW } from "../../support/lock-statuses.ts";

/** What is told of one key that is shown in these looks, two seconds apart: a list of lines for each look. */
function toldOf(...looks: readonly (LockStatus | undefined)[]): string[][] {
  const records = new RecordsSeen();
  let before: LocksSeen | undefined;
  return looks.map((status, index) => {
    const now = records.note(new Map(status ? [[status.key, status]] : []), NOW + index * 2_000);
    const changes = changesBetween(before, now, records.isAwaiting);
    before = now;
    return changes.map((change) => changeLine(change, NOW).replace("2026-11-23T13:05:12Z k ", ""));
  });
}

type HolderRecord = Pick<LockStatus, "holder" | "purpose" | "leaseSeconds" | "recordedAt" | "highestToken">;
const recordOf = ({
  holder: by,
  purpose,
  leaseSeconds,
  recordedAt,
  highestToken,
}: LockStatus): Partial<LockStatus> => ({
  ...(by && { holder: by }),
  ...(purpose !== undefined && { purpose }),
  ...(leaseSeconds !== undefined && { leaseSeconds }),
  ...(recordedAt && { recordedAt }),
  ...(highestToken !== undefined && { highestToken }),
});

const web3 = heldLock("k", "web-3:1", { purpose: "schema 42" });
const web4 = heldLock("k", "web-4:1", { recordedAt: ago(0), highestToken: 2_048 });
const free = lock("k", recordOf(web3));
const freeOfWeb4 = lock("k", recordOf(web4));
const expired: LockStatus = { ...free, state: "expired" };
const broken: LockStatus = { ...free, state: "broken" };
/** Between the lease and the record of its holder. */
const taken = web3;

describe("a record that was there before the lock was taken", () => {
  it("names no holder, and the lock is told as held once, when the next look shows its holder's own", () => {
    expect(toldOf(free, taken, web4, web4)).toEqual([["free"], [], ["held by web-4:1"], []]);
  });

  it.each([
    ["released", free],
    ["expired", expired],
    ["broken", broken],
  ])("is a record of before also where the lease was %s", (_, before) => {
    expect(toldOf(before, taken, web4).slice(1)).toEqual([[], ["held by web-4:1"]]);
  });

  it("is a record of before where a broken lease is followed by another", () => {
    expect(toldOf({ ...web3, state: "breaking" }, taken, web4).slice(1)).toEqual([[], ["held by web-4:1"]]);
  });

  it("is none also where there was no record, and no line says that the holder is unnamed", () => {
    const nameless = lock("k", { isHeld: true, state: "leased" });
    expect(toldOf(undefined, nameless, web4)).toEqual([[], [], ["held by web-4:1"]]);
    expect(toldOf(undefined, nameless, nameless, nameless, nameless)).toEqual([
      [],
      [],
      [],
      [],
      ["held by an unnamed holder"],
    ]);
  });

  it("names the holder if it stays: its holder has the lock again, which takes no new record", () => {
    expect(toldOf(free, taken, taken, taken, taken)).toEqual([["free"], [], [], [], ["held by web-3:1 (schema 42)"]]);
  });

  it("is looked past at the end of a hold that no look showed with its own", () => {
    expect(toldOf(free, taken, freeOfWeb4)).toEqual([["free"], [], ["held by web-4:1", "free"]]);
    expect(toldOf(free, taken, free)).toEqual([["free"], [], ["held by web-3:1 (schema 42)", "free"]]);
  });

  it("does not say whose lease was broken", () => {
    expect(toldOf(free, taken, { ...taken, state: "breaking" }, web4).slice(2)).toEqual([
      ["broken, and free when the lease of an unnamed holder ends, in at most 60 s"],
      ["held by web-4:1"],
    ]);
  });

  it("names the holder at the first look, which has none before it, and where the lock stays held", () => {
    expect(toldOf(taken, taken)).toEqual([["held by web-3:1 (schema 42)"], []]);
    expect(toldOf(web3, web4)).toEqual([["held by web-3:1 (schema 42)"], ["held by web-4:1"]]);
  });

  it("names no permit: neither the last record of its slot, nor one that is older than the look before", () => {
    const semaphore = (...held: readonly HolderRecord[]): LockStatus =>
      lock("k", {
        state: "missing",
        semaphore: { permits: 2, held: held.map((record, slot) => ({ slot, state: "leased", ...record })) },
      });
    const [a, b] = [recordOf(web3), recordOf(web4)];
    expect(toldOf(semaphore(a), semaphore(), semaphore(a), semaphore(b))).toEqual([
      ["1 of 2 permits held: web-3:1"],
      ["0 of 2 permits held"],
      [],
      ["1 of 2 permits held: web-4:1"],
    ]);
    expect(toldOf(semaphore(), semaphore(a), semaphore(b)).slice(1)).toEqual([[], ["1 of 2 permits held: web-4:1"]]);
    expect(toldOf(semaphore(), semaphore(b)).slice(1)).toEqual([["1 of 2 permits held: web-4:1"]]);
  });
});

describe("a look without the records of before", () => {
  it("keeps all that is not of that record", () => {
    const records = new RecordsSeen();
    records.note(new Map([["k", free]]), NOW);
    const waiting = [{ holder: holder("b:2"), since: ago(1) }];
    const seen = records.note(new Map([["k", { ...taken, waiting, kind: "lock" }]]), NOW + 2_000).get("k");
    expect(seen).toEqual({
      key: "k",
      isHeld: true,
      state: "leased",
      infinite: false,
      highestToken: 1_024,
      waiting,
      kind: "lock",
    });
  });
});

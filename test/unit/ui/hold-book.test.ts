import { describe, expect, it } from "vitest";
import { changesBetween, type LocksSeen } from "../../../src/facts/lock-changes.ts";
import type { LockStatus } from "../../../src/index.ts";
import { HoldBook } from "../../../src/ui/hold-book.ts";
import { heldLock, holder, lock } from "../../support/lock-statuses.ts";

const SECOND = 1_000;
const BEGAN = Date.UTC(2026, 10, 23, 13);

/** A book that is shown these locks, two seconds apart. */
function shown(...looks: (readonly LockStatus[])[]) {
  const book = new HoldBook();
  let before: LocksSeen | undefined;
  for (const [index, statuses] of looks.entries()) {
    const locks = new Map(statuses.map((status) => [status.key, status]));
    const at = BEGAN + index * 2 * SECOND;
    book.note(changesBetween(before, locks), locks, { version: index + 1, at, before: index === 0 ? undefined : at - 2 * SECOND });
    before = locks;
  }
  const told = book
    .holdsAfter(0)
    .map(({ key, part, holder, from, to, end, isFromBefore }) =>
      [
        key,
        part.kind === "permit" ? `permit ${part.slot}` : part.kind,
        holder?.name ?? "nobody",
        `${isFromBefore ? "before " : ""}${(from - BEGAN) / SECOND}-${to === undefined ? "" : (to - BEGAN) / SECOND}`,
        ...(end ? [end] : []),
      ].join(" "),
    );
  const lost = book
    .lossesAfter(0)
    .map(({ key, part, holder, why, at }) => `${key} ${part.kind} ${holder?.name} ${why} ${(at - BEGAN) / SECOND}`);
  return { book, told, lost };
}

const at = (seconds: number): Date => new Date(BEGAN + seconds * SECOND);
const held = (by: string, recordedAt?: Date, status: Partial<LockStatus> = {}) =>
  heldLock("k", by, { ...(recordedAt && { recordedAt }), ...status });

describe("the book of holds", () => {
  it("says who held a lock from when to when, by the record and by what was seen", () => {
    const { told, lost } = shown([lock("k")], [held("a:1", at(1))], [held("a:1", at(1))], [lock("k", { holder: holder("a:1") })]);
    expect(told).toEqual(["k lock a:1 1-6 released"]);
    expect(lost).toEqual([]);
  });

  it("says of a hold that began before that it did, and dates it by its record", () => {
    const { told, book } = shown([held("a:1", at(-40))]);
    expect(told).toEqual(["k lock a:1 before -40-"]);
    expect(book.since("k", { kind: "lock" })).toEqual({ from: BEGAN - 40 * SECOND, isFromBefore: true });
  });

  it("does not take the record of an earlier hold of the same process for the beginning of this one", () => {
    const old = at(-600);
    const { told } = shown([held("a:1", old)], [lock("k", { holder: holder("a:1") })], [held("a:1", old)]);
    expect(told).toEqual(["k lock a:1 before -600-2 released", "k lock a:1 4-"]);
  });

  it("does not date a hold after it was seen, whatever the service's clock says", () => {
    expect(shown([lock("k")], [held("a:1", at(900))]).told).toEqual(["k lock a:1 2-"]);
  });

  it("does not know how a hold ended where another has the lock at the next look", () => {
    const { told, lost } = shown([held("a:1", at(-5))], [held("b:1", at(1))]);
    expect(told).toEqual(["k lock a:1 before -5-1 unseen", "k lock b:1 1-"]);
    expect(lost).toEqual([]);
  });

  it("counts as lost what ran out, what was broken and what was deleted, and each once", () => {
    const gone: LockStatus = { key: "k", isHeld: false, state: "missing", infinite: false };
    expect(shown([held("a:1")], [held("a:1", undefined, { isHeld: false, state: "expired" })]).lost).toEqual(["k lock a:1 ranOut 2"]);
    expect(shown([held("a:1")], [held("a:1", undefined, { isHeld: false, state: "broken" })]).lost).toEqual(["k lock a:1 broken 2"]);
    expect(shown([held("a:1")], [gone]).lost).toEqual(["k lock a:1 deleted 2"]);
    const breaking = held("a:1", undefined, { state: "breaking" });
    const broken = held("a:1", undefined, { isHeld: false, state: "broken" });
    const { told, lost } = shown([held("a:1", at(-1))], [breaking], [breaking], [broken], [held("b:1", at(7))]);
    expect(lost).toEqual(["k lock a:1 broken 2"]);
    expect(told).toEqual(["k lock a:1 before -1-6 broken", "k lock b:1 7-"]);
  });

  it("tells a hold that was broken from that of the same process after it", () => {
    const { told } = shown([held("a:1", at(-9), { state: "breaking" })], [held("a:1", at(-9))]);
    expect(told).toEqual(["k lock a:1 before -9-2 broken", "k lock a:1 2-"]);
  });

  it("does not call deleted what only is not listed any more", () => {
    const nameless = lock("k", { isHeld: true, state: "leased" });
    const { told, lost } = shown([nameless], []);
    expect(told).toEqual(["k lock nobody before 0-2 unlisted"]);
    expect(lost).toEqual([]);
  });

  it("believes no record of an infinite lease", () => {
    expect(shown([held("a:1", at(-9), { infinite: true })]).told).toEqual(["k lock nobody before 0-"]);
  });

  it("has permits and readers beside the lock, and counts as lost of these what was broken", () => {
    const permit = (slot: number, name: string, state: "leased" | "breaking" = "leased") => ({ slot, state, holder: holder(name) });
    const { told, lost } = shown(
      [lock("k", { semaphore: { permits: 2, held: [permit(0, "a:1")] }, readers: [{ state: "leased", holder: holder("r:1") }] })],
      [
        lock("k", {
          semaphore: { permits: 2, held: [permit(0, "a:1", "breaking"), permit(1, "b:1")] },
          readers: [{ state: "breaking", holder: holder("r:1") }],
        }),
      ],
      [lock("k", { semaphore: { permits: 2, held: [permit(0, "c:1")] } })],
    );
    expect(told).toEqual([
      "k permit 0 a:1 before 0-4 broken",
      "k reader r:1 before 0-4 broken",
      "k permit 1 b:1 2-4 unseen",
      "k permit 0 c:1 4-",
    ]);
    expect(lost).toEqual(["k permit a:1 broken 2", "k reader r:1 broken 2"]);
  });

  it("gives only what is new after a version", () => {
    const { book } = shown([held("a:1", at(-5)), heldLock("other", "x:1")], [held("a:1", at(-5)), lock("other")]);
    expect(book.holdsAfter(1).map(({ key }) => key)).toEqual(["other"]);
    expect(book.holdsAfter(2)).toEqual([]);
  });

  it("forgets the oldest of very many holds, and says up to when", () => {
    const book = new HoldBook();
    let before: LocksSeen | undefined;
    for (let look = 0; look < 12; look += 1) {
      const keys = Array.from({ length: 2_000 }, (_, index) => `k${index}`);
      const locks = new Map(keys.map((key) => [key, heldLock(key, `holder:${look}`)]));
      book.note(changesBetween(before, locks), locks, { version: look + 1, at: look, before: look === 0 ? undefined : look - 1 });
      before = locks;
    }
    // 11 times 2,000 have ended, of which 20,000 are kept.
    const holds = book.holdsAfter(0);
    expect(holds).toHaveLength(22_000);
    expect(book.horizon).toBe(1);
    expect(holds.filter(({ to }) => to !== undefined && to <= 1)).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import type { LockStatus } from "../../../src/index.ts";
import { RecordsSeen } from "../../../src/status/records-seen.ts";
import { HoldHistory } from "../../../src/ui/hold-history.ts";
import { heldLock, holder, lock } from "../../support/lock-statuses.ts";

const SECOND = 1_000;
const BEGAN = Date.UTC(2026, 10, 23, 13);

/** A history that is shown these locks, two seconds apart. */
function shown(...looks: (readonly LockStatus[])[]) {
  return shownAt(...looks.map((statuses, index) => ({ at: index * 2, statuses })));
}

/** A history that is shown these locks, at these seconds. */
function shownAt(
  ...looks: readonly { readonly at: number; readonly statuses: readonly LockStatus[]; readonly isAfterGap?: boolean }[]
) {
  const history = new HoldHistory();
  const records = new RecordsSeen();
  let before: number | undefined;
  for (const [index, { at: second, statuses, isAfterGap = false }] of looks.entries()) {
    const locks = new Map(statuses.map((status) => [status.key, status]));
    const now = BEGAN + second * SECOND;
    history.note(records.note(locks, now), {
      version: index + 1,
      at: now,
      before,
      isAfterGap,
      isAwaiting: records.isAwaiting,
    });
    before = now;
  }
  const told = history
    .holdsAfter(0)
    .map(({ key, part, holder, from, earliest, lastSeen, to, end, isFromBefore }) =>
      [
        key,
        part.kind === "permit" ? `permit ${part.slot}` : part.kind,
        holder?.name ?? "nameless",
        `${isFromBefore ? "before " : ""}${range(earliest, from)}-${to === undefined ? "" : range(lastSeen, to)}`,
        ...(end ? [end] : []),
      ].join(" "),
    );
  const lost = history
    .lossesAfter(0)
    .map(
      ({ key, part, holder, why, after, at: seen }) =>
        `${key} ${part.kind} ${holder?.name} ${why} ${range(after, seen)}`,
    );
  return { history, told, lost };
}

/** `4` if it is known, `2..4` if it was between two looks, `?..4` if nothing tells how early. */
function range(earliest: number | undefined, latest: number): string {
  const [first, last] = [earliest ?? Number.NaN, latest].map((ms) => (ms - BEGAN) / SECOND);
  if (first === last) return String(last);
  return `${earliest === undefined ? "?" : first}..${last}`;
}

const at = (seconds: number): Date => new Date(BEGAN + seconds * SECOND);
const held = (by: string, recordedAt?: Date, status: Partial<LockStatus> = {}) =>
  heldLock("k", by, { ...(recordedAt && { recordedAt }), ...status });

describe("the history of holds", () => {
  it("says who held a lock from when to when, by the record and by what was seen", () => {
    const { told, lost } = shown(
      [lock("k")],
      [held("a:1", at(1))],
      [held("a:1", at(1))],
      [lock("k", { holder: holder("a:1") })],
    );
    expect(told).toEqual(["k lock a:1 1-4..6 released"]);
    expect(lost).toEqual([]);
  });

  it("says of a hold that began before that it did, and dates it by its record", () => {
    const { told, history } = shown([held("a:1", at(-40))]);
    expect(told).toEqual(["k lock a:1 before -40-"]);
    expect(history.since("k", { kind: "lock" })).toEqual({
      from: BEGAN - 40 * SECOND,
      earliest: BEGAN - 40 * SECOND,
      isFromBefore: true,
    });
  });

  it("does not take the record of an earlier hold of the same process for the beginning of this one", () => {
    const old = at(-600);
    const { told } = shown([held("a:1", old)], [lock("k", { holder: holder("a:1") })], [held("a:1", old)]);
    expect(told).toEqual(["k lock a:1 before -600-0..2 released", "k lock a:1 2..4-"]);
  });

  it("draws no hold of a holder that has released, beside whose record the next one has the lock", () => {
    const free = lock("k", { ...held("a:1", at(-9)), isHeld: false, state: "available" });
    const { told } = shown([held("a:1", at(-9))], [free], [held("a:1", at(-9))], [held("b:1", at(5))]);
    expect(told).toEqual(["k lock a:1 before -9-0..2 released", "k lock b:1 2..4-"]);
    const lapsed = held("b:1", at(5), { isHeld: false, state: "expired" });
    expect(shown([free], [held("a:1", at(-9))], [lapsed])).toMatchObject({
      told: ["k lock b:1 0..2-2..4 expired"],
      lost: ["k lock b:1 expired 2..4"],
    });
  });

  it("names a hold that was seen before its record, also of a permit, and does not take two over a gap for one", () => {
    const permit = (name: string, recordedAt: Date) => ({
      slot: 0,
      state: "leased" as const,
      holder: holder(name),
      recordedAt,
    });
    const pool = (...permits: ReturnType<typeof permit>[]) => lock("k", { semaphore: { permits: 2, held: permits } });
    expect(shown([pool()], [pool(permit("a:1", at(-9)))], [pool(permit("b:1", at(3)))]).told).toEqual([
      "k permit 0 b:1 0..2-",
    ]);
    const free = lock("k", { ...held("a:1", at(-9)), isHeld: false, state: "available" });
    expect(
      shownAt(
        { at: 0, statuses: [free] },
        { at: 2, statuses: [held("a:1", at(-9))] },
        { at: 7_200, statuses: [held("b:1", at(7_000))], isAfterGap: true },
      ).told,
    ).toEqual(["k lock nameless 0..2-2..7000 unseen", "k lock b:1 7000-"]);
  });

  it("does not date a hold after it was seen, whatever the service's clock says", () => {
    expect(shown([lock("k")], [held("a:1", at(900))]).told).toEqual(["k lock a:1 0..2-"]);
  });

  it("does not know how a hold ended where another has the lock at the next look", () => {
    const { told, lost } = shown([held("a:1", at(-5))], [held("b:1", at(1))]);
    expect(told).toEqual(["k lock a:1 before -5-0..1 unseen", "k lock b:1 1-"]);
    expect(lost).toEqual([]);
  });

  it("counts as lost what ran out, what was broken and what was deleted, and each once", () => {
    const gone: LockStatus = { key: "k", isHeld: false, state: "missing", infinite: false };
    expect(shown([held("a:1")], [held("a:1", undefined, { isHeld: false, state: "expired" })]).lost).toEqual([
      "k lock a:1 expired 0..2",
    ]);
    expect(shown([held("a:1")], [held("a:1", undefined, { isHeld: false, state: "broken" })]).lost).toEqual([
      "k lock a:1 broken 0..2",
    ]);
    expect(shown([held("a:1")], [gone]).lost).toEqual(["k lock a:1 deleted 0..2"]);
    const breaking = held("a:1", undefined, { state: "breaking" });
    const broken = held("a:1", undefined, { isHeld: false, state: "broken" });
    const { told, lost } = shown([held("a:1", at(-1))], [breaking], [breaking], [broken], [held("b:1", at(7))]);
    expect(lost).toEqual(["k lock a:1 broken 0..2"]);
    expect(told).toEqual(["k lock a:1 before -1-4..6 broken", "k lock b:1 7-"]);
  });

  it("tells a hold that was broken from that of the same process after it", () => {
    const again = [held("a:1", at(-9))];
    // Its record is none of before: it stays.
    const { told } = shown([held("a:1", at(-9), { state: "breaking" })], again, again, again, again);
    expect(told).toEqual(["k lock a:1 before -9-0..2 broken", "k lock a:1 0..2-"]);
  });

  it("does not call deleted what only is not listed any more", () => {
    const nameless = lock("k", { isHeld: true, state: "leased" });
    const { told, lost } = shown([nameless], []);
    expect(told).toEqual(["k lock nameless before ?..0-0..2 unlisted"]);
    expect(lost).toEqual([]);
  });

  it("believes no record of an infinite lease", () => {
    expect(shown([held("a:1", at(-9), { infinite: true })]).told).toEqual(["k lock nameless before ?..0-"]);
  });

  it("has permits and readers beside the lock, and counts as lost of these what was broken", () => {
    const permit = (slot: number, name: string, state: "leased" | "breaking" = "leased") => ({
      slot,
      state,
      holder: holder(name),
    });
    const { told, lost } = shown(
      [
        lock("k", {
          semaphore: { permits: 2, held: [permit(0, "a:1")] },
          readers: [{ state: "leased", holder: holder("r:1") }],
        }),
      ],
      [
        lock("k", {
          semaphore: { permits: 2, held: [permit(0, "a:1", "breaking"), permit(1, "b:1")] },
          readers: [{ state: "breaking", holder: holder("r:1") }],
        }),
      ],
      [lock("k", { semaphore: { permits: 2, held: [permit(0, "c:1")] } })],
    );
    expect(told).toEqual([
      "k permit 0 a:1 before ?..0-2..4 broken",
      "k reader r:1 before ?..0-2..4 broken",
      "k permit 1 b:1 0..2-2..4 unseen",
      "k permit 0 c:1 2..4-",
    ]);
    expect(lost).toEqual(["k permit a:1 broken 0..2", "k reader r:1 broken 0..2"]);
  });

  it("keeps when a hold was last seen, however much later the next look is", () => {
    const { told, lost } = shownAt(
      { at: 0, statuses: [held("a:1", at(-60))] },
      { at: 2, statuses: [held("a:1", at(-60))] },
      { at: 7_200, statuses: [lock("k", { holder: holder("a:1") })], isAfterGap: true },
    );
    expect(told).toEqual(["k lock a:1 before -60-2..7200 released"]);
    expect(lost).toEqual([]);
  });

  it("says of what another look finds lost hours later that it was lost somewhere in these hours", () => {
    const expired = held("a:1", undefined, { isHeld: false, state: "expired" });
    expect(
      shownAt({ at: 0, statuses: [held("a:1", at(-60))] }, { at: 7_200, statuses: [expired], isAfterGap: true }).lost,
    ).toEqual(["k lock a:1 expired 0..7200"]);
  });

  it("takes two holders without a name for one as long as it looks, and not over a gap", () => {
    const nameless = [lock("k", { isHeld: true, state: "leased" })];
    expect(shown(nameless, nameless).told).toEqual(["k lock nameless before ?..0-"]);
    expect(shownAt({ at: 0, statuses: nameless }, { at: 7_200, statuses: nameless, isAfterGap: true }).told).toEqual([
      "k lock nameless before ?..0-0..7200 unseen",
      "k lock nameless 0..7200-",
    ]);
    // Its name is all that says that it is the same.
    const named = [held("a:1", at(-60))];
    expect(shownAt({ at: 0, statuses: named }, { at: 7_200, statuses: named, isAfterGap: true }).told).toEqual([
      "k lock a:1 before -60-",
    ]);
  });

  it("counts a breaking lease down from the first look that shows it, by the length of the lease", () => {
    const breaking = held("a:1", at(-1), { state: "breaking" });
    const { history } = shown([held("a:1", at(-1))], [breaking], [breaking]);
    expect(history.breaking("k", { kind: "lock" })).toEqual({ freeBy: BEGAN + 32 * SECOND });
    const nameless = lock("k", { isHeld: true, state: "breaking" });
    expect(shown([nameless]).history.breaking("k", { kind: "lock" })).toEqual({ freeBy: BEGAN + 60 * SECOND });
    expect(shown([held("a:1")]).history.breaking("k", { kind: "lock" })).toBeUndefined();
  });

  it("knows who broke what this server broke, and when that is free, and of nothing else", () => {
    const history = new HoldHistory();
    const note = (version: number, ...statuses: LockStatus[]): void =>
      history.note(new Map(statuses.map((status) => [status.key, status])), {
        version,
        at: BEGAN + version * 2 * SECOND,
        before: version === 0 ? undefined : BEGAN + (version - 1) * 2 * SECOND,
      });
    const own = {
      part: { kind: "lock" },
      at: BEGAN + SECOND,
      freeBy: BEGAN + 13 * SECOND,
      by: "alice@laptop",
    } as const;
    note(0, held("a:1"), heldLock("other", "x:1"), heldLock("at-once", "y:1"));
    history.breaks.add({ key: "k", ...own });
    history.breaks.add({ key: "at-once", ...own });
    note(
      1,
      held("a:1", undefined, { state: "breaking" }),
      heldLock("other", "x:1", { state: "breaking" }),
      lock("at-once", { state: "broken" }),
    );
    expect(history.breaking("k", { kind: "lock" })).toEqual({ freeBy: BEGAN + 13 * SECOND, by: "alice@laptop" });
    expect(history.breaking("other", { kind: "lock" })).toEqual({ freeBy: BEGAN + 32 * SECOND });
    note(2, held("b:1"), lock("other", { state: "broken" }));
    // Another process breaks it a moment later.
    note(3, held("b:1", undefined, { state: "breaking" }));
    const lost = history
      .lossesAfter(0)
      .map(({ key, holder: { name } = { name: "" }, why, brokenBy }) => `${key} ${name} ${why} ${brokenBy}`);
    expect(lost).toEqual([
      "k a:1 broken alice@laptop",
      "other x:1 broken undefined",
      "at-once y:1 broken alice@laptop",
      "k b:1 broken undefined",
    ]);
    expect(history.holdsAfter(0).map(({ key, brokenBy }) => `${key} ${brokenBy}`)).toEqual([
      "k alice@laptop",
      "other undefined",
      "at-once alice@laptop",
      "k undefined",
    ]);
  });

  it("gives only what is new after a version", () => {
    const { history } = shown([held("a:1", at(-5)), heldLock("other", "x:1")], [held("a:1", at(-5)), lock("other")]);
    expect(history.holdsAfter(1).map(({ key }) => key)).toEqual(["other"]);
    expect(history.holdsAfter(2)).toEqual([]);
  });

  it("forgets the oldest of very many holds, and says up to when", () => {
    const history = new HoldHistory();
    for (let look = 0; look < 12; look += 1) {
      const keys = Array.from({ length: 2_000 }, (_, index) => `k${index}`);
      const locks = new Map(keys.map((key) => [key, heldLock(key, `holder:${look}`)]));
      history.note(locks, { version: look + 1, at: look, before: look === 0 ? undefined : look - 1 });
    }
    // 11 times 2,000 have ended, of which 20,000 are kept.
    const holds = history.holdsAfter(0);
    expect(holds).toHaveLength(22_000);
    expect(history.forgottenBefore).toBe(1);
    expect(holds.filter(({ to }) => to !== undefined && to <= 1)).toEqual([]);
  });
});

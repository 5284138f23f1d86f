import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstOrder, isChosen, matches, ordered } from "../../../src/ui/page/order.ts";
import { hashOf, routeOf } from "../../../src/ui/page/route.ts";
import { FOLLOWING, SHORTEST_MS, scaled, viewOf, windowOf } from "../../../src/ui/page/timeline-window.ts";
import { duration, holderOf, sinceOf, wordOf } from "../../../src/ui/page/words.ts";
import type { LockView } from "../../../src/ui/snapshot.ts";
import { holder } from "../../support/lock-statuses.ts";

const view = (key: string, facts: Partial<LockView> = {}): LockView => ({
  key,
  word: "free",
  lease: "available",
  infinite: false,
  waiting: [],
  readers: [],
  ...facts,
});
const heldBy = (key: string, name: string, from: number, facts: Partial<LockView> = {}): LockView =>
  view(key, { word: "held", lease: "leased", holder: holder(name), since: { from, isFromBefore: false }, ...facts });
const keys = (locks: readonly LockView[]) => locks.map(({ key }) => key).join(" ");

const LOCKS = [
  heldBy("c", "web-2:1", 300, { purpose: "Schema 42", waiting: [{}, {}], highestToken: 7 }),
  view("b", { word: "ranOut", lease: "expired", lastHolder: holder("web-9:1"), purpose: "old" }),
  heldBy("a", "web-1:1", 100, { infinite: true }),
  view("d", {
    word: "inUse",
    semaphore: {
      permits: 3,
      held: [{ slot: 0, isBreaking: false, holder: holder("p:1"), since: { from: 200, isFromBefore: true } }],
      waiting: [{}],
    },
  }),
];

describe("the order of the page's table", () => {
  it.each([
    ["key", false, "a b c d"],
    ["key", true, "d c b a"],
    ["holder", false, "d a c b"],
    ["holder", true, "c a d b"],
    ["since", true, "a d c b"],
    ["waiting", true, "c d a b"],
    ["state", false, "b a c d"],
    ["token", true, "c a b d"],
    ["purpose", false, "c a b d"],
  ] as const)("is by %s, descending %s: %s", (column, isDescending, expected) => {
    expect(keys(ordered(LOCKS, { column, isDescending }))).toBe(expected);
  });

  it("begins with the longest hold, the most that wait, and the first key", () => {
    expect(keys(ordered(LOCKS, firstOrder("since")))).toMatch(/ b$/);
    expect(keys(ordered(LOCKS, firstOrder("waiting")))).toMatch(/^c d/);
    expect(keys(ordered(LOCKS, firstOrder("key")))).toBe("a b c d");
  });

  it("finds by key, holder and purpose, of its present holder", () => {
    const found = (text: string): string => keys(LOCKS.filter((lock) => matches(lock, text)));
    expect(found(" WEB-1 ")).toBe("a");
    expect(found("schema")).toBe("c");
    expect(found("p:1")).toBe("d");
    expect(found("old")).toBe("");
    expect(found("")).toBe("c b a d");
  });

  it("chooses what is held, waited for, free, and to be looked at", () => {
    const chosen = (choice: Parameters<typeof isChosen>[1]): string => keys(LOCKS.filter((lock) => isChosen(lock, choice)));
    expect(chosen("held")).toBe("c a d");
    expect(chosen("waited")).toBe("c d");
    expect(chosen("free")).toBe("b");
    expect(chosen("attention")).toBe("b a");
  });
});

describe("the page's words", () => {
  it("are of the lock, or of the permits and readers where it is free", () => {
    expect(LOCKS.map(wordOf)).toEqual(["held", "ran out", "held, infinite", "1 of 3"]);
    expect(LOCKS.map(holderOf)).toEqual(["web-2:1", "", "web-1:1", "p:1"]);
    expect(holderOf(view("k", { word: "held" }))).toBe("left no name");
    const readers = [
      { isBreaking: false, holder: holder("r:1"), since: { from: 9, isFromBefore: false } },
      { isBreaking: false, holder: holder("r:2"), since: { from: 5, isFromBefore: false } },
    ];
    const read = view("k", { word: "inUse", readers });
    expect([wordOf(read), holderOf(read), sinceOf(read)?.from]).toEqual(["2 readers", "r:1 and 1 more", 5]);
  });

  it.each([
    [-5, "0 s"],
    [119_999, "119 s"],
    [120_000, "2 min"],
    [7_199_000, "119 min"],
    [7_500_000, "2 h 5 min"],
    [2 * 86_400_000, "2 d"],
  ])("say of %d ms %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("the page's addresses", () => {
  it("name any key, and come back to it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (key) => {
        expect(routeOf(hashOf(key))).toEqual({ kind: "key", key });
      }),
    );
  });

  it.each(["", "#/", "#/key/", "#/key/%", "#token=x"])("show all locks for %j", (hash) => {
    expect(routeOf(hash)).toEqual({ kind: "locks" });
  });
});

describe("the window of the timeline", () => {
  const NOW = 10_000_000;

  it("is from the start on, up to a quarter of an hour, and moves on", () => {
    expect(windowOf(FOLLOWING, NOW, NOW - 1_000)).toEqual({ from: NOW - 60_000, to: NOW });
    expect(windowOf(FOLLOWING, NOW, NOW - 300_000)).toEqual({ from: NOW - 300_000, to: NOW });
    expect(windowOf(FOLLOWING, NOW, 0)).toEqual({ from: NOW - 900_000, to: NOW });
  });

  it("stays where it was moved to, and follows again as soon as it ends now", () => {
    const past = viewOf({ from: NOW - 200_000, to: NOW - 100_000 }, NOW);
    expect(windowOf(past, NOW + 60_000, 0)).toEqual({ from: NOW - 200_000, to: NOW - 100_000 });
    expect(viewOf({ from: NOW - 50_000, to: NOW + 50_000 }, NOW)).toEqual({ spanMs: 100_000, end: "now" });
  });

  it("keeps its end while it follows and its middle otherwise, whichever way it is zoomed", () => {
    expect(windowOf(scaled(FOLLOWING, 1 / 2, NOW, NOW - 300_000), NOW, 0)).toEqual({ from: NOW - 150_000, to: NOW });
    const past = viewOf({ from: NOW - 500_000, to: NOW - 400_000 }, NOW);
    expect(windowOf(scaled(past, 2, NOW, 0), NOW, 0)).toEqual({ from: NOW - 550_000, to: NOW - 350_000 });
    expect(windowOf(scaled(past, 1e-9, NOW, 0), NOW, 0)).toMatchObject({ from: expect.any(Number) });
    expect(scaled(past, 1e-9, NOW, 0).spanMs).toBe(SHORTEST_MS);
  });
});

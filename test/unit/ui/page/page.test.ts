import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable } from "../../../../src/status/printable.ts";
import { heldFor, heldForCell, heldForText } from "../../../../src/ui/page/held-for.ts";
import {
  duration,
  endLabel,
  freeInLabel,
  holderLabel,
  lossLabel,
  sinceOf,
  stateLabel,
} from "../../../../src/ui/page/labels.ts";
import { firstOrder, isChosen, matches, ordered } from "../../../../src/ui/page/order.ts";
import { addressIn, hashOf, type TableSettings, WHOLE_TABLE } from "../../../../src/ui/page/route.ts";
import { breakCommandLine } from "../../../../src/ui/page/shell-command.ts";
import {
  FOLLOWING,
  SHORTEST_SPAN_MS,
  scaled,
  timelineViewOf,
  windowOf,
} from "../../../../src/ui/page/timeline-window.ts";
import { isLink } from "../../../../src/ui/page/web-link.ts";
import type { LockView } from "../../../../src/ui/snapshot.ts";
import { holder } from "../../../support/lock-statuses.ts";

const view = (key: string, facts: Partial<LockView> = {}): LockView => ({
  key,
  state: "free",
  lease: "available",
  infinite: false,
  waiting: [],
  readers: [],
  ...facts,
});
const heldBy = (key: string, name: string, from: number, facts: Partial<LockView> = {}): LockView =>
  view(key, {
    state: "held",
    lease: "leased",
    holder: holder(name),
    since: { from, earliest: from, isFromBefore: false },
    ...facts,
  });
const keys = (locks: readonly LockView[]) => locks.map(({ key }) => key).join(" ");

const LOCKS = [
  heldBy("c", "web-2:1", 300, { purpose: "Schema 42", waiting: [{}, {}], highestToken: 7 }),
  view("b", { state: "expired", lease: "expired", lastHolder: holder("web-9:1"), purpose: "old" }),
  heldBy("a", "web-1:1", 100, { infinite: true }),
  view("d", {
    state: "inUse",
    semaphore: {
      permits: 3,
      held: [{ slot: 0, holder: holder("p:1"), since: { from: 200, isFromBefore: true } }],
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
    const hidden = view("gpj.\u202eexe");
    expect([matches(hidden, "\u202e"), matches(hidden, "{202E}")]).toEqual([true, true]);
    expect(found("")).toBe("c b a d");
  });

  it("chooses what is held, waited for, free, and to be looked at", () => {
    const chosen = (choice: Parameters<typeof isChosen>[1]): string =>
      keys(LOCKS.filter((lock) => isChosen(lock, choice)));
    expect(chosen("held")).toBe("c a d");
    expect(chosen("waited")).toBe("c d");
    expect(chosen("free")).toBe("b");
    expect(chosen("attention")).toBe("b a");
  });
});

describe("the page's words", () => {
  it("are of the lock, or of the permits and readers where it is free", () => {
    expect(LOCKS.map(stateLabel)).toEqual(["held", "ran out", "held, infinite", "1 of 3"]);
    expect(LOCKS.map(holderLabel)).toEqual(["web-2:1", "", "web-1:1", "p:1"]);
    expect(holderLabel(view("k", { state: "held" }))).toBe("an unnamed holder");
    const readers = [
      { holder: holder("r:1"), since: { from: 9, isFromBefore: false } },
      { holder: holder("r:2"), since: { from: 5, isFromBefore: false } },
    ];
    const read = view("k", { state: "inUse", readers });
    expect([stateLabel(read), holderLabel(read), sinceOf(read)?.from]).toEqual(["2 readers", "r:1 and 1 more", 5]);
  });

  it("say how a hold ended, and who broke it only where this page's server did", () => {
    const part = { kind: "lock" } as const;
    expect(endLabel({ part })).toBe("still held");
    expect(endLabel({ part, end: "released" })).toBe("released");
    expect(endLabel({ part, end: "unseen" })).toBe("another holder had it at the next look: released, or lost");
    expect(endLabel({ part, end: "broken" })).toBe("lost: broken, not from this page");
    expect(endLabel({ part, end: "broken", brokenBy: "al\u202eice@laptop" })).toBe(
      "lost: broken from this page, by al\\u{202e}ice@laptop",
    );
    expect(lossLabel({ why: "broken", brokenBy: "alice@laptop" })).toBe("broken from this page, by alice@laptop");
    expect(lossLabel({ why: "expired" })).toBe("the lease ran out");
  });

  it.each([
    [{ freeBy: 30_000 }, 6_500, "in at most 24 s"],
    [{ freeBy: 30_000, by: "alice@laptop" }, 6_500, "in 24 s"],
    [{ freeBy: 30_000 }, 30_000, "any moment"],
  ])("count a breaking lease down: %j at %d is free %s", (breaking, now, text) => {
    expect(freeInLabel(breaking, now)).toBe(text);
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

  it.each([
    [0, 1_200, "less than 2 s", "< 2 s"],
    [500, 2_400_000, "less than 40 min", "< 40 min"],
    [180_000, 2_390_000, "between 3 and 40 min", "3–40 min"],
    [45_000, 180_000, "between 45 s and 3 min", "45 s–3 min"],
    [180_500, 183_000, "3 min", "3 min"],
    [5_000, undefined, "more than 5 s", "> 5 s"],
    [3_600_000 * 5, 3_600_000 * 30.5, "between 5 h 0 min and 30 h 30 min", "5 h 0 min–30 h 30 min"],
  ])("say of a hold of at least %s and at most %s ms %j, and in a cell %j", (leastMs, mostMs, text, cell) => {
    expect([heldForText({ leastMs, mostMs }), heldForCell({ leastMs, mostMs })]).toEqual([text, cell]);
  });

  it("measure a hold from look to look, or to the last look that the page knows", () => {
    const began = { from: 100, earliest: 40, isFromBefore: false };
    expect(heldFor(began, 1_000)).toEqual({ leastMs: 900, mostMs: 960 });
    expect(heldFor({ ...began, lastSeen: 500, to: 800 }, 1_000)).toEqual({ leastMs: 400, mostMs: 760 });
    expect(heldFor({ from: 100, isFromBefore: true }, 1_000)).toEqual({ leastMs: 900, mostMs: undefined });
  });
});

describe("purposes", () => {
  it.each([
    ["https://ci.example.com/builds/4123?a=b#c", true],
    ["http://ci.example.com/", false],
    ["javascript:alert(1)", false],
    ["see https://ci.example.com/", false],
    ["https://ci.example.com/ and more", false],
    ["https://example.com@evil.example/", false],
    ["https://ci.example.com/\u202egpj.exe", false],
    ["https://", false],
    ["HTTPS://ci.example.com/", false],
  ])("%j leads somewhere: %j", (text, expected) => {
    expect(isLink(text)).toBe(expected);
  });
});

describe("the command that breaks a lock", () => {
  it.each(["nightly", "it's mine", "-k", "a\nb\t'\\", "gpj.\u202eexe", "\u{e0041}\u00a0ü夜", "$HOME `id`"])(
    "is taken by a shell as it is meant: %j",
    (key) => {
      const script = `azmutex() { printf '%s|' "$@"; }; ${breakCommandLine(key, "jobs")}`;
      const said = execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8", env: { LC_ALL: "C.UTF-8" } });
      expect(said.split("|").filter((word) => word !== "--")).toEqual(["break", "--container", "jobs", key, ""]);
      expect(printable(breakCommandLine(key, "jobs"))).toBe(breakCommandLine(key, "jobs"));
    },
  );
});

describe("the page's addresses", () => {
  const table = fc.record<TableSettings>({
    text: fc.string({ unit: "grapheme" }),
    choice: fc.constantFrom("all", "held", "waited", "attention", "free"),
    order: fc.record({
      column: fc.constantFrom("state", "key", "holder", "since", "waiting", "purpose", "token"),
      isDescending: fc.boolean(),
    }),
    timeline: fc.record({
      spanMs: fc.oneof(
        fc.constant("auto" as const),
        fc.integer({ min: 10, max: 604_800 }).map((seconds) => seconds * 1_000),
      ),
      end: fc.oneof(fc.constant("now" as const), fc.integer({ min: 0, max: 4_000_000_000_000 })),
    }),
  });

  it("name any key, filter, choice, order and time, and come back to them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), table, (key, wanted) => {
        const address = { route: { kind: "key", key }, table: wanted } as const;
        expect(addressIn(hashOf(address))).toEqual(address);
      }),
    );
  });

  it("say nothing of what is as usual", () => {
    expect(hashOf({ route: { kind: "locks" }, table: WHOLE_TABLE })).toBe("#/");
    expect(hashOf({ route: { kind: "key", key: "a?b" }, table: WHOLE_TABLE })).toBe("#/key/a%3Fb");
    const timeline = { spanMs: 900_000, end: Date.UTC(2026, 10, 30, 7) };
    const order = { column: "since", isDescending: true } as const;
    expect(hashOf({ route: { kind: "losses" }, table: { text: "a b", choice: "held", order, timeline } })).toBe(
      "#/losses?q=a+b&show=held&sort=-since&span=900&until=2026-11-30T07%3A00%3A00.000Z",
    );
  });

  it.each(["", "#/", "#/key/", "#/key/%", "#token=x", "#/?show=toString&sort=constructor&span=-1&until=never"])(
    "show all locks for %j",
    (hash) => {
      expect(addressIn(hash)).toEqual({ route: { kind: "locks" }, table: WHOLE_TABLE });
    },
  );
});

describe("the window of the timeline", () => {
  const NOW = 10_000_000;

  it("is from the start on, up to a quarter of an hour, and moves on", () => {
    expect(windowOf(FOLLOWING, NOW, NOW - 1_000)).toEqual({ from: NOW - 60_000, to: NOW });
    expect(windowOf(FOLLOWING, NOW, NOW - 300_000)).toEqual({ from: NOW - 300_000, to: NOW });
    expect(windowOf(FOLLOWING, NOW, 0)).toEqual({ from: NOW - 900_000, to: NOW });
  });

  it("stays where it was moved to, and follows again as soon as it ends now", () => {
    const past = timelineViewOf({ from: NOW - 200_000, to: NOW - 100_000 }, NOW);
    expect(windowOf(past, NOW + 60_000, 0)).toEqual({ from: NOW - 200_000, to: NOW - 100_000 });
    expect(timelineViewOf({ from: NOW - 50_000, to: NOW + 50_000 }, NOW)).toEqual({ spanMs: 100_000, end: "now" });
  });

  it("keeps its end while it follows and its middle otherwise, whichever way it is zoomed", () => {
    expect(windowOf(scaled(FOLLOWING, 1 / 2, NOW, NOW - 300_000), NOW, 0)).toEqual({ from: NOW - 150_000, to: NOW });
    const past = timelineViewOf({ from: NOW - 500_000, to: NOW - 400_000 }, NOW);
    expect(windowOf(scaled(past, 2, NOW, 0), NOW, 0)).toEqual({ from: NOW - 550_000, to: NOW - 350_000 });
    expect(windowOf(scaled(past, 1e-9, NOW, 0), NOW, 0)).toMatchObject({ from: expect.any(Number) });
    expect(scaled(past, 1e-9, NOW, 0).spanMs).toBe(SHORTEST_SPAN_MS);
  });
});

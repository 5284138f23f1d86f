import { describe, expect, it, vi } from "vitest";
import { lockTable } from "../../../src/cli/facts/lock-table.ts";
import { BreaksSeen } from "../../../src/facts/breaking.ts";
import type { LockStatus } from "../../../src/index.ts";
import { ago, heldLock, holder, lock, NOW } from "../../support/lock-statuses.ts";

vi.stubEnv("NO_COLOR", "1");

const waiter = (name: string) => ({ holder: holder(name), since: ago(5) });

describe("the table of locks", () => {
  it("counts down the time of a break that it saw begin, and does not go below nothing", () => {
    const breaks = new BreaksSeen();
    const breaking = heldLock("k", "a:1", { state: "breaking", leaseSeconds: 20 });
    const shown = (status: LockStatus, seconds: number): string => {
      const now = NOW + seconds * 1_000;
      breaks.note([status], now);
      return /(?:held|breaking)(?:, ≤ \d+ s left)?/.exec(lockTable([status], now, breaks)[1] ?? "")?.[0] ?? "";
    };
    expect([0, 5, 19, 20, 25].map((seconds) => shown(breaking, seconds))).toEqual([
      "breaking, ≤ 20 s left",
      "breaking, ≤ 15 s left",
      "breaking, ≤ 1 s left",
      "breaking",
      "breaking",
    ]);
    // The next break of the key is another.
    expect(shown({ ...breaking, state: "leased" }, 30)).toBe("held");
    expect(shown(breaking, 32)).toBe("breaking, ≤ 20 s left");
  });

  it("takes the longest lease for a break of a holder without a record", () => {
    expect(lockTable([lock("raw", { isHeld: true, state: "breaking" })], NOW)[1]).toContain("breaking, ≤ 60 s left");
  });

  it("has no header over nothing", () => {
    expect(lockTable([], NOW)).toEqual([]);
  });

  it("is aligned, and shows of a free lock nothing of its last holder", () => {
    const locks = [
      lock("a", { holder: holder("web-3:17"), purpose: "history", leaseSeconds: 30, recordedAt: ago(60), highestToken: 7 }),
      heldLock("nightly", "build-7:4123", { purpose: "schema 42", waiting: [waiter("x:1"), waiter("x:2")] }),
    ];
    expect(lockTable(locks, NOW)).toEqual([
      "KEY      STATE  HOLDER        SINCE      WAITING  PURPOSE",
      "a        free   -             -          -        -",
      "nightly  held   build-7:4123  3 min ago  2        schema 42",
    ]);
  });

  it("cuts off no key and no holder, however long", () => {
    const key = "k/".repeat(200);
    const name = "h".repeat(256);
    const [, row = ""] = lockTable([heldLock(key, name)], NOW);
    expect(row).toContain(`${key}  held   ${name}  3 min ago`);
  });

  it("aligns keys that are twice as wide", () => {
    expect(lockTable([lock("夜间"), lock("night")], NOW)).toEqual([
      "KEY    STATE  HOLDER  SINCE  WAITING  PURPOSE",
      "夜间   free   -       -      -        -",
      "night  free   -       -      -        -",
    ]);
  });

  it("lets nothing through that a terminal would obey", () => {
    const table = lockTable([heldLock("a\u202eb", "\u001b]0;x\u0007", { purpose: "\u001b[2J\n" })], NOW).join("|");
    expect(table).toContain("a\\u{202e}b");
    expect(table).toContain("\\x1b]0;x\\x07");
    expect(table).toContain("\\x1b[2J\\x0a");
    expect(table).not.toMatch(/[^\x20-\x7e]/);
  });

  it("says of a holder without a record that it has none, and believes no record under an infinite lease", () => {
    const nameless = lock("raw", { isHeld: true, state: "leased" });
    const stale = heldLock("stale", "web-3:17", { infinite: true, purpose: "history" });
    expect(lockTable([nameless, stale], NOW).slice(1)).toEqual([
      "raw    held                  somebody who left no name  -      -        -",
      "stale  held, infinite lease  somebody who left no name  -      -        -",
    ]);
  });

  it.each([
    [heldLock("k", "a:1", { state: "breaking" }), "breaking, ≤ 30 s left", "a:1"],
    [lock("k", { state: "missing", semaphore: { permits: 5, held: [] } }), "0 of 5 permits", "-"],
    [
      lock("k", {
        state: "missing",
        semaphore: {
          permits: 5,
          held: [
            { slot: 0, state: "leased", holder: holder("a:1") },
            { slot: 2, state: "leased" },
            { slot: 4, state: "breaking", holder: holder("c:3") },
          ],
          waiting: [waiter("d:4")],
        },
      }),
      "3 of 5 permits",
      "a:1 and 2 more",
    ],
    [lock("k", { readers: [{ state: "leased", holder: holder("r:1") }] }), "1 reader", "r:1"],
    [
      heldLock("k", "w:1", {
        readers: [
          { state: "leased", holder: holder("r:1") },
          { state: "leased", holder: holder("r:2") },
        ],
      }),
      "held, 2 readers",
      "w:1",
    ],
  ])("shows %j as %s, held by %s", (status, state, by) => {
    const [head = "", row = ""] = lockTable([status], NOW);
    expect(row.slice(head.indexOf("STATE"), head.indexOf("HOLDER")).trim()).toBe(state);
    expect(row.slice(head.indexOf("HOLDER"), head.indexOf("SINCE")).trim()).toBe(by);
  });
});

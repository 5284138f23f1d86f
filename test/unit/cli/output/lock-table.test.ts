import { describe, expect, it, vi } from "vitest";
import { lockTable, totalsLine } from "../../../../src/cli/output/lock-table.ts";
import { columnsOf } from "../../../../src/cli/terminal/columns.ts";
import type { LockStatus } from "../../../../src/index.ts";
import { BreaksSeen } from "../../../../src/status/breaking.ts";
import { ago, heldLock, holder, lock, NOW } from "../../../support/lock-statuses.ts";

vi.stubEnv("NO_COLOR", "1");

const waiter = (name: string) => ({ holder: holder(name), since: ago(5) });

describe("the table of locks", () => {
  it("counts down the time of a break that it saw begin, and does not go below nothing", () => {
    const breaks = new BreaksSeen();
    const breaking = heldLock("k", "a:1", { state: "breaking", leaseSeconds: 20 });
    const shown = (status: LockStatus, seconds: number): string => {
      const now = NOW + seconds * 1_000;
      breaks.note([status], now);
      return /(?:held|breaking)(?:, ≤ \d+ s)?/.exec(lockTable([status], now, { breaks })[1] ?? "")?.[0] ?? "";
    };
    expect([0, 5, 19, 20, 25].map((seconds) => shown(breaking, seconds))).toEqual([
      "breaking, ≤ 20 s",
      "breaking, ≤ 15 s",
      "breaking, ≤ 1 s",
      "breaking",
      "breaking",
    ]);
    // The next break of the key is another.
    expect(shown({ ...breaking, state: "leased" }, 30)).toBe("held");
    expect(shown(breaking, 32)).toBe("breaking, ≤ 20 s");
  });

  it("takes the longest lease for a break of a holder without a record", () => {
    expect(lockTable([lock("raw", { isHeld: true, state: "breaking" })], NOW)[1]).toContain("breaking, ≤ 60 s");
  });

  it("has no header over nothing", () => {
    expect(lockTable([], NOW)).toEqual([]);
  });

  it("is aligned, and shows of a free lock nothing of its last holder", () => {
    const locks = [
      lock("a", {
        holder: holder("web-3:17"),
        purpose: "history",
        leaseSeconds: 30,
        recordedAt: ago(60),
        highestToken: 7,
      }),
      heldLock("nightly", "build-7:4123", { purpose: "schema 42", waiting: [waiter("x:1"), waiter("x:2")] }),
    ];
    expect(lockTable(locks, NOW)).toEqual([
      "KEY      STATE  HOLDER        SINCE      WAITING  PURPOSE",
      "nightly  held   build-7:4123  3 min ago  2        schema 42",
      "a        free   -             -          -        -",
    ]);
  });

  it("has those in use first, whichever way they are", () => {
    const readers = [{ state: "leased" as const, holder: holder("r:1") }];
    const locks = [
      lock("a"),
      heldLock("b", "x:1"),
      lock("c", { state: "missing", readers }),
      lock("d"),
      heldLock("e", "x:1", { state: "breaking" }),
    ];
    expect(lockTable(locks, NOW).map((row) => row.slice(0, 3).trim())).toEqual(["KEY", "b", "c", "e", "a", "d"]);
    expect(totalsLine(locks)).toBe("5 locks: 1 held, 1 breaking, 1 in use, 2 free");
    expect(totalsLine([lock("a")])).toBe("1 lock: 1 free");
  });

  it("fits the terminal, where one long key, holder or purpose harms no other row", () => {
    const locks = [
      heldLock(`deploy/${"k".repeat(1_010)}/shop`, `build-${"h".repeat(240)}:4123`, { purpose: "p".repeat(1_000) }),
      heldLock("nightly", "web-3:17", { purpose: "schema 42" }),
      heldLock("夜间/任务/报告/每天/早上", "批处理-三号-服务器-上海:88", { state: "breaking", purpose: "月度报告" }),
      lock("free"),
    ];
    expect(lockTable(locks, NOW, { columns: 80 })).toEqual([
      "KEY              STATE             HOLDER          SINCE      WAITING  PURPOSE",
      "deploy/…kk/shop  held              build-h…h:4123  3 min ago  -        pppppppp…",
      "nightly          held              web-3:17        3 min ago  -        schema 42",
      "夜间/任…天/早上  breaking, ≤ 30 s  批处理-…海:88   3 min ago  -        月度报告",
      "free             free              -               -          -        -",
    ]);
    for (const columns of [1, 10, 20, 40, 60, 80, 100, 200, 400]) {
      for (const row of lockTable(locks, NOW, { columns }))
        expect([columns, row, columnsOf(row) <= columns]).toEqual([columns, row, true]);
    }
    expect(lockTable(locks, NOW, { columns: 40 })[1]).toBe("deploy/kkkk…kkkkk/shop  held");
  });

  it("cuts off no key and no holder, however long, where there is no terminal", () => {
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
      "raw    held                  an unnamed holder  -      -        -",
      "stale  held, infinite lease  an unnamed holder  -      -        -",
    ]);
  });

  it.each([
    [heldLock("k", "a:1", { state: "breaking" }), "breaking, ≤ 30 s", "a:1"],
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

import { describe, expect, it, vi } from "vitest";
import { statusLines } from "../../../../src/cli/output/lock-status-text.ts";
import { columnsOf } from "../../../../src/cli/terminal/columns.ts";
import { ago, heldLock, holder, lock, NOW } from "../../../support/lock-statuses.ts";

vi.stubEnv("NO_COLOR", "1");

describe("the status of a lock, for people", () => {
  it("says who holds it, for what, since when, and who waits in order", () => {
    const waiting = [
      { holder: holder("build-7:4123"), since: ago(60) },
      { holder: holder("deploy", "web-4", 9), since: ago(2) },
    ];
    expect(statusLines(heldLock("nightly", "web-3:17", { purpose: "schema 42", waiting }), NOW)).toEqual([
      "nightly: held",
      "  holder   web-3:17",
      "  purpose  schema 42",
      "  since    2026-11-23T13:02:12Z (3 min ago)",
      "  lease    30 s, renewed as long as its holder lives",
      "  token    no token up to now is higher than 1024",
      "  waiting  1. build-7:4123, since 2026-11-23T13:04:12Z (60 s ago)",
      "           2. deploy (host web-4, pid 9), since 2026-11-23T13:05:10Z (2 s ago)",
    ]);
  });

  it("says of a free lock who had it last", () => {
    const last = {
      holder: holder("web-3:17"),
      purpose: "schema 42",
      leaseSeconds: 30,
      recordedAt: ago(180),
      highestToken: 7,
    };
    const facts = [
      "  last holder  web-3:17 (schema 42), since 2026-11-23T13:02:12Z (3 min ago)",
      "  token        no token up to now is higher than 7",
    ];
    expect(statusLines(lock("nightly", last), NOW)).toEqual(["nightly: free", ...facts]);
    expect(statusLines(lock("nightly", { ...last, state: "expired" }), NOW)).toEqual([
      "nightly: free (the last holder's lease ran out: it was not released)",
      ...facts,
    ]);
    expect(statusLines(lock("nightly", { ...last, state: "broken" }), NOW)[0]).toBe(
      "nightly: free (the last holder's lease was broken)",
    );
  });

  it("says of a key that was never locked that it was not", () => {
    expect(statusLines(lock("never", { state: "missing" }), NOW)).toEqual([
      "never: free (there is no such blob: it was never locked, or was deleted)",
    ]);
  });

  it("says of a holder without a record that it is unknown", () => {
    expect(statusLines(lock("raw", { isHeld: true, state: "leased" }), NOW)).toEqual([
      "raw: held",
      "  holder  unknown: it left no record (a go-azuremutex, acquire(), or a locker without fencing)",
    ]);
  });

  it("says of an infinite lease how it ends, and takes an old record for what it is", () => {
    expect(statusLines(heldLock("raw", "web-3:17", { infinite: true }), NOW)).toEqual([
      "raw: held, infinite lease",
      "  holder       unknown: an infinite lease leaves no record",
      "  last holder  web-3:17, since 2026-11-23T13:02:12Z (3 min ago)",
      "  lease        infinite: it ends when its holder releases it, or by azmutex break",
      "  token        no token up to now is higher than 1024",
    ]);
  });

  it("says of a breaking lease what that means", () => {
    const lines = statusLines(heldLock("k", "a:1", { state: "breaking" }), NOW);
    expect(lines[0]).toBe("k: breaking (broken: its holder cannot renew it; free in at most 30 s)");
    expect(lines).toContain("  lease   30 s, not renewed any more: free in at most 30 s");
  });

  it("says that it cannot tell who waits, rather than that there is no waiter", () => {
    const { waiting: _, ...status } = lock("k");
    expect(statusLines(status, NOW)).toEqual(["k: free", "  waiting  unknown: these credentials do not allow to list"]);
  });

  it("lists permits and who waits for one", () => {
    const semaphore = {
      permits: 3,
      held: [
        { slot: 0, state: "leased" as const, holder: holder("a:1"), purpose: "report", recordedAt: ago(20) },
        { slot: 2, state: "breaking" as const },
      ],
      waiting: [{ holder: holder("b:2"), since: ago(4) }],
    };
    expect(statusLines(lock("partner", { state: "missing", semaphore }), NOW)).toEqual([
      "partner: 2 of 3 permits",
      "  semaphore             2 of 3 permits",
      "                        permit 0: a:1 (report), for 20 s",
      "                        permit 2: unknown, breaking: free in at most 60 s",
      "  waiting for a permit  1. b:2, since 2026-11-23T13:05:08Z (4 s ago)",
    ]);
  });

  it("counts who is first in line for a permit and leaves no name, but only while there is none", () => {
    const held = [{ slot: 0, state: "leased" as const, holder: holder("a:1") }];
    const status = (permits: number) =>
      lock("partner", {
        state: "missing",
        semaphore: { permits, held, waiting: [{ holder: holder("b:2"), since: ago(4) }], isGateTaken: true },
      });
    expect(statusLines(status(1), NOW).slice(-2)).toEqual([
      "  waiting for a permit  1. an unnamed waiter",
      "                        2. b:2, since 2026-11-23T13:05:08Z (4 s ago)",
    ]);
    expect(statusLines(status(2), NOW).slice(-1)).toEqual([
      "  waiting for a permit  1. b:2, since 2026-11-23T13:05:08Z (4 s ago)",
    ]);
  });

  it("lists readers", () => {
    const readers = [
      { state: "leased" as const, holder: holder("a:1") },
      { state: "breaking" as const, holder: holder("b", "web-3", 7) },
    ];
    expect(statusLines(lock("index", { state: "missing", readers }), NOW)).toEqual([
      "index: 2 readers",
      "  readers  a:1",
      "           b (host web-3, pid 7), breaking: free in at most 60 s",
    ]);
  });

  it("fits the terminal, with both ends of what is too long", () => {
    const status = heldLock(`deploy/${"k".repeat(1_010)}/shop`, `build-${"h".repeat(240)}:4123`, {
      purpose: "p".repeat(1_000),
      state: "breaking",
    });
    expect(statusLines(status, NOW, 80).slice(0, 3)).toEqual([
      "deploy/kkkkkkkkkk…kkkkkkkkkkkk/shop: breaking (broken: its holder cannot renew …",
      `  holder   build-${"h".repeat(28)}…${"h".repeat(29)}:4123`,
      `  purpose  ${"p".repeat(34)}…${"p".repeat(34)}`,
    ]);
    for (const line of statusLines(status, NOW, 80)) expect(columnsOf(line)).toBeLessThanOrEqual(80);
  });

  it("lets nothing through that a terminal would obey", () => {
    const evil = "\u001b[2J\u202e\n";
    const by = { name: evil, host: evil, pid: 1 };
    const status = heldLock(evil, "x", {
      holder: by,
      purpose: evil,
      waiting: [{ holder: by, since: ago(1) }],
      semaphore: {
        permits: 1,
        held: [{ slot: 0, state: "leased", holder: by, purpose: evil }],
        waiting: [{ holder: by, since: ago(1) }],
      },
      readers: [{ state: "leased", holder: by }],
    });
    const lines = statusLines(status, NOW);
    expect(lines.join("").match(/\\x1b\[2J\\u\{202e\}\\x0a/g)).toHaveLength(13);
    expect(lines.join("")).not.toMatch(/[^\x20-\x7e]/);
  });
});

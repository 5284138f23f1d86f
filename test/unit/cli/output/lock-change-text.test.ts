import { describe, expect, it } from "vitest";
import { changeLine } from "../../../../src/cli/output/lock-change-text.ts";
import type { LockStatus } from "../../../../src/index.ts";
import { changesBetween } from "../../../../src/status/lock-changes.ts";
import { ago, heldLock, holder, lock, NOW } from "../../../support/lock-statuses.ts";

const seen = (...locks: LockStatus[]): Map<string, LockStatus> => new Map(locks.map((one) => [one.key, one]));

const linesBetween = (before: LockStatus | undefined, now: LockStatus | undefined): string[] =>
  changesBetween(seen(...(before ? [before] : [])), seen(...(now ? [now] : []))).map((change) =>
    `${change.event}: ${changeLine(change, NOW)}`.replace(" 2026-11-23T13:05:12Z k ", " "),
  );

const record = { holder: holder("a:1"), leaseSeconds: 30, recordedAt: ago(60), highestToken: 7 };
const waiting = (...names: string[]) => ({ waiting: names.map((name) => ({ holder: holder(name), since: ago(3) })) });
const readers = (...names: string[]) => ({
  readers: names.map((name) => ({ state: "leased" as const, holder: holder(name) })),
});
const semaphore = (...names: string[]) => ({
  semaphore: {
    permits: 3,
    held: names.map((name, slot) => ({ slot, state: "leased" as const, holder: holder(name) })),
    waiting: [],
  },
});

describe("what is new about locks", () => {
  it("is all of it at the first look", () => {
    const locks = seen(
      heldLock("a", "web-3:17", { purpose: "schema 42", ...waiting("b:2", "c:3") }),
      lock("b", record),
      lock("c", { state: "missing", ...semaphore("x:1") }),
      lock("d", { state: "missing", ...readers("x:1", "y:2") }),
      heldLock("e", "web-3:17", { state: "breaking" }),
    );
    expect(changesBetween(undefined, locks).map((change) => changeLine(change, NOW))).toEqual([
      "2026-11-23T13:05:12Z a held by web-3:17 (schema 42); 2 waiting: b:2, c:3",
      "2026-11-23T13:05:12Z b free",
      "2026-11-23T13:05:12Z c 1 of 3 permits held: x:1",
      "2026-11-23T13:05:12Z d 2 readers: x:1, y:2",
      "2026-11-23T13:05:12Z e broken, and free when the lease of web-3:17 ends, in at most 30 s",
    ]);
    expect(changesBetween(undefined, locks).every(({ event }) => event === "seen")).toBe(true);
  });

  it("is nothing when nothing is", () => {
    const locks = seen(
      heldLock("a", "web-3:17", waiting("b:2")),
      lock("b", { state: "missing", ...semaphore("x:1"), ...readers("y:2") }),
    );
    expect(changesBetween(locks, locks)).toEqual([]);
    // Its record is renewed with more tokens.
    const later = seen(
      ...[...locks.values()].map((status) => ({ ...status, recordedAt: ago(0), highestToken: 2_048 })),
    );
    expect(changesBetween(locks, later)).toEqual([]);
  });

  it("goes by key", () => {
    const changes = changesBetween(
      seen(heldLock("b", "x:1"), heldLock("d", "x:1")),
      seen(heldLock("a", "x:1"), heldLock("c", "x:1")),
    );
    expect(changes.map(({ event, status: { key } }) => `${key} ${event}`)).toEqual([
      "a held",
      "b free",
      "c held",
      "d free",
    ]);
  });

  it.each<[string, LockStatus | undefined, LockStatus | undefined, string[]]>([
    ["taken", lock("k", record), heldLock("k", "a:1", { purpose: "deploy" }), ["held: held by a:1 (deploy)"]],
    ["new and taken", undefined, heldLock("k", "a:1"), ["held: held by a:1"]],
    [
      "taken without a record",
      undefined,
      lock("k", { isHeld: true, state: "leased" }),
      ["held: held by an unnamed holder"],
    ],
    ["released", heldLock("k", "a:1"), lock("k", record), ["free: free"]],
    [
      "lapsed",
      heldLock("k", "a:1"),
      lock("k", { ...record, state: "expired" }),
      ["free: free: the lease of a:1 ran out"],
    ],
    [
      "broken, with some lease left",
      heldLock("k", "a:1"),
      heldLock("k", "a:1", { state: "breaking" }),
      ["breaking: broken, and free when the lease of a:1 ends, in at most 30 s"],
    ],
    [
      "broken",
      heldLock("k", "a:1"),
      lock("k", { ...record, state: "broken" }),
      ["free: free: the lease of a:1 was broken"],
    ],
    [
      "free after it was broken",
      heldLock("k", "a:1", { state: "breaking" }),
      lock("k", { ...record, state: "broken" }),
      ["free: free: the lease of a:1 was broken"],
    ],
    [
      "broken and taken again",
      heldLock("k", "a:1", { state: "breaking" }),
      heldLock("k", "a:1"),
      ["held: held by a:1"],
    ],
    [
      "handed over",
      heldLock("k", "a:1", waiting("b:2")),
      heldLock("k", "b:2"),
      ["held: held by b:2", "waiting: no waiters"],
    ],
    ["waited for", heldLock("k", "a:1"), heldLock("k", "a:1", waiting("b:2")), ["waiting: 1 waiting: b:2"]],
    ["released, without a record", lock("k", { isHeld: true, state: "leased" }), undefined, ["free: free"]],
    ["deleted", lock("k", record), undefined, ["gone: gone: its blob was deleted"]],
    ["taken and released between two looks", undefined, lock("k", record), ["free: free"]],
    [
      "a semaphore",
      lock("k", { state: "missing", ...semaphore("a:1") }),
      lock("k", { state: "missing", ...semaphore("a:1", "b:2") }),
      ["permits: 2 of 3 permits held: a:1, b:2"],
    ],
    [
      "a semaphore that is not used any more",
      lock("k", { state: "missing", ...semaphore("a:1") }),
      lock("k", { state: "missing", ...semaphore() }),
      ["permits: 0 of 3 permits held"],
    ],
    [
      "a semaphore with a waiter at its gate",
      lock("k", { state: "missing", semaphore: { ...semaphore("a:1", "b:2", "c:3").semaphore, isGateTaken: false } }),
      lock("k", { state: "missing", semaphore: { ...semaphore("a:1", "b:2", "c:3").semaphore, isGateTaken: true } }),
      ["waiting: 1 waiting: an unnamed waiter"],
    ],
    [
      "a semaphore of which a permit was broken",
      lock("k", { state: "missing", ...semaphore("a:1") }),
      lock("k", {
        state: "missing",
        semaphore: { permits: 3, held: [{ slot: 0, state: "breaking", holder: holder("a:1") }], waiting: [] },
      }),
      ["permits: 1 of 3 permits held: a:1 (breaking)"],
    ],
    [
      "read, by a reader whose lock was broken",
      lock("k", { state: "missing", ...readers("r:1") }),
      lock("k", { state: "missing", readers: [{ state: "breaking", holder: holder("r:1") }] }),
      ["readers: 1 reader: r:1 (breaking)"],
    ],
    ["read", lock("k", record), lock("k", { ...record, ...readers("r:1") }), ["readers: 1 reader: r:1"]],
    [
      "no longer read, and not listed",
      lock("k", { state: "missing", ...readers("r:1") }),
      undefined,
      ["readers: no readers"],
    ],
  ])("says of a lock that is %s", (_, before, now, lines) => {
    expect(linesBetween(before, now)).toEqual(lines);
  });

  it("lets nothing through that a terminal would obey", () => {
    const evil = "\u001b[2J\u202e\n";
    const by = { name: evil, host: "h", pid: 1 };
    const permits = { permits: 1, held: [{ slot: 0, state: "leased" as const, holder: by }] };
    const status = heldLock(`k${evil}`, "x", {
      holder: by,
      purpose: evil,
      waiting: [{ holder: by, since: ago(1) }],
      semaphore: permits,
      readers: [{ state: "leased", holder: by }],
    });
    for (const event of ["seen", "held", "breaking", "free", "waiting", "permits", "readers", "gone"] as const) {
      expect(changeLine({ event, status }, NOW)).not.toMatch(/[^\x20-\x7e]/);
    }
  });
});

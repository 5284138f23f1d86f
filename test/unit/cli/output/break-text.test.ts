import { describe, expect, it } from "vitest";
import { breakLogLine, breakQuestion, resultLine, targetIn } from "../../../../src/cli/output/break-text.ts";
import type { BreakOptions, LockStatus } from "../../../../src/index.ts";
import { ago, heldLock, holder, lock, NOW } from "../../../support/lock-statuses.ts";

const question = (status: LockStatus, terms: BreakOptions = {}): string | undefined => {
  const target = targetIn(status, terms);
  return target && breakQuestion(status.key, terms, target, NOW);
};
const STOPPED = "its holder will be stopped: it loses the lock, and azmutex run kills its job";
const MEANWHILE = "its holder goes on until its next renewal fails: until then two may be at work";

describe("the question whether to break a lock", () => {
  it("names account and container", () => {
    const target = targetIn(heldLock("k", "a:1"), {});
    expect(target && breakQuestion("k", {}, target, NOW, "acme/locks")).toMatch(/^k in acme\/locks is held by a:1, /);
  });

  const since = "since 2026-11-23T13:02:12Z (3 min ago)";
  const raw = lock("k", { isHeld: true, state: "leased" });
  const semaphore = {
    permits: 2,
    held: [{ slot: 1, state: "leased" as const, holder: holder("p:1"), leaseSeconds: 15 }],
  };
  const readers = [{ state: "leased" as const, holder: holder("r:1") }];

  it.each<[string, LockStatus, BreakOptions, string]>([
    [
      "names holder, purpose and time",
      heldLock("k", "a:1", { purpose: "deploy" }),
      {},
      `k is held by a:1 (deploy), ${since}; ${STOPPED}; it is free in at most 30 s; break it?`,
    ],
    [
      "knows a shorter time",
      heldLock("k", "a:1"),
      { periodSeconds: 5 },
      `k is held by a:1, ${since}; ${STOPPED}; it is free in at most 5 s; break it?`,
    ],
    [
      "knows that a longer time is none",
      heldLock("k", "a:1"),
      { periodSeconds: 60 },
      `k is held by a:1, ${since}; ${STOPPED}; it is free in at most 30 s; break it?`,
    ],
    [
      "warns of two at work",
      heldLock("k", "a:1"),
      { periodSeconds: 0 },
      `k is held by a:1, ${since}; ${STOPPED}; it is free at once, and ${MEANWHILE}; break it?`,
    ],
    [
      "takes the longest lease for one it does not know",
      raw,
      {},
      `k is held by an unnamed holder; ${STOPPED}; it is free in at most 60 s; break it?`,
    ],
    [
      "warns of an infinite lease, which ends at once, and believes no record of before",
      heldLock("k", "a:1", { infinite: true }),
      {},
      `k is held by an unnamed holder; ${STOPPED}; it is free at once, and ${MEANWHILE}; break it?`,
    ],
    [
      "gives an infinite lease the time that is asked for",
      { ...raw, infinite: true },
      { periodSeconds: 15 },
      `k is held by an unnamed holder; ${STOPPED}; it is free in at most 15 s; break it?`,
    ],
    [
      "knows a lock that breaks already",
      heldLock("k", "a:1", { state: "breaking" }),
      {},
      `k is breaking, and held by a:1, ${since}; ${STOPPED}; it is free in at most 30 s; break it?`,
    ],
    [
      "is about a permit",
      lock("k", { semaphore }),
      { permit: 1 },
      `permit 1 of k is held by p:1; ${STOPPED}; it is free in at most 15 s; break it?`,
    ],
    [
      "is about a reader",
      lock("k", { readers }),
      { reader: "r:1" },
      `the read lock of r:1 on k is held; ${STOPPED}; it is free in at most 60 s; break it?`,
    ],
  ])("%s", (_, status, terms, text) => {
    expect(question(status, terms)).toBe(text);
  });

  it("admits that it could not look", () => {
    const { waiting: _, ...status } = lock("k");
    expect(question(status, { permit: 1 })).toBe(
      `these credentials do not allow to see who holds permit 1 of k; ${STOPPED}; it is free in at most 60 ` +
        "s; break it?",
    );
    expect(question(status)).toBeUndefined();
  });

  it("is not asked where what is meant is free", () => {
    expect(question(lock("k", { holder: holder("a:1"), recordedAt: ago(3) }))).toBeUndefined();
    expect(question(heldLock("k", "a:1", { semaphore }), { permit: 0 })).toBeUndefined();
    expect(question(heldLock("k", "a:1", { readers }), { reader: "a:1" })).toBeUndefined();
  });
});

describe("what came of a break", () => {
  it.each([
    [
      {},
      { outcome: "broken" as const, freeInSeconds: 21, holder: holder("a:1") },
      "k: broke the lease of a:1; free in 21 s",
    ],
    [{}, { outcome: "broken" as const, freeInSeconds: 21 }, "k: broke the lease of an unnamed holder; free in 21 s"],
    [
      { periodSeconds: 0 },
      { outcome: "broken" as const, freeInSeconds: 0 },
      `k: broke the lease of an unnamed holder; free now, and ${MEANWHILE}`,
    ],
    [{ permit: 3 }, { outcome: "notHeld" as const }, "permit 3 of k: it is not held"],
    [
      { ifHolder: "b:2" },
      { outcome: "heldByAnother" as const, holder: holder("a:1") },
      "k is held by a:1, not by b:2: nothing was changed",
    ],
    [
      {},
      { outcome: "heldByAnother" as const, holder: holder("\u001b[2J") },
      "k is held by \\x1b[2J by now: nothing was changed",
    ],
  ])("is told for %j and %j", (terms, result, line) => {
    expect(resultLine("k", terms, result)).toBe(line);
  });
});

describe("the line for a log", () => {
  const alice = { name: "alice@build-7", by: "azmutex break" } as const;

  it("says where, if that is known", () => {
    const result = { outcome: "broken" as const, freeInSeconds: 21 };
    expect(breakLogLine("k", {}, result, alice, NOW, "acme/locks")).toContain(
      " broke k in acme/locks by azmutex break; ",
    );
    expect(resultLine("k", { permit: 3 }, { outcome: "notHeld" }, "acme/locks")).toBe(
      "permit 3 of k in acme/locks: it is not held",
    );
  });

  it("says who broke which lock, when, and whose it was", () => {
    const result = { outcome: "broken" as const, freeInSeconds: 21, holder: holder("web", "web-3", 17) };
    expect(breakLogLine("k", {}, result, alice, NOW)).toBe(
      "2026-11-23T13:05:12Z alice@build-7 broke k by azmutex break; it was held by web (host web-3, pid 17), " +
        "and is free in 21 s",
    );
    expect(
      breakLogLine(
        "k",
        { permit: 3 },
        { outcome: "broken", freeInSeconds: 0 },
        { ...alice, by: "the status page" },
        NOW,
      ),
    ).toBe(
      "2026-11-23T13:05:12Z alice@build-7 broke permit 3 of k by the status page; it was held by an unnamed " +
        "holder, and is free in 0 s",
    );
  });

  it("is none where nothing was broken", () => {
    expect(breakLogLine("k", {}, { outcome: "notHeld" }, alice, NOW)).toBeUndefined();
    expect(breakLogLine("k", {}, { outcome: "heldByAnother", holder: holder("a:1") }, alice, NOW)).toBeUndefined();
  });
});

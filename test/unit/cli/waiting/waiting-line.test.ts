import { describe, expect, it } from "vitest";
import { columnsOf, lineOf } from "../../../../src/cli/terminal/columns.ts";
import type { WantedLock } from "../../../../src/cli/waiting/own-ancestors.ts";
import { type WaitingCommand, waitingLine } from "../../../../src/cli/waiting/waiting-line.ts";
import type { LockStatus } from "../../../../src/index.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const ME = { host: "build-8", pid: 17, now: NOW, since: NOW - 12_000 };
const HELD: LockStatus = { key: "nightly", isHeld: true, state: "leased", infinite: false };
const lineFor = (
  status: LockStatus,
  self: WaitingCommand,
  kind: WantedLock["kind"] = "lock",
  columns = Number.POSITIVE_INFINITY,
): string => lineOf(columns, waitingLine(status, kind, self));
const holder = { name: "build-7:4123", host: "build-7", pid: 4_123 };

describe("what is said while a command waits", () => {
  it("names the holder, what it holds the lock for and for how long", () => {
    const status = { ...HELD, holder, purpose: "deploy 42", recordedAt: new Date(NOW - 180_000) };
    expect(lineFor(status, ME)).toBe('waiting for "nightly" (12 s): held by build-7:4123 (deploy 42) for 3 min');
  });

  it("says so when the holder left no record", () => {
    expect(lineFor(HELD, ME)).toBe('waiting for "nightly" (12 s): held by an unnamed holder');
  });

  it("names no holder while it is free", () => {
    expect(lineFor({ ...HELD, isHeld: false, state: "available", holder }, ME)).toBe('waiting for "nightly" (12 s)');
  });

  it("knows its own place in line, whatever names there are", () => {
    const since = new Date(NOW);
    const waiting = [17, 18].flatMap((pid) =>
      ["build-7", "build-8"].map((host) => ({ since, holder: { name: "deployer", host, pid } })),
    );
    expect(lineFor({ ...HELD, waiting }, ME)).toMatch(/; 2 of 4 in line$/);
    expect(lineFor({ ...HELD, waiting }, { ...ME, pid: 99 })).not.toContain("in line");
  });

  it("lets no name move the cursor", () => {
    expect(lineFor({ ...HELD, holder: { ...holder, name: "\x1b[2Jx" } }, ME)).toContain("held by \\x1b[2Jx");
  });

  const held = (...names: string[]) =>
    names.map((name, slot) => ({
      slot,
      state: "leased" as const,
      holder: { name, host: "h", pid: 1 },
      ...(slot === 0 && { purpose: "report" }),
    }));

  it("names those who have all permits, the first three of them", () => {
    const semaphore = { permits: 2, held: held("a:1", "b:2") };
    const free: LockStatus = { key: "pool", isHeld: false, state: "missing", infinite: false };
    expect(lineFor({ ...free, semaphore }, ME, "permit")).toBe(
      'waiting for "pool" (12 s): all 2 permits are held by a:1 (report), b:2',
    );
    expect(
      lineFor({ ...free, semaphore: { permits: 5, held: held("a:1", "b:2", "c:3", "d:4", "e:5") } }, ME, "permit"),
    ).toBe('waiting for "pool" (12 s): all 5 permits are held by a:1 (report), b:2, c:3 and 2 more');
    expect(lineFor({ ...free, semaphore: { permits: 3, held: held("a:1") } }, ME, "permit")).toBe(
      'waiting for "pool" (12 s)',
    );
  });

  it("names readers to a writer alone", () => {
    const readers = [{ state: "leased" as const, holder }];
    const status: LockStatus = { key: "index", isHeld: false, state: "available", infinite: false, readers };
    expect(lineFor(status, ME, "write")).toBe('waiting for "index" (12 s): read by build-7:4123');
    expect(lineFor(status, ME, "read")).toBe('waiting for "index" (12 s)');
  });

  it("takes one row of the terminal, with both ends of key and holder", () => {
    const long = { ...holder, name: `build-${"7".repeat(300)}:4123` };
    const status = {
      ...HELD,
      key: `deploy/${"x".repeat(1_000)}/end`,
      holder: long,
      purpose: "夜间".repeat(300),
      recordedAt: new Date(NOW),
    };
    expect(lineFor(status, ME, "lock", 79)).toBe(
      'waiting for "deploy…x/end" (12 s): held by build-…:4123 (夜间夜间夜间…) for 0 s',
    );
    for (const columns of [20, 40, 79, 199])
      expect(columnsOf(lineFor(status, ME, "lock", columns))).toBeLessThanOrEqual(columns);
  });
});

import { describe, expect, it } from "vitest";
import { waitingLine } from "../../../src/cli/job/waiting-progress.ts";
import type { LockStatus } from "../../../src/index.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const ME = { host: "build-8", pid: 17, now: NOW, since: NOW - 12_000 };
const HELD: LockStatus = { key: "nightly", isHeld: true, state: "leased", infinite: false };
const holder = { name: "build-7:4123", host: "build-7", pid: 4_123 };

describe("what is said while a command waits", () => {
  it("names the holder, what it holds the lock for and for how long", () => {
    const status = { ...HELD, holder, purpose: "deploy 42", recordedAt: new Date(NOW - 180_000) };
    expect(waitingLine(status, ME)).toBe('waiting for "nightly" (12 s): held by build-7:4123 (deploy 42) for 3 min');
  });

  it("says so when the holder left no record", () => {
    expect(waitingLine(HELD, ME)).toBe('waiting for "nightly" (12 s): held by somebody who left no name');
  });

  it("names no holder while it is free", () => {
    expect(waitingLine({ ...HELD, isHeld: false, state: "available", holder }, ME)).toBe('waiting for "nightly" (12 s)');
  });

  it("knows its own place in line, whatever names there are", () => {
    const since = new Date(NOW);
    const waiting = [17, 18].flatMap((pid) => ["build-7", "build-8"].map((host) => ({ since, holder: { name: "deployer", host, pid } })));
    expect(waitingLine({ ...HELD, waiting }, ME)).toMatch(/; 2 of 4 in line$/);
    expect(waitingLine({ ...HELD, waiting }, { ...ME, pid: 99 })).not.toContain("in line");
  });

  it("lets no name move the cursor", () => {
    expect(waitingLine({ ...HELD, holder: { ...holder, name: "\x1b[2Jx" } }, ME)).toContain("held by \\x1b[2Jx");
  });
});

import { describe, expect, it } from "vitest";
import { jobsIn, marksIn, newMark, withMark } from "../../../../src/cli/job/job-mark.ts";
import { pidNamespace } from "../../../../src/cli/job/process-table.ts";
import { ancestorInTheWay } from "../../../../src/cli/waiting/own-ancestors.ts";
import type { LockStatus } from "../../../../src/index.ts";

const ME = { host: "build-7", pids: [17, 18] };
const ours = { name: "a name", host: "build-7", pid: 17 };
const others = { name: "build-7:17", host: "build-8", pid: 17 };
const HELD: LockStatus = { key: "nightly", isHeld: true, state: "leased", infinite: false };
const permit = (slot: number, holder: typeof ours) => ({ slot, state: "leased", holder }) as const;

describe("an azmutex within whose job another one runs", () => {
  it("is in the way of everything with the lock that it holds", () => {
    for (const kind of ["lock", "read", "write"] as const) {
      expect(ancestorInTheWay({ ...HELD, holder: ours }, { kind }, ME)).toBe(ours);
      expect(ancestorInTheWay({ ...HELD, holder: others }, { kind }, ME)).toBeUndefined();
      expect(
        ancestorInTheWay({ ...HELD, isHeld: false, state: "available", holder: ours }, { kind }, ME),
      ).toBeUndefined();
    }
  });

  it("is in the way of a writer alone while it reads", () => {
    const status: LockStatus = {
      ...HELD,
      isHeld: false,
      state: "available",
      readers: [{ state: "leased", holder: ours }],
    };
    expect(ancestorInTheWay(status, { kind: "write" }, ME)).toBe(ours);
    expect(ancestorInTheWay(status, { kind: "read" }, ME)).toBeUndefined();
    expect(ancestorInTheWay(status, { kind: "lock" }, ME)).toBeUndefined();
  });

  it("is in the way of another reader while a writer waits for it", () => {
    const readers = [{ state: "leased", holder: ours }] as const;
    expect(ancestorInTheWay({ ...HELD, holder: others, readers }, { kind: "read" }, ME)).toBe(ours);
    expect(ancestorInTheWay({ ...HELD, holder: others, readers }, { kind: "lock" }, ME)).toBeUndefined();
  });

  it("that has ended is none, nor is a process that has only its number", () => {
    const marks = withMark(newMark("nightly"), newMark("hourly"));
    const asked: unknown[] = [];
    const isThere = (pid: number, namespace?: string): boolean => asked.push([pid, namespace]) > 1;
    expect(jobsIn(marks, isThere)).toEqual([{ pid: process.pid, key: "hourly" }]);
    const here = [process.pid, pidNamespace()];
    expect(asked).toEqual([here, here]);
  });

  it("is in the way of a permit when there is none that it or its like do not hold", () => {
    const held = [permit(0, ours), permit(1, { ...ours, pid: 18 })];
    const status = (permits: number): LockStatus => ({ ...HELD, semaphore: { permits, held } });
    expect(ancestorInTheWay(status(2), { kind: "permit" }, ME)).toBe(ours);
    expect(ancestorInTheWay(status(3), { kind: "permit" }, ME)).toBeUndefined();
    expect(ancestorInTheWay({ ...status(2), holder: ours }, { kind: "lock" }, { ...ME, pids: [19] })).toBeUndefined();
  });

  it("is known by its mark, whatever its key", () => {
    const keys = ["nightly", "a,b:c d\n%", "дом/🔑"];
    const value = keys.reduce<string | undefined>((around, key) => withMark(around, newMark(key)), undefined);
    expect(jobsIn(value)).toEqual(keys.map((key) => ({ pid: process.pid, key })));
    expect(marksIn(value)).toHaveLength(3);
    expect(value).toMatch(/^[\w:,.%()!~*'-]+$/);
  });

  it("of another version names no key", () => {
    expect(jobsIn("8d5f5f0e-0f3c-4d53-b1b5-5f8a0d1b0c11")).toEqual([]);
    expect(jobsIn("a-mark:17:%E0%A4%A")).toEqual([]);
    expect(jobsIn(undefined)).toEqual([]);
  });
});

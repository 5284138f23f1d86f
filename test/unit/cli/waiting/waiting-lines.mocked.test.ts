import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { terminal } from "../../../../src/cli/terminal/terminal.ts";
// Loaded before: by a clock that only the test moves nothing is read from files.
import "../../../../src/cli/waiting/waiting-line.ts";
import { WaitingProgress } from "../../../../src/cli/waiting/waiting-progress.ts";
import { type AzureMutex, type LockStatus, StoreUnavailableError } from "../../../../src/index.ts";

const said: string[] = [];
vi.mock("../../../../src/cli/terminal/terminal.ts", () => ({
  terminal: { isWatched: false, isQuiet: false, say: (line: string) => void said.push(line), show: () => undefined },
}));

const NOW = Date.UTC(2026, 0, 1, 12);
const holder = { name: "build-7:4123", host: "build-7", pid: 4_123 };
const HELD: LockStatus = {
  key: "nightly",
  isHeld: true,
  state: "leased",
  infinite: false,
  holder,
  purpose: "deploy 42",
  recordedAt: new Date(NOW - 30_000),
};

/** A mutex of which only the status of a key is asked. */
function mutexThatSays(status: () => LockStatus): { readonly mutex: AzureMutex; readonly looks: () => number } {
  const inspect = vi.fn(async () => status());
  return { mutex: { inspect } as unknown as AzureMutex, looks: () => inspect.mock.calls.length };
}

beforeEach(() => {
  said.length = 0;
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  Object.assign(terminal, { isQuiet: false, isWatched: false });
  vi.useRealTimers();
});

describe("waiting without a terminal", () => {
  it("is told in a line when it begins, and in one more each minute", async () => {
    const { mutex, looks } = mutexThatSays(() => HELD);
    const progress = new WaitingProgress(mutex, { key: "nightly", kind: "lock" });
    await vi.advanceTimersByTimeAsync(999);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(180_000);
    expect(said).toEqual([
      'azmutex: waiting for "nightly" (1 s): held by build-7:4123 (deploy 42) for 31 s',
      'azmutex: waiting for "nightly" (61 s): held by build-7:4123 (deploy 42) for 91 s',
      'azmutex: waiting for "nightly" (2 min): held by build-7:4123 (deploy 42) for 3 min',
    ]);
    expect(progress.saidForMs).toBe(180_999);
    progress.end();
    await vi.advanceTimersByTimeAsync(180_000);
    expect(looks()).toBe(3);
  });

  it("leaves it to the command to say that there is no answer, and tells of the wait once that is over", async () => {
    let isSilent = true;
    const { mutex } = mutexThatSays(() => {
      if (isSilent) throw new StoreUnavailableError("no answer");
      return HELD;
    });
    const progress = new WaitingProgress(mutex, { key: "nightly", kind: "lock" });
    await vi.advanceTimersByTimeAsync(20_000);
    expect([said, progress.saidForMs]).toEqual([[], undefined]);
    isSilent = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said).toEqual(['azmutex: waiting for "nightly" (26 s): held by build-7:4123 (deploy 42) for 56 s']);
    progress.end();
  });

  it("of a candidate is told only while another leads", async () => {
    let status: LockStatus = { ...HELD, isHeld: false, state: "available" };
    const { mutex } = mutexThatSays(() => status);
    const progress = new WaitingProgress(mutex, { key: "nightly", kind: "lock" }, "to lead");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(said).toEqual([]);
    status = HELD;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(said).toEqual(['azmutex: waiting to lead "nightly" (31 s): held by build-7:4123 (deploy 42) for 61 s']);
    progress.end();
  });

  it("is not told while no holder is in the way, as when a slow service takes its time", async () => {
    const { mutex } = mutexThatSays(() => ({ ...HELD, isHeld: false, state: "available" }));
    const progress = new WaitingProgress(mutex, { key: "nightly", kind: "lock" });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(said).toEqual(['azmutex: waiting for "nightly" (26 s)']);
    progress.end();
  });

  it("looks with --quiet just the same, on a terminal too: a key of another kind ends the wait", async () => {
    Object.assign(terminal, { isQuiet: true, isWatched: true });
    const { mutex, looks } = mutexThatSays(() => ({ ...HELD, kind: "election" }));
    const kinds: (string | undefined)[] = [];
    const progress = new WaitingProgress(mutex, { key: "nightly", kind: "lock" }, "for", ({ kind }) =>
      kinds.push(kind),
    );
    await vi.advanceTimersByTimeAsync(180_000);
    expect([kinds, looks()]).toEqual([["election", "election", "election"], 3]);
    progress.end();
  });

  it("names no holder that is this process, which has just won, but one of the same name that stays", async () => {
    const self = { ...holder, host: hostname(), pid: process.pid };
    const { mutex } = mutexThatSays(() => ({ ...HELD, holder: self }));
    const progress = new WaitingProgress(mutex, { key: "nightly", kind: "lock" });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said).toEqual(['azmutex: waiting for "nightly" (26 s): held by build-7:4123 (deploy 42) for 56 s']);
    progress.end();
  });
});

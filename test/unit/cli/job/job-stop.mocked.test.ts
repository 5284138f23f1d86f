import { beforeEach, expect, it, vi } from "vitest";
import { runJob } from "../../../../src/cli/job/job.ts";
import { JobProcesses } from "../../../../src/cli/job/job-processes.ts";
import { SignalRelay } from "../../../../src/cli/job/signal-relay.ts";
import type { Holding } from "../../../../src/locks/holding.ts";

/** What was done to stop the job, in order: asked by this process, or left to the watchdog until a time. */
const { done } = vi.hoisted(() => ({ done: [] as (string | { readonly termAt: number; readonly killAt: number })[] }));

/** The watchdog is a program of the build, and does nothing here. */
vi.mock("../../../../src/cli/job/watchdog.ts", () => ({
  Watchdog: class {
    readonly died = new Promise<void>(() => undefined);
    async started(): Promise<void> {}
    expect(): void {}
    guard(): void {}
    release(): void {}
    allow(termAt: number, killAt: number): void {
      done.push({ termAt, killAt });
    }
    dismiss(): void {}
  },
}));

beforeEach(() => void done.splice(0));

/** Runs a job whose lock is lost with this much of its lease left. */
async function losing(remainingMs: number, graceMs: number): Promise<unknown> {
  const stop = vi.spyOn(JobProcesses.prototype, "stop");
  stop.mockImplementation(() => void done.push("asked"));
  const relay = new SignalRelay();
  const holding = { key: "job", signal: AbortSignal.abort(new Error("lost")), isUncertain: false, remainingMs };
  try {
    const command = [process.execPath, "--eval", "process.exitCode = 7"];
    const options = { command, env: {}, graceMs, relay, releaseCommand: () => undefined };
    return await runJob(holding as Holding, options).catch(String);
  } finally {
    relay.end();
    stop.mockRestore();
  }
}

it("a job is asked to stop by azmutex once the watchdog knows that it need not", async () => {
  expect(await losing(20_000, 10_000)).toContain("lost: the command ended with 7");
  expect(done.at(-1)).toBe("asked");
  const told = done.at(-2) as { termAt: number; killAt: number };
  expect(told.termAt).toBe(told.killAt);
});

it("a job is not asked again by azmutex when the time has come at which the watchdog asks it", async () => {
  expect(await losing(20_000, 20_300)).toContain("lost: the command ended with 7");
  expect(done).not.toContain("asked");
  const [before, told] = done.slice(-2) as { termAt: number; killAt: number }[];
  // As the watchdog knew before: it may not have asked yet.
  expect(told?.termAt).toBe(before?.termAt);
});

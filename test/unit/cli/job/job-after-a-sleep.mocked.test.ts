import { expect, it, vi } from "vitest";
import { runJob } from "../../../../src/cli/job/job.ts";
import { SignalRelay } from "../../../../src/cli/job/signal-relay.ts";
import type { Holding } from "../../../../src/locks/holding.ts";

/** The watchdog is a program of the build, and has no part in this. */
vi.mock("../../../../src/cli/job/watchdog.ts", () => ({
  Watchdog: class {
    readonly died = new Promise<void>(() => undefined);
    async started(): Promise<void> {}
    expect(): void {}
    guard(): void {}
    release(): void {}
    allow(): void {}
    dismiss(): void {}
  },
}));

/**
 * Runs a job that ends with 7, under a lock that is no longer certain by then: a test cannot put the machine to sleep.
 */
async function ranUnder(atTheEnd: Pick<Holding, "isUncertain" | "remainingMs">): Promise<unknown> {
  const relay = new SignalRelay();
  let looks = 0;
  const holding = {
    key: "job",
    signal: new AbortController().signal,
    get isUncertain() {
      return hasBegun() && atTheEnd.isUncertain;
    },
    get remainingMs() {
      looks += 1;
      return hasBegun() ? atTheEnd.remainingMs : 20_000;
    },
  };
  // Asked twice before the job runs: for the watchdog, and when the job has just been started.
  const hasBegun = (): boolean => looks > 3;
  try {
    const options = {
      command: [process.execPath, "--eval", "setTimeout(() => process.exit(7), 1_000)"],
      env: {},
      graceMs: 1_000,
      relay,
      releaseCommand: () => undefined,
    };
    return await runJob(holding as Holding, options);
  } catch (error) {
    return String(error);
  } finally {
    relay.end();
  }
}

it("a job that ends while its lock is uncertain ends with its own code", async () => {
  expect(await ranUnder({ isUncertain: true, remainingMs: 0 })).toBe(7);
});

it("a job that ends when its lock is lost by the clock is said to have lost it", async () => {
  expect(await ranUnder({ isUncertain: false, remainingMs: 0 })).toContain("could not be renewed in time");
});

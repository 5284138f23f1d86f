import { expect, it, vi } from "vitest";
import { startJob } from "../../../../src/cli/job/job-start.ts";

/** This process has no file descriptor left to look at others with. */
vi.mock("../../../../src/cli/job/process-table.ts", async (original) => ({
  ...(await original<typeof import("../../../../src/cli/job/process-table.ts")>()),
  processEntry: () => {
    throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
  },
}));

it("a job that was started is no failure where this process cannot look at it", async () => {
  const { root, exit } = await startJob({ command: [process.execPath, "--eval", "process.exit(7)"], env: {} }, "mark");
  expect(root).toEqual({ pid: expect.any(Number), startedAt: undefined });
  expect(await exit).toBe(7);
});

import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/errors.ts";
import { OutageTimer } from "../../../src/lease/outage-timer.ts";
import { LockSpace } from "../../../src/locks/lock-space.ts";
import { FakeClock, MemoryLeaseStore } from "../../../src/testing/index.ts";
import { poll } from "../../../src/waiting/polling.ts";
import { WaitLimit } from "../../../src/waiting/wait-limit.ts";

describe("the pause after a request that failed", () => {
  it("grows with failures in a row, and an answer ends the row", async () => {
    const clock = new FakeClock();
    const blob = new LockSpace({ store: new MemoryLeaseStore({ clock }), clock, random: () => 0 }).blob({ key: "job" });
    const options = { blob, limit: new WaitLimit(blob, "job", {}), outage: new OutageTimer(clock, 20_000) };
    const steps = ["fails", "fails", "fails", "answers", "fails", "fails", "has it"];
    const pauses: number[] = [];
    const rest = async (ms: number): Promise<void> => void pauses.push(ms);
    await poll({ ...options, rest }, async () => {
      const step = steps.shift();
      if (step === "fails") throw new StoreUnavailableError("no answer", "job");
      return step === "answers" ? 50 : { step };
    });
    expect(pauses).toEqual([100, 200, 400, 50, 100, 200]);
  });
});

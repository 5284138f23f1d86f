import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { ProcessGroup } from "../../../src/cli/job/process-group.ts";

describe("a process group", () => {
  it("is alive while one of it runs, and takes signals", async () => {
    const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
    const group = new ProcessGroup(child.pid ?? Number.NaN);
    expect(group.isAlive).toBe(true);
    expect(group.send("SIGSTOP")).toBe(true);
    group.stop();
    expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
    expect(group.isAlive).toBe(false);
    expect(group.send("SIGTERM")).toBe(false);
  });
});

import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import { isRunning, until } from "../../../lab/shared/processes.ts";
import { FaultProxy } from "../../../lab/shared/wire/fault-proxy.ts";
import { emulator, folder, runShell, STAYS } from "./run.ts";

// Each by itself: so many processes that start at once keep the storage waiting, too, as long as it will be waited for.
describe("azmutex run, many at once,", () => {
  it("exclude: twenty that count in one file come to twenty", async (test) => {
    writeFileSync(join(folder, "count"), "0\n");
    const script = "n=$(cat count); sleep 0.05; echo $((n+1)) > count";
    const runs = Array.from({ length: 20 }, () => runShell(test, script, { args: ["--quiet", "count"] }));
    const ends = await Promise.all(runs.map(({ ended }) => ended));
    test.expect(ends.map(({ code, err }) => ({ code, err }))).toEqual(ends.map(() => ({ code: 0, err: "" })));
    test.expect(readFileSync(join(folder, "count"), "utf8")).toBe("20\n");
  });

  it("let as many in as there are permits, of eight, and not one more", async (test) => {
    const args = ["--semaphore", "3", randomUUID()];
    // None leaves before there were three.
    const script =
      "echo + >> permits; while [ $(grep -c + permits) -lt 3 ]; do sleep 0.1; done; sleep 0.5; echo - >> permits";
    const runs = Array.from({ length: 8 }, () => runShell(test, script, { args }));
    const ends = await Promise.all(runs.map(({ ended }) => ended));
    test.expect(ends.map(({ code }) => code)).toEqual(ends.map(() => 0));
    let inside = 0;
    const counts = readFileSync(join(folder, "permits"), "utf8")
      .trim()
      .split("\n")
      .map((line) => (inside += line === "+" ? 1 : -1));
    test.expect(Math.max(...counts)).toBe(3);
  });

  it("ended by signals in the moment in which the lock is won, leave neither a lock nor a job behind", async (test) => {
    const endings = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const key = randomUUID();
        await using proxy = await FaultProxy.start(emulator);
        const run = runShell(test, STAYS, {
          args: [key],
          env: { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString },
        });
        // While the lease is asked for, while the record is written, and just after that.
        await until(() => proxy.count() > index % 3, "it asks");
        await sleep(60 * index);
        run.kill("SIGTERM");
        const { code, signal, out } = await run.ended;
        test.expect(signal ?? code).toBe(143);
        const [, job] = /^job (\d+)$/m.exec(out) ?? [];
        if (job !== undefined) test.expect(isRunning(Number(job))).toBe(false);
        test.expect(await runShell(test, "exit 4", { args: ["--try", key] }).ended).toMatchObject({ code: 4 });
        return job === undefined ? "before" : "after";
      }),
    );
    console.info(
      `SIGTERM came ${endings.filter((when) => when === "before").length} times before the job and else after`,
    );
  });
});

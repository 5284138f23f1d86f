import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { startEmulator } from "../../src/testing/emulator.ts";
import { Cli } from "../support/cli.ts";
import { newDirectory } from "../support/state-place.ts";

/** As a container runtime starts the processes of a container. They die with the one that is started here. */
const CONTAINER = ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child", process.execPath];
const { status, stderr } = spawnSync("unshare", ["--pid", "--mount", "--fork", "--mount-proc", "true"]);
const why = status === 0 ? "" : ` (left out: unshare is refused here: ${String(stderr).trim()})`;

const emulator = await startEmulator();
afterAll(() => emulator.close());

describe(`two containers on one state directory${why}`, () => {
  it.skipIf(status !== 0)("see each other's end, and nothing else, whatever their pids", async (test) => {
    const env = {
      AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString,
      AZMUTEX_STATE_DIR: newDirectory(),
    };
    const start = (command: readonly string[], through = CONTAINER): Cli =>
      new Cli(test, ["run", "job", ...command], { env, through });
    const first = start(["--", "sh", "-c", "echo began; exec sleep 1000"]);
    await first.printed(/began/);
    // Process 1 of its namespace, as the first is of its own; and one that sees neither as process 1.
    for (const through of [CONTAINER, [process.execPath]])
      expect(await start(["--try", "--", "true"], through).ended).toMatchObject({ code: 75 });
    first.kill("SIGKILL");
    await first.ended;
    expect(await start(["--timeout", "20s", "--", "echo", "next"]).ended).toMatchObject({ code: 0, out: "next\n" });
  });
});

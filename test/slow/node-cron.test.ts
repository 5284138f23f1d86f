import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const replicas: ChildProcess[] = [];
afterAll(async () => {
  for (const replica of replicas) replica.kill("SIGKILL");
  await storage[Symbol.asyncDispose]();
});

const PROGRAM = join(PROJECT, "test/slow/programs/node-cron-replica.mjs");
const PERIOD_MS = 5_000;
const FIRES = 10;
/** How the clocks of the replicas are off. One is a minute ahead: it waits for each fire, or is refused. */
const OFF_MS = [0, -20_000, -13_000, -4_000, -500, 700, 5_000, 12_000, 20_000, 60_000];

it("runs every fire of node-cron in exactly one of ten processes whose clocks differ", async () => {
  const { containerName } = await storage.newContainer();
  const lines: string[] = [];
  for (const offMs of OFF_MS) {
    const env = { ...process.env, AZURE_STORAGE_CONNECTION_STRING: storage.emulator.connectionString };
    const replica = spawn(process.execPath, [PROGRAM, containerName, String(offMs)], { env, cwd: PROJECT });
    replicas.push(replica);
    replica.stdout?.setEncoding("utf8").on("data", (text: string) => lines.push(...text.trimEnd().split("\n")));
    replica.stderr?.on("data", (text: Buffer) => console.error(String(text)));
  }
  await expect.poll(() => lines.filter((line) => line === "ready").length).toBe(OFF_MS.length);
  const first = (Math.floor(Date.now() / PERIOD_MS) + 2) * PERIOD_MS;
  const fires = Array.from({ length: FIRES }, (_, at) => new Date(first + at * PERIOD_MS).toISOString());
  await expect.poll(() => lines.includes(`ends ${fires.at(-1)}`), { timeout: 300_000 }).toBe(true);
  // Those whose clocks are behind come by all of them, too.
  await new Promise((resolve) => setTimeout(resolve, 25_000));
  for (const fire of fires) {
    expect(
      lines.filter((line) => line === `begins ${fire}`),
      fire,
    ).toHaveLength(1);
    expect(
      lines.filter((line) => line === `ends ${fire}`),
      fire,
    ).toHaveLength(1);
  }
});

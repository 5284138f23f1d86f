import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, describe, expect, it } from "vitest";
import { bareCycle, type Command, ourCycle } from "../../lab/bench/startup.ts";
import { median, quantile } from "../../lab/shared/statistics.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { CLI } from "../support/cli.ts";
import { PROJECT } from "../support/sources.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());

const ROUNDS = 25;
const LIMIT = 1.4;
/** The ratio that three of four rounds exceed. */
const MOST_ROUNDS = 0.25;
/** Of a process that has a processor whenever it wants one: what it waits for is files and the emulator. */
const QUIET = 1.35;
/** Prints at the end how many milliseconds of a processor the process has had, without those it started. */
const TELL = `
import { writeSync } from "node:fs";
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeSync(1, String((user + system) / 1_000));
});
`;

interface Cost {
  /** From start to end. */
  readonly ms: number;
  readonly processorMs: number;
}

async function costOf(command: Command): Promise<Cost> {
  const { PATH = "" } = process.env;
  const began = performance.now();
  const child = spawn(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(TELL)}`, ...command], {
    cwd: PROJECT,
    env: { PATH, AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let told = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (told += text));
  const closed = once(child, "close");
  const [code] = (await once(child, "exit")) as [number | null];
  const ms = performance.now() - began;
  await closed;
  expect(code).toBe(0);
  return { ms, processorMs: Number(told) };
}

describe("azmutex run on a free key", () => {
  it("costs at most 1.4 times what a bare script costs that imports the SDK and holds a lease", async () => {
    const key = randomUUID();
    // The first creates container and blob.
    await costOf(ourCycle(CLI, key));
    const bare: Cost[] = [];
    const ours: Cost[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      bare.push(await costOf(bareCycle(key)));
      ours.push(await costOf(ourCycle(CLI, key)));
    }
    const middle = (costs: readonly Cost[], figure: keyof Cost): number => median(costs.map((cost) => cost[figure]));
    const [bareMs, bareProcessorMs] = [middle(bare, "ms"), middle(bare, "processorMs")];
    const isQuiet = bareMs < QUIET * bareProcessorMs;
    // Neighbours are compared. It is too much when most rounds say so, and not when the luck of a few has it that way.
    const ratioOf = (figure: keyof Cost, part: number): number =>
      quantile(
        bare.map((cost, round) => (ours[round]?.[figure] ?? Number.NaN) / cost[figure]),
        part,
      );
    console.info(
      `start-up: ${bareMs.toFixed(0)} ms bare, ${ratioOf("ms", 0.5).toFixed(2)} times with azmutex run; ` +
        `of a processor ${bareProcessorMs.toFixed(0)} ms, ${ratioOf("processorMs", 0.5).toFixed(2)} times` +
        (isQuiet ? "" : "; others want the processors too"),
    );
    expect(ratioOf("processorMs", MOST_ROUNDS)).toBeLessThan(LIMIT);
    // The watchdog and the job start on another processor: where none is free, the time says how many others there are.
    if (isQuiet) expect(ratioOf("ms", MOST_ROUNDS)).toBeLessThan(LIMIT);
  });
});

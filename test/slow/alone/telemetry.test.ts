import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, describe, expect, it } from "vitest";
import { median } from "../../../lab/shared/statistics.ts";
import { AzureMutex } from "../../../src/locks/azure-mutex.ts";
import type { Locker } from "../../../src/locks/locker.ts";
import { MemoryLeaseStore } from "../../../src/testing/index.ts";
import { PROJECT } from "../../support/sources.ts";

/** In a process of its own, so that ours is measured without it; it ends with its input. */
const emulator: ChildProcess = spawn(
  process.execPath,
  [
    "--input-type=module",
    "--eval",
    `
    const emulator = await (await import("azmutex/testing")).startEmulator();
    console.log(emulator.connectionString);
    process.stdin.resume().once("end", () => process.exit());
    `,
  ],
  { cwd: PROJECT, stdio: ["pipe", "pipe", "inherit"] },
);
afterAll(() => emulator.stdin?.end());

const ROUNDS = 800;
const CYCLES = 50;
/** Until the compiler is through with it. */
const WARM_UP = 20_000;
const SERVICE_CYCLES = 500;
const LIMIT = 0.02;

async function cycles(locker: Locker, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await (await locker.lock()).release();
}

/** Microseconds of a processor for one cycle. */
async function processorUs(locker: Locker, count: number): Promise<number> {
  const before = process.cpuUsage();
  await cycles(locker, count);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

describe("telemetry that is not collected", () => {
  it("adds less than 2 % to what a lock and unlock with a service takes of a processor", async () => {
    const [connectionString] = (await once(emulator.stdout?.setEncoding("utf8") as NodeJS.ReadableStream, "data")) as [
      string,
    ];
    const connected = new AzureMutex({ connectionString: connectionString.trim(), containerName: "telemetry" }).locker(
      "job",
    );
    await cycles(connected, SERVICE_CYCLES);
    const [shipped, without] = [undefined, false as const].map((telemetry) =>
      new AzureMutex({ store: new MemoryLeaseStore(), ...(telemetry === undefined ? {} : { telemetry }) }).locker(
        "job",
      ),
    ) as [Locker, Locker];
    for (const locker of [shipped, without, shipped, without]) await cycles(locker, WARM_UP / 4);
    const rounds: { readonly shipped: number; readonly without: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      // The second one finds what the first has left in the caches, and for the garbage collector.
      const first = round % 2 === 0 ? await processorUs(shipped, CYCLES) : undefined;
      const off = await processorUs(without, CYCLES);
      rounds.push({ shipped: first ?? (await processorUs(shipped, CYCLES)), without: off });
    }
    const inMemoryUs = median(rounds.map((round) => round.without));
    const addedUs = median(rounds.map((round) => round.shipped - round.without));
    const withServiceUs = await processorUs(connected, SERVICE_CYCLES);
    const percent = (of: number): string => `${((addedUs / of) * 100).toFixed(2)} %`;
    console.info(
      `telemetry without an SDK: ${addedUs.toFixed(2)} µs a cycle, ${percent(withServiceUs)} of the ` +
        `${withServiceUs.toFixed(0)} µs with the emulator, ` +
        `${percent(inMemoryUs)} of the ${inMemoryUs.toFixed(1)} µs in memory`,
    );
    expect(addedUs / withServiceUs).toBeLessThan(LIMIT);
  });
});

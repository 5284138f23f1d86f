import { AzureLogger, setLogLevel } from "@azure/logger";
import { afterEach, describe, expect, it, vi } from "vitest";
import { loadAzureLog } from "../../../../src/store/azure/sdk-log.ts";
import { World } from "../../../support/world.ts";

const printed: string[] = [];
AzureLogger.log = (...line: unknown[]) => void printed.push(line.join(" "));

afterEach(() => {
  setLogLevel(undefined);
  vi.unstubAllEnvs();
  printed.length = 0;
});

async function trouble(): Promise<World> {
  const world = new World();
  const { store, mutex } = world.process();
  store.failBefore("acquire", { times: 1, answered: true });
  await world.until(mutex.locker("job").run(() => undefined));
  await world.clock.settle();
  return world;
}

describe("the SDK's log", () => {
  it("has the lines that log has, at the level warning, the first of all included", async () => {
    setLogLevel("warning");
    const { log } = await trouble();
    await loadAzureLog();
    expect(log).toHaveLength(1);
    await expect.poll(() => printed).toEqual([expect.stringContaining(`azure:azmutex:warning ${log[0]}`)]);
  });

  it("has waits and holds at the level info", async () => {
    await loadAzureLog();
    setLogLevel("info");
    await trouble();
    expect(printed.map((line) => line.replace(/\d+ ms/, "… ms"))).toEqual([
      expect.stringContaining('azure:azmutex:warning waiting for "job": '),
      expect.stringContaining('azure:azmutex:info lock of "job": acquired after … ms'),
      expect.stringContaining('azure:azmutex:info lock of "job": released after … ms'),
    ]);
  });

  it("has nothing unless it is asked for", async () => {
    await loadAzureLog();
    const { log } = await trouble();
    expect(log).toHaveLength(1);
    expect(printed).toEqual([]);
  });

  it("costs no lock if it throws", async () => {
    await loadAzureLog();
    setLogLevel("info");
    const { log } = AzureLogger;
    AzureLogger.log = () => {
      throw new Error("the disk is full");
    };
    try {
      expect((await trouble()).log).toHaveLength(1);
    } finally {
      AzureLogger.log = log;
    }
  });
});

import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { Chance } from "../../lab/shared/chance.ts";
import { PROJECT } from "../support/sources.ts";
import { Storage } from "../support/storage.ts";

const PROGRAM = join(PROJECT, "test/slow/programs/once-replica.mjs");
const REPLICAS = 20;
const SLOTS = 60;
const SEED = 1;
/** Each delays its slot until the lease of 15 s has run out. The slots that come due meanwhile are made up for. */
const RUNNERS_KILLED = 3;
const IDLE_KILLED = 8;
/** Twenty that start at the same time would keep the cores from all else. */
const START_EVERY_MS = 250;

const storage = await Storage.start();
const folder = mkdtempSync(join(tmpdir(), "azmutex-once-replicas-"));
const log = join(folder, "log");
const replicas: ChildProcess[] = [];
afterAll(async () => {
  for (const replica of replicas) replica.kill("SIGKILL");
  await storage[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** What a replica says of an attempt that it begins. */
interface Begun {
  readonly at: number;
  readonly attempt: number;
}

it("runs each slot once in twenty processes of which any may be killed", async () => {
  const { containerName } = await storage.newContainer();
  const chance = new Chance(SEED, "kills");
  const slotsOf = (count: number) => Array.from({ length: count }, () => chance.upTo(SLOTS));
  const runnerKills = slotsOf(RUNNERS_KILLED - 1);
  // One slot takes three attempts.
  runnerKills.push(runnerKills[0] as number);
  const idleKills = slotsOf(IDLE_KILLED);
  /** How often the runner of each slot was killed in its work. */
  const killed = Array.from({ length: SLOTS }, () => 0);
  const ends: (number | null)[] = [];
  let first: number | undefined;
  const ready: ChildProcess[] = [];

  const start = (): void => {
    const env = { ...process.env, AZURE_STORAGE_CONNECTION_STRING: storage.emulator.connectionString };
    const replica = fork(PROGRAM, [containerName, log, String(SLOTS)], { env, cwd: PROJECT, execArgv: [] });
    replicas.push(replica);
    replica.on("message", (said: "ready" | Begun) => {
      if (said !== "ready") return void decide(replica, said);
      ready.push(replica);
      if (first !== undefined) replica.send(first);
    });
    replica.on("exit", (code, signal) => {
      if (signal !== "SIGKILL") ends.push(code);
    });
  };
  const kill = (replica: ChildProcess): void => {
    ready.splice(ready.indexOf(replica), 1);
    replica.kill("SIGKILL");
    start();
  };
  /** The runner waits for this, and the others cannot get the lock until then. */
  const decide = async (runner: ChildProcess, { at }: Begun): Promise<void> => {
    await sleep(chance.upTo(100));
    while (take(idleKills, at)) {
      const idle = ready.filter((replica) => replica !== runner);
      const victim = idle[chance.upTo(idle.length)];
      if (victim) kill(victim);
    }
    if (!take(runnerKills, at)) return void runner.send("go on");
    killed[at] = (killed[at] ?? 0) + 1;
    kill(runner);
  };

  for (let count = 0; count < REPLICAS; count += 1) {
    start();
    await sleep(START_EVERY_MS);
  }
  await expect.poll(() => ready.length).toBe(REPLICAS);
  first = Math.ceil(Date.now() / 1_000) * 1_000;
  for (const replica of ready) replica.send(first);
  await expect.poll(() => ends, { timeout: 300_000 }).toHaveLength(REPLICAS);
  expect(ends).toEqual(Array.from({ length: REPLICAS }, () => 0));

  expect(killed.reduce((sum, times) => sum + times)).toBe(RUNNERS_KILLED);
  expect(idleKills).toEqual([]);
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  const expected = killed.flatMap((times, at) => [
    ...Array.from({ length: times + 1 }, (_, before) => `begins ${at} ${before + 1}`),
    `done ${at} ${times + 1}`,
  ]);
  expect(lines).toEqual(expected);
});

/** Whether it is among them. Removes it. */
function take(slots: number[], slot: number): boolean {
  const index = slots.indexOf(slot);
  if (index < 0) return false;
  slots.splice(index, 1);
  return true;
}

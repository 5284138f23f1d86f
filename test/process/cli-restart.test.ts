import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { Cli } from "../support/cli.ts";
import { newDirectory } from "../support/state-place.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());
const env = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });

/** The children of an azmutex: its watchdog, and the command. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

it("azmutex run --state-dir releases what a killed one held once its command is gone, and not before", async (test) => {
  const directory = newDirectory();
  const args = ["--state-dir", directory];
  const killed = new Cli(test, ["run", "job", ...args, "--", "sh", "-c", "echo began; exec sleep 1000"], { env });
  await killed.printed(/began/);
  const children = childrenOf(killed.pid);
  expect(children).toHaveLength(2);
  // The shell has its own name until then.
  await expect.poll(() => children.map(nameOf)).toContain("sleep");
  // Its lock could not be released by the watchdog, and its command not stopped: both of azmutex are dead.
  const names = children.map((pid) => [pid, nameOf(pid)] as const);
  const command = names.find(([, name]) => name === "sleep")?.[0] ?? Number.NaN;
  test.onTestFinished(() => {
    try {
      process.kill(command, "SIGKILL");
    } catch {
      // The test has killed it.
    }
  });
  for (const [pid] of names.filter(([, name]) => name !== "sleep")) process.kill(pid, "SIGKILL");
  killed.kill("SIGKILL");
  await once(killed.child, "exit");
  const refused = await new Cli(test, ["run", "job", "--try", ...args, "--", "true"], { env }).ended;
  expect(refused.code).toBe(75);
  expect(await mutex.inspect("job")).toMatchObject({ isHeld: true });
  process.kill(command, "SIGKILL");
  const next = await new Cli(test, ["run", "job", ...args, "--", "echo", "next"], { env }).ended;
  expect(next).toMatchObject({ code: 0, out: "next\n" });
  expect(readdirSync(directory)).toEqual([]);
});

it("azmutex hold --state-dir keeps the lock of a killed one while the script runs that started it", async (test) => {
  const directory = newDirectory();
  const args = ["--state-dir", directory];
  const killed = new Cli(test, ["hold", "held", ...args], { env, input: "open" });
  await killed.printed(/"key":"held"/);
  expect(
    readdirSync(directory)
      .map((name) => name.replace(/^.*\./, ""))
      .sort(),
  ).toEqual(["job", "sock", "state"]);
  killed.kill("SIGKILL");
  await once(killed.child, "exit");
  // This very process has started it.
  const refused = await new Cli(test, ["run", "held", "--try", ...args, "--", "true"], { env }).ended;
  expect(refused.code).toBe(75);
});

it("azmutex refuses a state directory that is none, by the name of the option", async (test) => {
  const { code, err } = await new Cli(test, ["run", "job", "--state-dir", "/dev/null", "--", "true"], { env }).ended;
  expect(code).toBe(64);
  expect(err).toContain("--state-dir (or AZMUTEX_STATE_DIR) must be a directory that this process may write to");
});

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}

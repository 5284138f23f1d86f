import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startEmulator } from "../../src/testing/emulator.ts";
import { run, type Script } from "../support/script.ts";
import { newDirectory, textsIn } from "../support/state-place.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());

/** A process that uses the state directory, or none. */
function start(directory: string | undefined, code: string): Script {
  const options = { containerName: "locks", ...(directory !== undefined && { stateDirectory: directory }) };
  const own = `const own = new AzureMutex({ connectionString: process.env.STORAGE, ...${JSON.stringify(options)} });`;
  return run(emulator.connectionString, `${own} ${code}`);
}

/** Holds what no time ends, and a lock, and does not end. */
const HOLD =
  'await own.acquire("job", "infinite"); await own.locker("lock").lock(); ' +
  'console.log("held"); setInterval(() => undefined, 1_000);';
/** Takes the lock, and gives it back. */
const TAKE =
  'await own.inspect("another"); console.log("began"); ' + 'await own.locker("job").run(() => console.log("took it"));';

/** Closes the file descriptor at which azmutex listens, as code does that closes what it does not know. */
const CLOSE_SOCKET = `
  import { closeSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
  await own.locker("unguarded").lock();
  const listening = () => readFileSync("/proc/net/unix", "utf8").split("\\n")
    .filter((line) => line.includes("azmutex-" + process.pid + "-")).map((line) => line.split(/\\s+/)[6]);
  const [inode] = listening();
  for (const descriptor of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync("/proc/self/fd/" + descriptor) === "socket:[" + inode + "]") closeSync(Number(descriptor));
    } catch {}
  }
  console.log(listening().length === 0 ? "closed" : "open");
  setInterval(() => { if (listening().length > 0) console.log("listens again"); }, 100);
`;

async function killed({ child }: Script): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

describe("a process that was killed", () => {
  it("costs its successor no lease, nor a rival elsewhere", async ({ onTestFinished }) => {
    const directory = newDirectory();
    const dead = start(directory, HOLD);
    await dead.printed("held");
    const rival = start(undefined, TAKE);
    onTestFinished(() => void rival.child.kill("SIGKILL"));
    await rival.printed("began");
    await killed(dead);
    const successor = start(directory, TAKE);
    await Promise.all([successor.printed("took it"), rival.printed("took it")]);
    await successor.ended;
    expect(readdirSync(directory)).toEqual([]);
  });

  it("is not taken for dead while it is stopped, nor while it lives", async ({ onTestFinished }) => {
    const directory = newDirectory();
    const stopped = start(directory, HOLD.replaceAll('"job"', '"stopped"'));
    onTestFinished(() => void stopped.child.kill("SIGKILL"));
    await stopped.printed("held");
    const look = 'console.log((await own.locker("stopped").tryLock()) ? "free" : "taken");';
    const beside = start(directory, look);
    await beside.ended;
    stopped.child.kill("SIGSTOP");
    const after = start(directory, look);
    await after.ended;
    expect([beside.output(), after.output()]).toEqual(["taken\n", "taken\n"]);
  });

  it("is known by another socket once other code has closed the first", async ({ onTestFinished }) => {
    const directory = newDirectory();
    const closing = start(directory, CLOSE_SOCKET);
    onTestFinished(() => void closing.child.kill("SIGKILL"));
    await closing.printed("closed");
    await closing.printed("listens again");
  });

  it("has left nothing secret, and nothing for others to read", async () => {
    const directory = newDirectory();
    const dead = start(directory, HOLD.replaceAll('"job"', '"secret"').replaceAll('"lock"', '"secret lock"'));
    await dead.printed("held");
    await killed(dead);
    const files = readdirSync(directory);
    expect(files.map((name) => name.replace(/^.*\./, "")).sort()).toEqual(["sock", "state"]);
    const [file = ""] = files.filter((name) => name.endsWith("state"));
    expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
    const text = textsIn(directory);
    expect(text).toContain('"secret lock"');
    expect(text).not.toContain(emulator.accountKey);
    expect(text).not.toMatch(/sig=|bearer|AccountKey|SharedKey/i);
    // Each value of the file is one of these; a secret would be in none.
    const [first = "", ...lines] = text.split("\n");
    const { version, process: writer, socket, address, ...others } = JSON.parse(first);
    expect(others).toEqual({});
    expect([version, Object.keys(writer), Object.keys(socket), typeof address]).toEqual([
      1,
      ["host", "bootId", "namespaces", "pid", "startedAt"],
      ["name", "inode"],
      "string",
    ]);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\["[0-9a-f-]{36}"(?:,"secret(?: lock)?")?\]$/);
  });
});

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, it, type TestContext } from "vitest";
import { until } from "../../lab/shared/processes.ts";
import { AzureMutex } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import type { Cli } from "../support/cli.ts";
import { commandLine, shellOnTerminal } from "../support/pseudo-terminal.ts";

// In a thread of its own: it has to answer also while this one is busy.
const emulator = await startEmulator({ ownClock: true });
const folder = mkdtempSync(join(tmpdir(), "azmutex-background-"));
afterAll(async () => {
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
const env = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
const CTRL_Z = "\x1a";

/** A job that says what it reads, and goes on reading at the end of its input. */
const READER = [
  "sh",
  "-c",
  'echo "in $$"; while :; do if read -r word; then echo "got $word"; else sleep 0.1; fi; done',
];

const shell = (test: TestContext): Cli => shellOnTerminal(test, { env });

/** A script that runs the command, so that the shell waits for the script and not for azmutex. */
function script(args: readonly string[], nodeOptions: readonly string[] = []): string {
  const file = join(folder, randomUUID());
  writeFileSync(file, `${commandLine(args, nodeOptions)}\necho after\n`);
  return `sh ${file}`;
}

let sums = 0;

/** What is typed next is the shell's: it says what only the shell can say. */
async function reachesShell(test: TestContext, terminal: Cli): Promise<void> {
  sums += 1;
  const [summand, sum] = [sums, sums + 1_000];
  terminal.type(`echo "sum $((${summand} + 1000))"\n`);
  const [said] = await terminal.printed(new RegExp(`^(?:sum ${sum}|got echo .*)\r$`, "m"));
  test.expect(said).toBe(`sum ${sum}\r`);
}

async function reachesJob(terminal: Cli, word = randomUUID()): Promise<void> {
  terminal.type(`${word}\n`);
  await terminal.printed(new RegExp(`^got ${word}\r$`, "m"));
}

const PAUSED = /^azmutex: in the background the command is stopped, as it could read what is typed; .*\r$/m;

describe.concurrent("in the background of a terminal, azmutex", () => {
  it.for(["run", "elect"])("%s leaves what is typed to the shell", async (name, test) => {
    const terminal = shell(test);
    terminal.type(`${commandLine([name, randomUUID(), "--", ...READER])} &\n`);
    await terminal.printed(/in \d+\r$/m);
    await reachesShell(test, terminal);
    terminal.type("kill %1; wait; exit\n");
    await terminal.ended;
  });

  it("run in a session of its own leaves what is typed to the shell", async (test) => {
    const terminal = shell(test);
    terminal.type(`setsid -f ${commandLine(["run", randomUUID(), "--", ...READER])}\n`);
    const [, job] = await terminal.printed(/in (\d+)\r$/m);
    await reachesShell(test, terminal);
    terminal.type(`kill ${job}; exit\n`);
    await terminal.ended;
  });

  it("run stops at Ctrl-Z while it waits, and leaves what is typed to the shell once it has the lock", async (test) => {
    const key = randomUUID();
    const lock = await mutex.locker(key).lock();
    const terminal = shell(test);
    terminal.type(`${commandLine(["run", key, "--", ...READER])}\n`);
    await terminal.printed(/waiting for/);
    terminal.type(CTRL_Z);
    await terminal.printed(/^\[1\]\+ {2}Stopped .*\r$/m);
    await reachesShell(test, terminal);
    terminal.type("bg\n");
    await lock.release();
    await terminal.printed(/in \d+\r$/m);
    await reachesShell(test, terminal);
    terminal.type("kill %1; wait; exit\n");
    await terminal.ended;
  });

  it("run goes on waiting when it is in the foreground again, and gives the terminal to the command", async (test) => {
    const key = randomUUID();
    const lock = await mutex.locker(key).lock();
    const terminal = shell(test);
    terminal.type(`${commandLine(["run", key, "--", ...READER])}\n`);
    await terminal.printed(/waiting for/);
    terminal.type(CTRL_Z);
    await terminal.printed(/^\[1\]\+ {2}Stopped .*\r$/m);
    await lock.release();
    terminal.type("fg\n");
    await terminal.printed(/in \d+\r$/m);
    await reachesJob(terminal);
  });

  // Where there is no list of processes, `ps` says who is in the foreground.
  const DARWIN = [
    "--import",
    `data:text/javascript,${encodeURIComponent('Object.defineProperty(process, "platform", { value: "darwin" })')}`,
  ];

  it.for([
    { where: "on Linux", nodeOptions: [] },
    { where: "without Linux's /proc", nodeOptions: DARWIN },
  ])("run in a script that Ctrl-Z stops has its command stopped until fg, $where", async ({ nodeOptions }, test) => {
    const key = randomUUID();
    const terminal = shell(test);
    terminal.type(`${script(["run", "--lease", "15s", key, "--", ...READER], nodeOptions)}\n`);
    await terminal.printed(/in \d+\r$/m);
    await reachesJob(terminal);
    terminal.type(CTRL_Z);
    await terminal.printed(/^\[1\]\+ {2}Stopped .*\r$/m);
    await terminal.printed(PAUSED);
    await reachesShell(test, terminal);
    terminal.type("bg\n");
    await reachesShell(test, terminal);
    // Longer than a lease, and it is still held.
    await sleep(16_000);
    await reachesShell(test, terminal);
    test.expect(await mutex.locker(key).tryLock()).toBeUndefined();
    terminal.type("fg\n");
    await reachesJob(terminal);
    test.expect(terminal.out.match(new RegExp(PAUSED, "gm"))).toHaveLength(1);
  });

  const CLEARS_ROW = "\r\x1b[K";

  it.for(["", "</dev/null"])(
    "run %s says in lines for which holder it waits, and leaves the row of the prompt alone",
    async (input, test) => {
      const key = randomUUID();
      const lock = await mutex.locker(key, { holder: "web-3" }).lock();
      const terminal = shell(test);
      terminal.type(`${commandLine(["run", key, "--", "echo", "ran"])} ${input} &\n`);
      await terminal.printed(new RegExp(`^azmutex: waiting for "${key}" .* held by web-3 .*\r$`, "m"));
      await reachesShell(test, terminal);
      await lock.release();
      await terminal.printed(/^azmutex: got ".*\r$/m);
      await terminal.printed(/^ran\r$/m);
      test.expect(terminal.out).not.toContain(CLEARS_ROW);
    },
  );

  it("run leaves the row of the prompt alone that it had when Ctrl-Z was pressed", async (test) => {
    const key = randomUUID();
    const lock = await mutex.locker(key).lock();
    const terminal = shell(test);
    terminal.type(`${commandLine(["run", key, "--", "echo", "ran"])}\n`);
    await terminal.printed(/waiting for/);
    terminal.type(CTRL_Z);
    await terminal.printed(/^\[1\]\+ {2}Stopped .*\r$/m);
    const before = terminal.out.length;
    terminal.type("bg\n");
    await reachesShell(test, terminal);
    await lock.release();
    await terminal.printed(/^ran\r$/m);
    test.expect(terminal.out.slice(before)).not.toContain(CLEARS_ROW);
  });

  it("watch draws nothing and reads no keys until it is in the foreground", async (test) => {
    const lock = await mutex.locker(randomUUID()).lock();
    const terminal = shell(test);
    terminal.type(`${commandLine(["watch", "--every", "500ms", lock.key])} &\n`);
    await sleep(4_000);
    await reachesShell(test, terminal);
    test.expect(terminal.out).not.toContain("\x1b[H");
    terminal.type("fg; echo ended\n");
    await terminal.printed(new RegExp(`\\x1b\\[H[^]*${lock.key}`));
    await until(() => terminal.out.split("\x1b[H").length > 3, "it has looked in the foreground");
    terminal.type("q");
    await terminal.printed(/^ended\r$/m);
    await lock.release();
  });

  it("run within a run keeps its lock, too, and its command is stopped", async (test) => {
    const [outer, inner] = [randomUUID(), randomUUID()];
    const terminal = shell(test);
    const innerRun = ["sh", "-c", commandLine(["run", "--lease", "15s", inner, "--", ...READER])];
    terminal.type(`${script(["run", outer, "--", ...innerRun])}\n`);
    await terminal.printed(/in \d+\r$/m);
    terminal.type(CTRL_Z);
    await until(
      () => (terminal.out.match(new RegExp(PAUSED, "gm")) ?? []).length === 2,
      "both say that they stop their commands",
    );
    await reachesShell(test, terminal);
    await sleep(16_000);
    test.expect(await mutex.locker(inner).tryLock()).toBeUndefined();
    terminal.type("fg\n");
    await reachesJob(terminal);
  });

  it("run asked to end there lets its stopped command end", async (test) => {
    const key = randomUUID();
    const terminal = shell(test);
    const polite = ["sh", "-c", 'trap "echo bye; exit 3" TERM; echo "in $PPID"; while :; do read -r word; done'];
    terminal.type(`${script(["run", key, "--", ...polite])}\n`);
    const [, pid] = await terminal.printed(/in (\d+)\r$/m);
    terminal.type(CTRL_Z);
    await terminal.printed(PAUSED);
    terminal.type(`kill ${pid}\n`);
    await terminal.printed(/^bye\r$/m);
    await until(async () => !(await mutex.inspect(key)).isHeld, "the lock is free");
    terminal.type("kill -KILL %1; exit\n");
  });

  it("run whose lock is lost there stops its command for good", async (test) => {
    const key = randomUUID();
    const terminal = shell(test);
    terminal.type(
      `${script(["run", "--lease", "15s", key, "--", "sh", "-c", 'echo "in $$"; while :; do read -r word; done'])}\n`,
    );
    const [, job] = await terminal.printed(/in (\d+)\r$/m);
    terminal.type(CTRL_Z);
    await terminal.printed(PAUSED);
    await mutex.break(key, { periodSeconds: 0 });
    await terminal.printed(/^azmutex: lock on .*: the command was stopped\r$/m);
    test.expect(() => process.kill(Number(job), 0)).toThrow("ESRCH");
    terminal.type("kill -KILL %1; exit\n");
  });
});

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, it, type TestContext } from "vitest";
import { gone, until } from "../../lab/shared/processes.ts";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { AzureMutex } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { Cli, type CliOptions } from "../support/cli.ts";
import { ownTime } from "../support/own-time.ts";
import { commandLine, inShellOnTerminal, shellOnTerminal } from "../support/pseudo-terminal.ts";

// In a thread of its own: it has to answer also while this one is busy.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

const PLACE = `${emulator.url.replace("http://", "")}/locks`;
const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
const env = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };

const hold = (test: TestContext, args: readonly string[], options: CliOptions = {}): Cli =>
  new Cli(test, ["hold", ...args], { env, input: "open", ...options });

const isHeld = async (key: string): Promise<boolean> => (await mutex.inspect(key)).isHeld;

describe.concurrent("azmutex hold", () => {
  it("prints token and lease on one line, and releases when standard input ends", async (test) => {
    const key = randomUUID();
    const cli = hold(test, [key, "--purpose", "deploy 42"]);
    const facts = JSON.parse((await cli.printed(/^\{.*\}\n/))[0]) as Record<string, unknown>;
    const { isHeld, purpose } = await mutex.inspect(key);
    test.expect({ isHeld, purpose }).toEqual({ isHeld: true, purpose: "deploy 42" });
    test.expect(facts).toEqual({
      account: PLACE.replace("/locks", ""),
      container: "locks",
      key,
      token: test.expect.any(Number),
      leaseId: test.expect.stringMatching(/^[\da-f-]{36}$/),
    });
    cli.type("what is written there is dropped\n");
    cli.child.stdin?.end();
    test.expect(await cli.ended).toEqual(test.expect.objectContaining({ code: 0, signal: null, err: "" }));
    test.expect(cli.out.split("\n")).toHaveLength(2);
    test.expect(await mutex.locker(key).tryLock()).toBeDefined();
  });

  it("holds permits and both sides of a reader-writer lock, whose leases it does not print", async (test) => {
    const key = randomUUID();
    const kinds = [["--semaphore", "2"], ["--read"], ["--write"]];
    const printed = await Promise.all(
      kinds.map(async (options) => {
        const cli = hold(test, [...options, `${key}${options[0]}`]);
        const facts = JSON.parse((await cli.printed(/^\{.*\}\n/))[0]) as Record<string, unknown>;
        cli.child.stdin?.end();
        await cli.ended;
        return Object.keys(facts).slice(2);
      }),
    );
    test.expect(printed).toEqual([["key", "token", "slot"], ["key"], ["key", "token", "leaseId"]]);
  });

  it("gives up as run does, and with 75 when standard input ends while it waits", async (test) => {
    const key = randomUUID();
    const lock = await mutex.locker(key).lock();
    const [tried, timed] = await Promise.all([
      hold(test, ["--try", key]).ended,
      hold(test, ["--timeout", "15s", key]).ended,
    ]);
    test.expect([tried.code, tried.out, timed.code, timed.out]).toEqual([75, "", 124, ""]);
    const waits = hold(test, [key], { input: Buffer.from("no more") });
    const err = `azmutex: standard input has ended before the lock on "${key}" in ${PLACE} was won\n`;
    test.expect(await waits.ended).toMatchObject({ code: 75, out: "", err });
    await lock.release();
  });

  it.for([
    { signal: "SIGINT", code: 130 },
    { signal: "SIGTERM", code: 143 },
  ] as const)(
    "releases at $signal and ends with $code, also without an input that can end",
    async ({ signal, code }, test) => {
      const key = randomUUID();
      const cli = new Cli(test, ["hold", key], { env });
      await cli.printed(/\n/);
      // It would have ended by now if /dev/null counted as an end.
      await sleep(1_000);
      test.expect(await isHeld(key)).toBe(true);
      cli.kill(signal);
      test.expect(await cli.ended).toMatchObject({ code, signal: null });
      test.expect(await mutex.locker(key).tryLock()).toBeDefined();
    },
  );

  it.for([
    { what: "nothing reads what it prints any more", code: 141, through: undefined, err: "" },
    {
      what: "what it prints cannot be written",
      code: 74,
      through: ["sh", "-c", 'exec "$@" >/dev/full', "sh", process.execPath],
      err: "azmutex: could not write to standard output: ENOSPC: no space left on device, write\n",
    },
  ])("releases at once and ends with $code when $what", async ({ code, through, err }, test) => {
    const key = randomUUID();
    const lock = await mutex.locker(key).lock();
    const cli = hold(test, [key], { ...(through && { through }) });
    cli.child.stdout?.destroy();
    await lock.release();
    const ended = await cli.ended;
    test
      .expect({ code: ended.code, err: ended.err.replace(/^azmutex: (?:waiting for|got) .*\n/gm, "") })
      .toEqual({ code, err });
    test.expect(await mutex.locker(key).tryLock()).toBeDefined();
  });

  it("ends with 79 when the lock is broken", async (test) => {
    const key = randomUUID();
    const cli = hold(test, ["--lease", "15s", key]);
    await cli.printed(/\n/);
    await mutex.break(key);
    const { code, err } = await cli.ended;
    test.expect(code).toBe(79);
    test.expect(err).toMatch(new RegExp(`^azmutex: lock on "${key}" in ${PLACE} lost: broken .*\n$`));
  });

  it("ends with 79 the grace before the lock is uncertain when nothing is answered", async (test) => {
    await using proxy = await FaultProxy.start(emulator);
    const key = randomUUID();
    const args = ["--lease", "15s", "--grace", "4s", key];
    const cli = hold(test, args, { env: { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString } });
    await cli.printed(/\n/);
    proxy.hang("all");
    const since = ownTime.now();
    const { code, err } = await cli.ended;
    test.expect(code).toBe(79);
    test
      .expect(err)
      .toMatch(
        new RegExp(
          `^azmutex: lock on "${key}" in \\S+/locks could not be renewed, and is certain for \\d\\.\\d s more only\n`,
        ),
      );
    // Certain for 12.5 s.
    test.expect(ownTime.now() - since).toBeLessThan(12_500);
  });

  it("releases when the script that holds the other end of its input is killed", async (test) => {
    const key = randomUUID();
    const line = commandLine(["hold", key]);
    const script = new Cli(test, [], {
      env,
      through: [
        "bash",
        "-c",
        `coproc ${line}; read -r x <&\${COPROC[0]}; echo "$COPROC_PID"; read -r _ <&\${COPROC[0]}`,
      ],
    });
    const [, pid] = await script.printed(/^(\d+)\n/);
    test.expect(await isHeld(key)).toBe(true);
    process.kill(script.pid, "SIGKILL");
    await gone([Number(pid)]);
    test.expect(await mutex.locker(key).tryLock()).toBeDefined();
  });

  it("on a terminal holds until Ctrl-C, says that Ctrl-Z does not stop it, and reads nothing", async (test) => {
    const key = randomUUID();
    const cli = inShellOnTerminal(test, ["hold", key], { env });
    await cli.printed(/^azmutex: held until Ctrl-C\r$/m);
    cli.type("\x1a");
    await cli.printed(/azmutex: not stopped by Ctrl-Z: a stopped holder would lose the lock; Ctrl-C releases it\r$/m);
    cli.type("\x03");
    await cli.printed(/code 130\r$/m);
    test.expect(await mutex.locker(key).tryLock()).toBeDefined();
  });

  it("in the background of a terminal leaves what is typed to the shell", async (test) => {
    const key = randomUUID();
    const terminal = shellOnTerminal(test, { env });
    terminal.type(`${commandLine(["hold", key])} &\n`);
    await terminal.printed(/\{.*"key":.*\}/);
    terminal.type('echo "sum $((1000 + 7))"\n');
    await terminal.printed(/^sum 1007\r$/m);
    await sleep(500);
    test.expect(await isHeld(key)).toBe(true);
    terminal.type("kill %1; wait; exit\n");
    await terminal.ended;
    await until(async () => !(await isHeld(key)), "it is released");
  });
});

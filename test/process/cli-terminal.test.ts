import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, it, type TestContext } from "vitest";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { columnsOf } from "../../src/cli/terminal/columns.ts";
import { AzureMutex } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { Cli } from "../support/cli.ts";
import { inShellOnTerminal, onTerminal, resize } from "../support/pseudo-terminal.ts";
import { TerminalText } from "../support/terminal-text.ts";

// In a thread of its own: it has to answer also while this one is busy.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
const STORAGE = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
const CTRL_C = "\x03";
const CTRL_Z = "\x1a";

async function holder(test: TestContext, key: string): Promise<Cli> {
  const args = [
    "run",
    "--fair",
    "--holder",
    "build-7",
    "--purpose",
    "deploy \x1b[31m42",
    key,
    "--",
    "sh",
    "-c",
    "echo in; exec sleep 600",
  ];
  const cli = new Cli(test, args, { env: STORAGE });
  await cli.printed(/in/);
  return cli;
}

describe.concurrent("azmutex run on a terminal", () => {
  it("gives the terminal to the command, and Ctrl-C as well", async (test) => {
    const script =
      'trap "echo got INT; exit 3" INT; test -t 0 && test -t 1 && test -t 2 && echo "a ' +
      'terminal"; while :; do sleep 1; done';
    const run = onTerminal(test, ["run", randomUUID(), "--", "sh", "-c", script], { env: STORAGE });
    await run.printed(/a terminal/);
    run.type(CTRL_C);
    const { code, out } = await run.ended;
    test.expect(code).toBe(3);
    test.expect(out.match(/got INT/g)).toHaveLength(1);
  });

  it("is not stopped by Ctrl-Z in a shell, which would leave the command without a lock", async (test) => {
    const run = inShellOnTerminal(
      test,
      ["run", randomUUID(), "--", "sh", "-c", "echo in; read -r word; echo got $word; exit 4"],
      {
        env: STORAGE,
      },
    );
    await run.printed(/in\r$/m);
    run.type(CTRL_Z);
    await sleep(500);
    run.type("on\n");
    // A shell whose child has stopped says so, and takes the word for a command.
    const [said] = await run.printed(/^got on\r$|Stopped|not found/m);
    test.expect(said).toBe("got on\r");
    test
      .expect(run.out)
      .toContain("azmutex: not stopped by Ctrl-Z: a stopped holder would lose the lock; Ctrl-C ends the command\r\n");
    await run.printed(/^code 4\r$/m);
  });

  it("says who is in the way, since when, and its place in line, and leaves none of it behind", async (test) => {
    const key = randomUUID();
    const first = await holder(test, key);
    const run = onTerminal(test, ["run", "--fair", key, "--", "sh", "-c", "echo in; exit 4"], {
      env: STORAGE,
      columns: 120,
    });
    const line = new RegExp(
      `waiting for "${key}" \\(\\d+ s\\): held by build-7 \\(deploy \\\\x1b\\[31m42\\) for \\d+ s; 1 of 1 in line`,
    );
    await run.printed(line);
    first.kill("SIGTERM");
    const { code, out } = await run.ended;
    test.expect(code).toBe(4);
    test.expect(out.slice(out.lastIndexOf("in line"))).toBe("in line\r\x1b[Kin\r\n");
  });

  it("keeps that to one row of the terminal, however long key, holder and purpose are", async (test) => {
    const key = `deploy/${"k".repeat(970)}/${randomUUID()}`;
    const args = ["run", "--holder", `build-${"7".repeat(200)}-end`, "--purpose", "夜间任务".repeat(100), key, "--"];
    const first = new Cli(test, [...args, "sh", "-c", "echo in; exec sleep 600"], { env: STORAGE });
    await first.printed(/in/);
    const run = onTerminal(test, ["run", key, "--", "sh", "-c", "echo in; exit 4"], { env: STORAGE, columns: 80 });
    const [shown = ""] = await run.printed(/waiting for .* for \d+ s/);
    test.expect(columnsOf(shown)).toBeLessThan(80);
    test.expect(shown).toMatch(/^waiting for "deploy.*….*" \(\d+ s\): held by build-.*….*-end \(夜间.*…\) for \d+ s$/);
    // One that is narrower gets less of it.
    resize(run, 24, 60);
    first.kill("SIGTERM");
    const { code, out } = await run.ended;
    test.expect(code).toBe(4);
    const lines = new TerminalText(24, 80);
    lines.write(out);
    // All that is left of it is the device that the test printed, and what the command said.
    test.expect(lines.rows.filter((row) => row !== "")).toEqual([test.expect.stringMatching(/^\/dev\//), "in"]);
  });

  it("ends at Ctrl-C while it waits", async (test) => {
    const key = randomUUID();
    await holder(test, key);
    const run = onTerminal(test, ["run", "--fair", key, "--", "echo", "in"], { env: STORAGE });
    await run.printed(/waiting for/);
    run.type(CTRL_C);
    const { code, out } = await run.ended;
    test.expect(code).toBe(130);
    test
      .expect(out.slice(out.lastIndexOf("\x1b") + 1))
      .toMatch(/^\[Kazmutex: ended by SIGINT\r\n(?:azmutex: stopping: .*\r\n)?$/);
    test.expect((await mutex.inspect(key)).waiting).toEqual([]);
  });

  it("says it to a file or a pipe once it waits, and that it got the lock", async (test) => {
    const key = randomUUID();
    const first = await holder(test, key);
    const run = new Cli(test, ["run", "--fair", key, "--", "echo", "in"], { env: STORAGE });
    await run.printed(/^azmutex: waiting for .*\n/m);
    // On a terminal the next look comes after five seconds, here after a minute.
    await sleep(6_000);
    first.kill("SIGTERM");
    const { code, out, err } = await run.ended;
    test.expect({ code, out }).toEqual({ code: 0, out: "in\n" });
    const line =
      `waiting for "${key}" \\(\\d s\\): held by build-7 \\(deploy \\\\x1b\\[31m42\\) ` +
      `for \\d+ s(?:; 1 of 1 in line)?`;
    test.expect(err).toMatch(new RegExp(`^azmutex: ${line}\\nazmutex: got "${key}" after \\d+ s\\n$`));
  });

  it("says which leader is in the way of a candidate", async (test) => {
    const key = randomUUID();
    const elect = (candidate: string): Cli =>
      new Cli(test, ["elect", "--candidate", candidate, key, "--", "sh", "-c", "echo in; exec sleep 600"], {
        env: STORAGE,
      });
    const first = elect("blue");
    await first.printed(/in/);
    const second = elect("green");
    await second.printed(
      new RegExp(`^azmutex: waiting to lead "${key}" \\(\\d s\\): held by blue \\(leader election\\) for \\d+ s\\n$`),
    );
    first.kill("SIGTERM");
    await second.printed(new RegExp(`^azmutex: leading "${key}" in term \\d+$`, "m"));
  });

  it("says it without a name where it cannot learn who is in the way", async (test) => {
    const key = randomUUID();
    await holder(test, key);
    await using proxy = await FaultProxy.start(emulator);
    proxy.serverBusy("list");
    const run = new Cli(test, ["run", key, "--", "echo", "in"], {
      env: { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString },
    });
    await run.printed(new RegExp(`^azmutex: waiting for "${key}" \\(\\d+ s\\)\\n`, "m"));
  });
});

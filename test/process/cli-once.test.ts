import { afterAll, beforeEach, describe, expect, it, type TestContext } from "vitest";
import { Cli, type CliEnd } from "../support/cli.ts";
import { CommandProcess, type LineEnd } from "../support/command-lines.ts";
import { onTerminal } from "../support/pseudo-terminal.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
const commands = new CommandProcess();
afterAll(async () => {
  commands[Symbol.dispose]();
  await storage[Symbol.asyncDispose]();
});

let container: string;
beforeEach(async () => {
  container = (await storage.newContainer()).containerName;
});

function options() {
  return {
    env: { AZURE_STORAGE_CONNECTION_STRING: storage.emulator.connectionString, AZMUTEX_CONTAINER: container },
  };
}

const start = (test: TestContext, ...args: string[]): Cli => new Cli(test, args, options());
const end = (test: TestContext, ...args: string[]): Promise<CliEnd> => start(test, ...args).ended;
/** How a command ends that needs no process of its own: one that is refused, or that asks for facts. */
const said = (...args: string[]): Promise<LineEnd> => commands.run({ args, ...options() });

describe("azmutex run --once", () => {
  it("runs a slot once, tells the command which, and ends with 0 and one line where it is done", async (test) => {
    const job = ["--", "sh", "-c", 'echo "$AZMUTEX_ONCE_SLOT $AZMUTEX_ATTEMPT"'];
    expect(await end(test, "run", "nightly", "--once", "2026-11-30", ...job)).toMatchObject({
      code: 0,
      out: "2026-11-30 1\n",
      err: "",
    });
    for (const [slot, words] of [
      ["2026-11-30", "slot 2026-11-30 done"],
      ["2026-11-29", "slot 2026-11-30 done"],
    ] as const) {
      const again = await end(test, "run", "nightly", "--once", slot, ...job);
      expect(again).toMatchObject({ code: 0, out: "", err: `azmutex: "nightly" is not run: ${words}\n` });
    }
    expect(await end(test, "run", "nightly", "--once", "2026-11-30", "--once-code", "7", ...job)).toMatchObject({
      code: 7,
    });
  });

  it("records another exit code as a failed attempt, which the next call makes good", async (test) => {
    const failing = await end(test, "run", "nightly", "--once", "a", "--", "sh", "-c", "exit 3");
    expect(failing).toMatchObject({ code: 3, err: "" });
    expect((await said("once", "nightly")).out).toContain("last slot  a, failed in attempt 1");
    const again = await end(test, "run", "nightly", "--once", "a", "--verbose", "--", "true");
    expect(again).toMatchObject({ code: 0 });
    const { out } = await said("once", "nightly", "--json");
    expect(JSON.parse(out)).toMatchObject({
      container,
      key: "nightly",
      once: { slot: "a", state: "done", attempt: 2, lastDone: "a" },
    });
  });

  it("ends with 75 beside a process that runs the job, and waits for it with --timeout", async (test) => {
    const job = ["run", "nightly", "--once", "1", "--", "sh", "-c", "echo in; read -r _"];
    const running = new Cli(test, job, { ...options(), input: "open" });
    await running.printed(/in/);
    const beside = await end(test, "run", "nightly", "--once", "1", "--", "echo", "ran");
    expect(beside).toMatchObject({ code: 75, out: "" });
    expect(beside.err).toContain('lock on "nightly"');
    const waiting = start(test, "run", "nightly", "--once", "1", "--timeout", "60s", "--", "echo", "ran");
    await waiting.printed(/waiting for "nightly"/);
    running.type("\n");
    const waits = await waiting.ended;
    expect(waits).toMatchObject({ code: 0, out: "" });
    expect(waits.err).toContain('"nightly" is not run: slot 1 done');
    expect((await running.ended).code).toBe(0);
  });

  it("computes the slot from the service's clock", async (test) => {
    const perDay = await end(test, "run", "nightly", "--once-per", "day", "--", "sh", "-c", "echo $AZMUTEX_ONCE_SLOT");
    expect(perDay.out).toMatch(/^\d{4}-\d\d-\d\dT00:00:00Z\n$/);
    const offset = ["--once-per", "day", "--utc-offset", "+05:30"];
    const shifted = await end(test, "run", "shifted", ...offset, "--", "sh", "-c", "echo $AZMUTEX_ONCE_SLOT");
    expect(shifted.out).toMatch(/T18:30:00Z\n$/);
    const hourly = await end(test, "run", "hourly", "--once-per", "hour", "--", "sh", "-c", "echo $AZMUTEX_ONCE_SLOT");
    expect(hourly.out).toMatch(/T\d\d:00:00Z\n$/);
  });

  it.for([
    [["--once", ""], "1 to 64 printable"],
    [["--once-per", "7m"], "a time that divides a day"],
    [["--once-per", "day", "--once", "a"], "cannot be used with"],
    [["--once", "a", "--semaphore", "2"], "cannot be used with"],
    [["--once-per", "day", "--utc-offset", "1h"], "from -14:00 to +14:00"],
    [["--once-code", "3"], "--once-code is for --once"],
    [["--once", "a", "--utc-offset", "+01:00"], "--utc-offset is for --once-per"],
  ] as const)("refuses with 64: %j", async ([args, words]) => {
    const { code, err } = await said("run", "nightly", ...args, "--", "true");
    expect([code, err]).toEqual([64, expect.stringContaining(words)]);
  });
});

describe("azmutex once, status, ls and watch", () => {
  it("show the last slot, and forget it when they are asked to", async (test) => {
    expect((await said("once", "nightly")).out).toContain("nightly: no slot was run");
    await end(test, "run", "nightly", "--once", "2026-11-30", "--", "true");
    expect((await said("once", "nightly")).out).toMatch(
      new RegExp(
        String.raw`^nightly: done\n {2}in +\S+\n {2}last slot +2026-11-30, done in attempt 1\n` +
          String.raw` {2}when +.* ago\)\n {2}run by +\S+:\d+, token \d+\n$`,
      ),
    );
    expect((await said("status", "nightly")).out).toMatch(/last slot +2026-11-30, done in attempt 1/);
    expect((await said("ls")).out).toMatch(/nightly +free .* slot 2026-11-30 done/);
    const watching = start(test, "watch");
    await watching.printed(/nightly free; slot 2026-11-30 done/);
    await end(test, "run", "nightly", "--once", "2026-12-01", "--", "true");
    await watching.printed(/nightly .*slot 2026-12-01 done/);
    watching.child.kill("SIGINT");

    const unasked = await said("once", "nightly", "--forget");
    expect(unasked).toMatchObject({ code: 64, err: expect.stringContaining("say --yes") });
    const asked = onTerminal(test, ["once", "nightly", "--forget"], options());
    await asked.printed(/Forget the last slot of "nightly" in .*\? \[y\/N\]/);
    asked.type("n\n");
    expect((await asked.ended).code).toBe(75);
    expect(await said("once", "nightly", "--forget", "--yes")).toMatchObject({
      code: 0,
      out: expect.stringContaining('forgot the last slot of "nightly"'),
    });
    expect((await said("once", "nightly")).out).toContain("no slot was run");
  });

  it("forgets nothing while the job runs", async (test) => {
    const args = ["run", "nightly", "--once", "1", "--", "sh", "-c", "echo in; read -r _"];
    const running = new Cli(test, args, { ...options(), input: "open" });
    await running.printed(/in/);
    expect(await said("once", "nightly", "--forget", "--yes")).toMatchObject({
      code: 75,
      err: expect.stringContaining('"nightly" runs at this moment, and nothing was forgotten'),
    });
    running.type("\n");
    expect((await running.ended).code).toBe(0);
  });
});

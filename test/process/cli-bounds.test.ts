import { randomUUID } from "node:crypto";
import { afterAll, describe, it } from "vitest";
import { AzureMutex } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { Cli } from "../support/cli.ts";

// In a thread of its own: it has to answer also while this one is busy.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

const PLACE = `${emulator.url.replace("http://", "")}/locks`;
const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
const env = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
const lostLine = (key: string): string =>
  `azmutex: lock on "${key}" in ${PLACE} lost: held for 1 s, the most that --max allows`;

describe.concurrent("--max", () => {
  it("stops the command of run, which may clean up, and releases the lock when it has ended", async (test) => {
    const key = randomUUID();
    const job = ["sh", "-c", 'trap "echo asked; exit 5" TERM; echo began; while read -r line; do :; done'];
    const cli = new Cli(test, ["run", "--max", "1s", key, "--", ...job], { env, input: "open" });
    const { code, out, err } = await cli.ended;
    test.expect({ code, out, err }).toEqual({
      code: 79,
      out: "began\nasked\n",
      err: `${lostLine(key)}: the command ended with 5\n`,
    });
    const next = await mutex.locker(key).tryLock();
    test.expect(next?.isHeld).toBe(true);
    await next?.release();
  });

  it("changes nothing about a command that ends before", async (test) => {
    const cli = new Cli(test, ["run", "--max", "1h", randomUUID(), "--", "sh", "-c", "exit 7"], { env });
    test.expect(await cli.ended).toMatchObject({ code: 7, err: "" });
  });

  it("ends hold, which leaves the lock to lapse: a step of the script may still run", async (test) => {
    const key = randomUUID();
    const cli = new Cli(test, ["hold", "--max", "1s", key], { env, input: "open" });
    const { code, err } = await cli.ended;
    test.expect({ code, err }).toEqual({ code: 79, err: `${lostLine(key)}\n` });
    test.expect((await mutex.inspect(key)).isHeld).toBe(true);
  });

  it("ends a term of elect, which campaigns again", async (test) => {
    const key = randomUUID();
    const job = ["sh", "-c", "echo led; exec sleep 60"];
    const cli = new Cli(test, ["elect", "--max", "1s", key, "--", ...job], { env });
    await cli.printed(/led\nled\n/);
    test.expect(cli.err).toContain(`${lostLine(key)}: the command was stopped; campaigning again\n`);
    cli.kill("SIGTERM");
    test.expect((await cli.ended).code).toBe(143);
  });

  it("takes no time that is none", async (test) => {
    const cli = new Cli(test, ["run", "--max", "0s", randomUUID(), "--", "true"], { env });
    const err = "azmutex: --max must be at least 1ms, not 0s\n";
    test.expect(await cli.ended).toMatchObject({ code: 64, err });
  });
});

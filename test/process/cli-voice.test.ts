import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { afterAll, describe, it, type TestContext } from "vitest";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { AzureMutex } from "../../src/index.ts";
import { Cli, type CliEnd } from "../support/cli.ts";
import { onTerminal } from "../support/pseudo-terminal.ts";
import { Storage } from "../support/storage.ts";

const storage = await Storage.start();
afterAll(() => storage[Symbol.asyncDispose]());

const STORAGE = { AZURE_STORAGE_CONNECTION_STRING: storage.emulator.connectionString };
const PLACE = `${storage.emulator.url.replace("http://", "")}/locks`;
const mutex = new AzureMutex({ connectionString: storage.emulator.connectionString, containerName: "locks" });

const start = (test: TestContext, args: readonly string[], env: Record<string, string> = STORAGE): Cli =>
  new Cli(test, args, { env });

async function holder(test: TestContext, args: readonly string[]): Promise<Cli> {
  const run = start(test, ["run", ...args, "--", "sh", "-c", "echo in; exec sleep 600"]);
  await run.printed(/in/);
  return run;
}

describe("azmutex run --verbose", () => {
  it("tells the whole story of a run: token, renewals that failed, the command's end, the release", async (test) => {
    const key = randomUUID();
    await using proxy = await FaultProxy.start(storage.emulator);
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
    const run = start(
      test,
      ["run", "-v", "--lease", "15s", key, "--", "sh", "-c", "echo in; echo $AZMUTEX_TOKEN; read x; exit 3"],
      env,
    );
    const told = new Cli(test, ["run", "--verbose", "--lease", "15s", key, "--", "sh", "-c", "exit 0"], {
      env,
      input: "open",
    });
    const [, token] = await Promise.race(
      [run, told].map((one) => one.printed(/^azmutex: got ".*" after \d+ s, fencing token (\d+)\n/m)),
    );
    test.expect(Number(token)).toBeGreaterThan(1e15);
    await Promise.all([run.ended, told.ended]);
    const lines = run.err.split("\n");
    test
      .expect(lines.filter((line) => !line.includes("waiting for")))
      .toEqual([
        test.expect.stringMatching(/^azmutex: .*\/locks: signed in with AZURE_STORAGE_CONNECTION_STRING$/),
        test.expect.stringMatching(`^azmutex: got "${key}" after \\d+ s, fencing token \\d+$`),
        `azmutex: starts sh under "${key}"`,
        "azmutex: sh ended with 3",
        test.expect.stringMatching(`^azmutex: released "${key}" after \\d+ s$`),
        "",
      ]);
  });

  it("tells each renewal that fails", async (test) => {
    const key = randomUUID();
    await using proxy = await FaultProxy.start(storage.emulator);
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
    const run = start(test, ["run", "--verbose", "--lease", "15s", key, "--", "sleep", "600"], env);
    await run.printed(/starts sleep/);
    proxy.serverBusy("renew");
    await run.printed(new RegExp(`^azmutex: renewal of "${key}" failed, \\d+ ms left: .*503`, "m"));
    proxy.heal();
    run.kill("SIGTERM");
    test
      .expect((await run.ended).err)
      .toMatch(new RegExp(`azmutex: sleep ended with 143\nazmutex: released "${key}" after \\d+ s\n$`));
  });

  it("tells nothing of a release that failed but what the library says", async (test) => {
    const key = randomUUID();
    await using proxy = await FaultProxy.start(storage.emulator);
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
    const run = start(test, ["run", "--verbose", key, "--", "sh", "-c", "echo in; exec sleep 600"], env);
    await run.printed(/^in$/m);
    proxy.serverBusy("release");
    run.kill("SIGTERM");
    const { code, err } = await run.ended;
    test.expect(code).toBe(143);
    test.expect(err).toContain("could not be released and lapses by itself");
    test.expect(err).not.toContain("azmutex: released");
  });
});

describe("--quiet", () => {
  const nothing = (code: number) => ({ code, out: "", err: "" });

  it("says nothing of waiting, of giving up, of a loss or of an outage", async (test) => {
    const key = randomUUID();
    await using proxy = await FaultProxy.start(storage.emulator);
    await holder(test, [key]);
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
    const [tried, waited] = await Promise.all([
      start(test, ["run", "-q", "--try", key, "--", "echo", "no"], env).ended,
      start(test, ["run", "--quiet", "--timeout", "15s", key, "--", "echo", "no"], env).ended,
    ]);
    test.expect(tried).toMatchObject(nothing(75));
    test.expect(waited).toMatchObject(nothing(124));
    // It does not ask which holder is in the way when it gives up; while it waits, it asks what the key is used as.
    test.expect(proxy.count("list")).toBe(1);
    const lost = start(test, ["run", "-q", "--lease", "15s", "lost", "--", "sh", "-c", "echo in; exec sleep 600"]);
    await lost.printed(/in/);
    test.expect(await start(test, ["break", "lost", "--yes", "-q"]).ended).toMatchObject({ code: 0, err: "" });
    test.expect(await lost.ended).toMatchObject({ code: 79, out: "in\n", err: "" });
  });

  it("says what is wrong with the command line all the same", async (test) => {
    const usage = async (args: readonly string[]): Promise<Pick<CliEnd, "code" | "err">> => {
      const { code, err } = await start(test, args).ended;
      return { code, err };
    };
    test.expect(await usage(["run", "-q", "k", "--lease", "1s", "--", "true"])).toEqual({
      code: 64,
      err: test.expect.stringMatching(/^azmutex: --lease must be/),
    });
    test
      .expect(await usage(["ls", "--quiet", "--verbose"]))
      .toEqual({ code: 64, err: test.expect.stringMatching(/cannot be used with/) });
    test
      .expect(await usage(["break", "k", "-q"]))
      .toEqual({ code: 64, err: test.expect.stringMatching(/--quiet asks nothing/) });
  });

  it("shows no progress on a terminal", async (test) => {
    const key = randomUUID();
    const first = await holder(test, [key]);
    const run = onTerminal(test, ["run", "-q", "--timeout", "15s", key, "--", "echo", "no"], { env: STORAGE });
    const { code, out } = await run.ended;
    test.expect({ code, out }).toEqual({ code: 124, out: test.expect.stringMatching(/^\/dev\/\S+\r\n$/) });
    first.kill("SIGTERM");
  });

  it("leaves what a command prints as a fact", async (test) => {
    const key = randomUUID();
    await mutex.acquire(key, 60);
    test
      .expect(await start(test, ["status", "-q", key]).ended)
      .toMatchObject({ code: 0, out: test.expect.stringContaining(`${key}: held`) });
    await mutex.release(key);
  });
});

describe("a command that has just won the lock, and does not know it yet", () => {
  it("does not name itself as the holder that is in the way", async (test) => {
    await using proxy = await FaultProxy.start(storage.emulator);
    proxy.delayAnswer("writeMetadata", 2_500);
    /** How a run ends, and what it sent: its record is written at once, and it learns that later than it looks. */
    const run = async () => {
      const key = randomUUID();
      await mutex.locker(key).run(() => undefined);
      proxy.forgetRequests();
      const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
      const end = await start(test, ["run", key, "--", "true"], env).ended;
      return { end, sent: proxy.requests.map(({ operation }) => operation) };
    };
    // A busy machine may look before it has written its record.
    const looksBefore = (sent: readonly string[]): boolean =>
      Math.min(sent.lastIndexOf("read"), sent.indexOf("list")) < sent.indexOf("writeMetadata");
    let found = await run();
    while (looksBefore(found.sent)) found = await run();
    test.expect(found.end).toMatchObject({ code: 0, err: "" });
  });
});

describe("a command that gives up", () => {
  it("names who has all permits, or reads", async (test) => {
    const [pool, index] = [randomUUID(), randomUUID()];
    const [permit, reader] = await Promise.all([
      holder(test, ["--semaphore", "1", "--purpose", "crawl", pool]),
      holder(test, ["--read", index]),
    ]);
    const [tried, waited] = await Promise.all([
      start(test, ["run", "--semaphore", "1", "--try", pool, "--", "true"]).ended,
      start(test, ["run", "--write", "--timeout", "15s", index, "--", "true"]).ended,
    ]);
    const name = (run: Cli): string => `${hostname()}:${run.pid}`;
    test.expect(tried).toMatchObject({
      code: 75,
      err: `azmutex: lock on "${pool}" in ${PLACE} is held by another: the permit is held by ${name(permit)} (crawl)\n`,
    });
    test.expect(waited.code).toBe(124);
    test
      .expect(waited.err.split("\n").at(-2))
      .toBe(`azmutex: lock on "${index}" in ${PLACE} was not free within 15s: read by ${name(reader)}`);
  });

  it("says it without a name where it cannot learn which", async (test) => {
    const key = randomUUID();
    await holder(test, [key]);
    await using proxy = await FaultProxy.start(storage.emulator);
    proxy.hang("list");
    const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
    test.expect(await start(test, ["run", "--try", key, "--", "true"], env).ended).toMatchObject({
      code: 75,
      err: `azmutex: lock on "${key}" in ${proxy.url.replace("http://", "")}/locks is held by another\n`,
    });
  });
});

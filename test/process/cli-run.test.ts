import { createHash, randomBytes, randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { afterAll, describe, it, type TestContext } from "vitest";
import { gone, isRunning, until, watchdogOf } from "../../lab/shared/processes.ts";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { AzureMutex } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { CLI, Cli, type CliOptions } from "../support/cli.ts";
import { ownTime } from "../support/own-time.ts";

// In a thread of its own: it has to answer also while this one is busy.
const emulator = await startEmulator({ ownClock: true });
const folder = mkdtempSync(join(tmpdir(), "azmutex-run-"));
afterAll(async () => {
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

const STORAGE = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };
const container = new ContainerClient(
  `${emulator.url}/locks`,
  new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey),
  {
    retryOptions: { maxTries: 1 },
  },
);

const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });

function start(test: TestContext, args: readonly string[], { env, ...options }: CliOptions = {}): Cli {
  return new Cli(test, args, { cwd: folder, env: { ...STORAGE, ...env }, ...options });
}

/** Runs a shell script under a lock of its own, or with the options and the key given. */
function runShell(
  test: TestContext,
  script: string,
  { args = [randomUUID()], ...options }: CliOptions & { args?: readonly string[] } = {},
): Cli {
  return start(test, ["run", ...args, "--", "sh", "-c", script], options);
}

/** The command line that a shell gets as its arguments, as part of a script. */
const inShell = (script: string): readonly string[] => ["sh", "-c", script, "sh", process.execPath];

/** A job that says who it is and stays. */
const STAYS = 'echo "job $$"; exec sleep 600';

async function jobOf(run: Cli): Promise<number> {
  const [, pid] = await run.printed(/^job (\d+)$/m);
  return Number(pid);
}

describe.concurrent("azmutex run", () => {
  it.for([
    { script: "exit 0", code: 0 },
    { script: "exit 255", code: 255 },
    { script: "kill -KILL $$", code: 137 },
  ])("ends with $code for a job that does: $script", async ({ script, code }, test) => {
    test.expect(await runShell(test, script).ended).toMatchObject({ code, signal: null, out: "", err: "" });
  });

  it("tells the command its key, a token that grows and the id of the lease", async (test) => {
    const key = randomUUID();
    const script = 'echo "$AZMUTEX_KEY $AZMUTEX_TOKEN $AZMUTEX_LEASE_ID"';
    const first = await runShell(test, script, { args: [key] }).ended;
    const second = runShell(test, `${script}; read -r _`, { args: [key], input: "open" });
    const facts = (out: string): string[] => out.trim().split(" ");
    const [itsKey, token, id = ""] = facts((await second.printed(/^(?!azmutex:).*\n/m))[0]);
    test.expect(itsKey).toBe(key);
    test.expect(Number(token)).toBeGreaterThan(Number(facts(first.out)[1]));

    // The service knows it: with this id it accepts a write, and with another it does not.
    const blob = container.getBlockBlobClient(key);
    await blob.setHTTPHeaders({}, { conditions: { leaseId: id } });
    await test
      .expect(blob.setHTTPHeaders({}, { conditions: { leaseId: randomUUID() } }))
      .rejects.toMatchObject({ statusCode: 412 });
    second.type("\n");
    test.expect(await second.ended).toMatchObject({ code: 0 });
  });

  it("tells the command its slot, and nothing of a lock around it", async (test) => {
    const script = "env | grep ^AZMUTEX_ | cut -d= -f1 | sort | xargs";
    const inner = (options: string): string =>
      `"${process.execPath}" "${CLI}" run ${options} ${randomUUID()} -- sh -c '${script}'`;
    const permit = runShell(test, `${script}; ${inner("")}`, { args: ["--semaphore", "2", randomUUID()] });
    const lock = runShell(test, `${script}; ${inner("--read")}`);
    test
      .expect((await permit.ended).out)
      .toMatch(
        /^AZMUTEX_JOB AZMUTEX_KEY AZMUTEX_SLOT AZMUTEX_TOKEN\nAZMUTEX_JOB AZMUTEX_KEY AZMUTEX_LEASE_ID AZMUTEX_TOKEN\n$/,
      );
    test
      .expect((await lock.ended).out)
      .toMatch(/^AZMUTEX_JOB AZMUTEX_KEY AZMUTEX_LEASE_ID AZMUTEX_TOKEN\nAZMUTEX_JOB AZMUTEX_KEY( AZMUTEX_TOKEN)?\n$/);
  });

  it("takes a key that begins with a dash after a -- of its own, as the other commands do", async (test) => {
    const key = `-${randomUUID()}`;
    const ran = await start(test, [
      "run",
      "--try",
      "--",
      key,
      "--",
      "sh",
      "-c",
      'echo "$AZMUTEX_KEY" "$@"',
      "sh",
      "--",
      "-x",
    ]).ended;
    test.expect(ran).toMatchObject({ code: 0, out: `${key} -- -x\n`, err: "" });
    const [status, ls] = await Promise.all([
      start(test, ["status", "--", key]).ended,
      start(test, ["ls", "--json", "--", key]).ended,
    ]);
    test
      .expect([status.out, ls.out])
      .toEqual([test.expect.stringMatching(`^${key}: free`), test.expect.stringContaining(`"key": "${key}"`)]);
  });

  describe("standard streams", () => {
    it("passes ten million bytes on whole, through a pipe whose reader is slow", async (test) => {
      const run = runShell(test, "head -c 10000000 /dev/zero | tr '\\0' x; echo end", {
        through: inShell('"$@" 2>&1 | (sleep 0.3; wc -c)'),
      });
      test.expect(await run.ended).toMatchObject({ code: 0, out: "10000004\n", err: "" });
    });

    it("passes bytes in as they are", async (test) => {
      const input = randomBytes(1_000_000);
      const run = runShell(test, "sha256sum", { input });
      test.expect((await run.ended).out).toContain(createHash("sha256").update(input).digest("hex"));
    });

    it("lets the command die of a reader that goes away, and goes with it", async (test) => {
      const run = start(test, ["run", randomUUID(), "--", "yes"], {
        through: inShell('{ "$@"; echo "code $?" >&2; } | head -n 1'),
      });
      test.expect(await run.ended).toMatchObject({ code: 0, out: "y\n", err: "code 141\n" });
    });

    it.for([
      { closed: "input", how: '"$@" <&-' },
      { closed: "output", how: '"$@" >&-' },
      { closed: "error", how: '"$@" 2>&-' },
      { closed: "everything", how: '"$@" <&- >&- 2>&-' },
    ])("works with a closed standard $closed", async ({ closed, how }, test) => {
      const run = runShell(test, `echo done > closed-${closed}; exit 9`, { through: inShell(how) });
      test.expect(await run.ended).toMatchObject({ code: 9 });
      test.expect(readFileSync(join(folder, `closed-${closed}`), "utf8")).toBe("done\n");
    });

    it("does not keep the caller's pipes open, and leaves no watchdog behind", async (test) => {
      const run = runShell(test, 'echo "ppid $PPID"; read -r _', { input: "open" });
      const [, wrapper] = await run.printed(/^ppid (\d+)$/m);
      const watchdog = await watchdogOf(Number(wrapper));
      const files = readdirSync(`/proc/${watchdog}/fd`).map((fd) => readlinkSync(`/proc/${watchdog}/fd/${fd}`));
      const theirs = [0, 1, 2]
        .map((fd) => readlinkSync(`/proc/${wrapper}/fd/${fd}`))
        .filter((file) => file !== "/dev/null");
      test.expect(theirs).toHaveLength(3);
      test.expect(files.filter((file) => theirs.includes(file))).toEqual([]);
      test.expect(readFileSync(`/proc/${watchdog}/environ`, "utf8")).toBe("");
      test.expect(readlinkSync(`/proc/${watchdog}/cwd`)).toBe("/");
      run.type("\n");
      // "close": no process has the pipes any more.
      test.expect(await run.ended).toMatchObject({ code: 0 });
      await gone([watchdog]);
    });
  });

  describe("bytes that are not UTF-8", () => {
    const DUMP = `printf %s "$V" | od -An -tx1`;

    it("reach the command in its environment", async (test) => {
      const run = runShell(test, `${DUMP}; echo "$AZMUTEX_KEY" "$AZMUTEX_SLOT"; env | grep -c ^AZMUTEX_JOB`, {
        args: ["nightly"],
        env: { AZMUTEX_SLOT: "7" },
        through: inShell(`V=$(printf 'caf\\351'); export V; exec "$@"`),
      });
      test.expect(await run.ended).toMatchObject({ code: 0, out: " 63 61 66 e9\nnightly \n1\n", err: "" });
    });

    it("in the environment change nothing about a command that is not there", async (test) => {
      const through = inShell(`V=$(printf 'caf\\351'); export V; exec "$@"`);
      const run = start(test, ["run", randomUUID(), "--", "no-such-command"], { through });
      test.expect(await run.ended).toMatchObject({ code: 127, err: 'azmutex: "no-such-command": command not found\n' });
    });

    it.for([
      { where: "of the command", args: ["run", "k", "--", "echo"], index: 5 },
      { where: "of azmutex itself, a key say", args: ["status"], index: 2 },
    ])("are refused as an argument $where", async ({ args, index }, test) => {
      const run = start(test, args, { through: inShell(`exec "$@" "$(printf 'caf\\351')"`) });
      const { code, out, err } = await run.ended;
      test.expect({ code, out }).toEqual({ code: 64, out: "" });
      test.expect(err).toMatch(new RegExp(`^azmutex: argument ${index} \\("caf\uFFFD"\\) is not UTF-8, .*\n$`));
    });

    it("do not get a replacement character refused that is one", async (test) => {
      const run = start(test, ["run", randomUUID(), "--", "echo", "caf\uFFFD"]);
      test.expect(await run.ended).toMatchObject({ code: 0, out: "caf\uFFFD\n" });
    });
  });

  it("leaves the soft limit of open files to a shell within, as Node raises its own", async (test) => {
    const limited = (script: string): CliOptions => ({ through: inShell(`ulimit -Sn 100; ulimit -Hn 200; ${script}`) });
    const raised = runShell(test, "ulimit -Sn", limited('exec "$@"'));
    test.expect(await raised.ended).toMatchObject({ code: 0, out: "200\n" });
    const script = `exec "$1" "$2" run "$4" -- sh -c "ulimit -Sn $(ulimit -Sn); exec sh -c 'ulimit -Sn; ulimit -Hn'"`;
    const kept = runShell(test, "", limited(script));
    test.expect(await kept.ended).toMatchObject({ code: 0, out: "100\n200\n" });
  });

  describe("signals", () => {
    it("pass on to the command, which may take them as it likes", async (test) => {
      const signals = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CONT"] as const;
      const traps = signals.map((name) => `trap 'echo got ${name}' ${name}`).join("; ");
      const run = runShell(test, `${traps}; echo ready; while [ ! -e signalled ]; do sleep 0.1; done; exit 7`);
      await run.printed(/ready/);
      for (const name of signals) {
        run.kill(`SIG${name}`);
        await run.printed(new RegExp(`got ${name}`));
      }
      // A second one is nothing else.
      run.kill("SIGTERM");
      await run.printed(/got TERM[\s\S]*got TERM/);
      writeFileSync(join(folder, "signalled"), "");
      test.expect(await run.ended).toMatchObject({ code: 7 });
    });

    it.for([
      { signal: "SIGTERM", code: 143 },
      { signal: "SIGINT", code: 130 },
      { signal: "SIGHUP", code: 129 },
      { signal: "SIGQUIT", code: 131 },
      { signal: "SIGUSR1", code: 138 },
      { signal: "SIGUSR2", code: 140 },
    ] as const)("$signal ends it with $code once the command has died of it", async ({ signal, code }, test) => {
      const run = runShell(test, `ulimit -c 0; ${STAYS}`);
      const job = await jobOf(run);
      run.kill(signal);
      test.expect(await run.ended).toMatchObject({ code, signal: null, err: "" });
      test.expect(isRunning(job)).toBe(false);
    });

    it("end those that wait with 128 and their number, and nothing of them is left", async (test) => {
      const key = randomUUID();
      const holder = runShell(test, STAYS, { args: ["--fair", key] });
      await jobOf(holder);
      const waiting = async (): Promise<number | undefined> => (await mutex.inspect(key)).waiting?.length;
      const signals = [
        { signal: "SIGTERM", code: 143 },
        { signal: "SIGINT", code: 130 },
        { signal: "SIGHUP", code: 129 },
      ] as const;
      const waiters = signals.map(() => runShell(test, "echo ran", { args: ["--fair", key] }));
      await until(async () => (await waiting()) === 3, "three tickets stand");
      for (const [index, { signal, code }] of signals.entries()) {
        waiters[index]?.kill(signal);
        test.expect(await waiters[index]?.ended).toMatchObject({
          code,
          signal: null,
          out: "",
          err: test.expect.stringMatching(
            new RegExp(`^(?:azmutex: waiting for .*\\n)*azmutex: ended by ${signal}\\n$`),
          ),
        });
      }
      await until(async () => (await waiting()) === 0, "the tickets are gone");
      holder.kill("SIGTERM");
      await holder.ended;
      test.expect(await runShell(test, "exit 4", { args: ["--fair", "--try", key] }).ended).toMatchObject({ code: 4 });
    });
  });

  describe("what the command leaves behind", () => {
    it("keeps the lock until it has ended", async (test) => {
      const key = randomUUID();
      const run = runShell(test, "sh -c 'while [ ! -e let-go ]; do sleep 0.1; done; echo last' & echo first", {
        args: [key],
      });
      await run.printed(/first/);
      await run.printed(
        /azmutex: the command has ended, but processes it started have not; the lock is held until they have\n/,
      );
      test.expect(await runShell(test, "echo no", { args: ["--try", key] }).ended).toMatchObject({ code: 75, out: "" });
      writeFileSync(join(folder, "let-go"), "");
      test.expect(await run.ended).toMatchObject({ code: 0, out: "first\nlast\n" });
      test.expect(await runShell(test, "exit 4", { args: ["--try", key] }).ended).toMatchObject({ code: 4 });
    });

    it.for([
      { what: "a group of its own", leave: "timeout 600" },
      { what: "a session of its own", leave: "setsid" },
      { what: "a parent of its own", leave: "setsid -f" },
    ])("keeps the lock with $what too, is named, and gets the signals", async ({ leave }, test) => {
      const key = randomUUID();
      // The command ends when the process it leaves behind has become what it is to be named by.
      const becomesSleep = `until [ "$(cat /proc/$(cat ${key})/comm)" = sleep ]; do sleep 0.05; done 2>&-`;
      const run = runShell(
        test,
        `${leave} sh -c 'echo $$ > ${key}; exec sleep 600' & ${becomesSleep}; echo left $(cat ${key})`,
        {
          args: [key],
        },
      );
      const [, pid] = await run.printed(/^left (\d+)$/m);
      await run.printed(/the lock is held until they have\nazmutex: still there: .*\bsleep\b.*\n/);
      test.expect(run.err).toMatch(new RegExp(`^azmutex: still there: (.*, )?${pid} \\(sleep\\)`, "m"));
      test.expect(await runShell(test, "echo no", { args: ["--try", key] }).ended).toMatchObject({ code: 75, out: "" });
      run.kill("SIGTERM");
      test.expect(await run.ended).toMatchObject({ code: 0 });
      test.expect(isRunning(Number(pid))).toBe(false);
    });

    it("does not keep it as a daemon that has given up the mark", async (test) => {
      const daemon = `env -u AZMUTEX_JOB setsid -f sh -c 'echo "left $$"; exec sleep 600 >&- 2>&-'`;
      const run = runShell(test, `${daemon}; sleep 0.5; exit 5`);
      const [, pid] = await run.printed(/^left (\d+)$/m);
      test.onTestFinished(() => void process.kill(Number(pid), "SIGKILL"));
      test.expect(await run.ended).toMatchObject({ code: 5, err: "" });
      test.expect(isRunning(Number(pid))).toBe(true);
    });

    it("gets the signals then", async (test) => {
      const run = runShell(test, "sleep 600 & echo first");
      await run.printed(/the lock is held until/);
      run.kill("SIGTERM");
      test.expect(await run.ended).toMatchObject({ code: 0 });
    });

    it("does not keep it if it is dead and is not asked for", async (test) => {
      // The parent of a dead one leaves the job and never waits for its child, which so stays a zombie of the group.
      const leave = "exec env -u AZMUTEX_JOB setsid sleep 600 >&- 2>&-";
      const run = runShell(test, `(sleep 0.3 & echo "parent $(exec sh -c 'echo $PPID')"; ${leave}) & exit 5`);
      const [, parent] = await run.printed(/^parent (\d+)$/m);
      test.onTestFinished(() => void process.kill(Number(parent), "SIGKILL"));
      test.expect(await run.ended).toMatchObject({ code: 5 });
      test.expect(isRunning(Number(parent))).toBe(true);
    });
  });

  describe("a command that would wait for itself", () => {
    const AZMUTEX = `"${process.execPath}" "${CLI}"`;

    it.for([
      { how: "at once", inner: (key: string) => `${AZMUTEX} run ${key} -- echo ran` },
      { how: "with a time-out", inner: (key: string) => `${AZMUTEX} run --timeout 1h ${key} -- echo ran` },
      {
        how: "under another key",
        inner: (key: string) => `${AZMUTEX} run ${key}-2 -- ${AZMUTEX} run ${key} -- echo ran`,
      },
      { how: "to lead", inner: (key: string) => `${AZMUTEX} elect ${key} -- echo ran` },
      {
        how: "to write what is read",
        options: ["--read"],
        inner: (key: string) => `${AZMUTEX} run --write ${key} -- echo ran`,
      },
      {
        how: "without azmutex's variables, as by sudo",
        inner: (key: string) =>
          `env -i AZURE_STORAGE_CONNECTION_STRING="$AZURE_STORAGE_CONNECTION_STRING" PATH="$PATH" ${AZMUTEX} run ${key} -- echo ran`,
      },
      { how: "from a session of its own", inner: (key: string) => `setsid -w ${AZMUTEX} run ${key} -- echo ran` },
      { how: "to hold", inner: (key: string) => `${AZMUTEX} hold ${key}` },
      {
        how: "to read while a writer waits",
        options: ["--read"],
        inner: (key: string) =>
          `env -u AZMUTEX_JOB setsid -f ${AZMUTEX} run --timeout 60s --write ${key} -- true >&- 2>&-
           until ${AZMUTEX} status --json ${key} | grep -q '"isHeld": true'; do sleep 0.2; done
           ${AZMUTEX} run --read ${key} -- echo ran`,
      },
      {
        how: "for the last permit",
        options: ["--semaphore", "1"],
        inner: (key: string) => `${AZMUTEX} run --semaphore 1 ${key} -- true`,
      },
    ])("$how is refused with 64, and the lock is named", async ({ inner, options = [] }, test) => {
      const key = randomUUID();
      const { code, out, err } = await runShell(test, inner(key), { args: [...options, key] }).ended;
      test.expect({ code, out }).toEqual({ code: 64, out: "" });
      const told = `lock on "${key}" in \\S+/locks is held by the azmutex with pid \\d+, within whose command this one runs: it would wait for itself`;
      test.expect(err).toMatch(new RegExp(`^azmutex: ${told}\n$`));
    });

    it.for([
      {
        what: "another container's key",
        code: 0,
        inner: (key: string) => `${AZMUTEX} run --container others ${key} -- echo ran`,
      },
      {
        what: "a permit that is left",
        code: 0,
        options: ["--semaphore", "2"],
        inner: (key: string) => `${AZMUTEX} run --semaphore 2 ${key} -- echo ran`,
      },
      {
        what: "what it reads, to read",
        code: 0,
        options: ["--read"],
        inner: (key: string) => `${AZMUTEX} run --read ${key} -- echo ran`,
      },
      { what: "what is held, once", code: 75, inner: (key: string) => `${AZMUTEX} run --try ${key} -- echo ran` },
      {
        what: "what is held, as no part of the job",
        code: 124,
        inner: (key: string) => `env -u AZMUTEX_JOB ${AZMUTEX} run --timeout 15s ${key} -- echo ran`,
      },
    ])("is not one that asks for $what: it ends with $code", async ({ code, inner, options = [] }, test) => {
      const key = randomUUID();
      test
        .expect(await runShell(test, inner(key), { args: [...options, key] }).ended)
        .toMatchObject({ code, out: code === 0 ? "ran\n" : "" });
    });

    it("is not one whose mark names an azmutex that was killed: it waits", async (test) => {
      const key = randomUUID();
      const holder = runShell(test, STAYS, { args: [key] });
      const job = await jobOf(holder);
      const watchdog = await watchdogOf(holder.pid);
      // With its watchdog, and so that it can do nothing about that: the job stays, and so does the record until the
      // lease has run out.
      holder.kill("SIGSTOP");
      process.kill(watchdog, "SIGKILL");
      holder.kill("SIGKILL");
      await gone([holder.pid, watchdog]);
      const mark = readFileSync(`/proc/${job}/environ`, "utf8").match(/AZMUTEX_JOB=([^\0]+)/)?.[1] ?? "";
      process.kill(job, "SIGKILL");
      const waited = runShell(test, "echo no", { args: ["--timeout", "15s", key], env: { AZMUTEX_JOB: mark } });
      test.expect(await waited.ended).toMatchObject({ code: 124, out: "" });
    });
  });

  describe("a command that cannot be started", () => {
    it("ends it as a shell would, says why in one line, and the lock is free", async (test) => {
      writeFileSync(join(folder, "plain"), "echo no\n");
      chmodSync(join(folder, "plain"), 0o644);
      for (const { job, code, why } of [
        { job: "no-such-command", code: 127, why: '"no-such-command": command not found' },
        { job: "./no-such-file", code: 127, why: '"./no-such-file": command not found' },
        { job: "", code: 127, why: '"": command not found' },
        { job: "./plain", code: 126, why: '"./plain": not executable' },
        { job: folder, code: 126, why: `"${folder}": not executable` },
      ]) {
        const run = start(test, ["run", "--try", "unstartable", "--", job]);
        test.expect(await run.ended).toMatchObject({ code, out: "", err: `azmutex: ${why}\n` });
      }
    });
  });

  describe("where file descriptors are short", () => {
    it.for([20, 22, 24, 28, 40])("says so with %i of them, and the lock is free", async (count, test) => {
      const key = randomUUID();
      // With the most of them it runs, however slow the machine; with less, nothing comes of waiting.
      const timeout = count === 40 ? "60s" : "2s";
      const run = runShell(test, "echo ran", {
        args: ["--timeout", timeout, key],
        through: inShell(`ulimit -n ${count}; exec "$@"`),
      });
      const { code, out, err } = await run.ended;
      if (code !== 0) {
        test.expect({ code, out }).toEqual({ code: 71, out: "" });
        test.expect(err).toMatch(/^azmutex: .*\bEMFILE\b.*\n$/);
      }
      test.expect(await runShell(test, "exit 4", { args: ["--try", key] }).ended).toMatchObject({ code: 4 });
    });
  });

  describe("its own endings", () => {
    it("75 for --try and 124 for --timeout on a lock that is held", async (test) => {
      const key = randomUUID();
      const holder = runShell(test, STAYS, { args: [key] });
      await jobOf(holder);
      const [tried, waited] = await Promise.all([
        runShell(test, "echo no", { args: ["--try", key] }).ended,
        runShell(test, "echo no", { args: ["--timeout", "15s", key] }).ended,
      ]);
      const by = `held by ${hostname()}:${holder.pid} \\(sh\\) for \\d+ s`;
      test.expect(tried).toMatchObject({
        code: 75,
        out: "",
        err: test.expect.stringMatching(`^azmutex: lock on "${key}" in \\S+/locks is ${by}\n$`),
      });
      test.expect({ code: waited.code, lines: waited.err.split("\n") }).toEqual({
        code: 124,
        lines: [
          test.expect.stringMatching(`^azmutex: waiting for "${key}" \\(\\d s\\): ${by}$`),
          test.expect.stringMatching(`^azmutex: lock on "${key}" in \\S+/locks was not free within 15s: ${by}$`),
          "",
        ],
      });
      test.expect(waited.ms).toBeGreaterThan(15_000);
      test.expect(isRunning(await jobOf(holder))).toBe(true);
    });

    it("with --held-exit-code what that says, as long as storage answers", async (test) => {
      const key = randomUUID();
      const holder = runShell(test, STAYS, { args: [key] });
      await jobOf(holder);
      const ended = async (args: readonly string[]) => (await runShell(test, "exit 5", { args }).ended).code;
      const nowhere = ["--endpoint", "https://127.0.0.1:1/", "--account", "acme"];
      const env = { AZURE_STORAGE_KEY: emulator.accountKey };
      const codes = await Promise.all([
        ended(["--held-exit-code", "0", "--try", key]),
        ended(["--held-exit-code", "255", "--timeout", "15s", key]),
        ended(["--held-exit-code", "3", "--try", randomUUID()]),
        runShell(test, "exit 5", { args: ["--held-exit-code", "0", "--try", ...nowhere, key], env }).ended.then(
          ({ code }) => code,
        ),
        runShell(test, "exit 5", {
          args: ["--held-exit-code", "0", "--timeout", "3s", ...nowhere, key],
          env,
        }).ended.then(({ code }) => code),
      ]);
      test.expect(codes).toEqual([0, 255, 5, 69, 69]);
    });

    it("64 for permits that others count differently", async (test) => {
      const key = randomUUID();
      const holder = runShell(test, STAYS, { args: ["--semaphore", "2", key] });
      await jobOf(holder);
      const { code, out, err } = await runShell(test, "echo no", { args: ["--semaphore", "3", key] }).ended;
      test.expect({ code, out }).toEqual({ code: 64, out: "" });
      test.expect(err).toMatch(/^azmutex: .*\n$/);
    });

    it("69 and 143 soon, though the storage never answers", async (test) => {
      await using proxy = await FaultProxy.start(emulator);
      proxy.hang("all");
      const env = { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString };
      const patient = runShell(test, "echo no", { args: ["--timeout", "1s", randomUUID()], env });
      const asked = runShell(test, "echo no", { args: ["--fair", randomUUID()], env });
      await until(() => proxy.count() >= 2, "both ask");
      const since = ownTime.now();
      asked.kill("SIGTERM");
      test.expect(await asked.ended).toMatchObject({ code: 143, out: "" });
      test.expect(await patient.ended).toMatchObject({ code: 69, out: "" });
      // Without either it would have given up after 20 s.
      test.expect(ownTime.now() - since).toBeLessThan(15_000);
    });
  });

  describe("with others", () => {
    it("reads together and writes alone", async (test) => {
      const key = randomUUID();
      const readers = [1, 2, 3].map(() =>
        runShell(test, "echo in; read -r _; echo out", { args: ["--read", key], input: "open" }),
      );
      await Promise.all(readers.map((reader) => reader.printed(/in/)));
      const writer = runShell(test, "echo in; read -r _", { args: ["--write", key], input: "open" });
      test
        .expect(await runShell(test, "echo no", { args: ["--write", "--try", key] }).ended)
        .toMatchObject({ code: 75, out: "" });
      test.expect(writer.out).toBe("");
      for (const reader of readers) reader.type("\n");
      await Promise.all(readers.map(({ ended }) => ended));
      await writer.printed(/in/);
      test
        .expect(await runShell(test, "echo no", { args: ["--read", "--try", key] }).ended)
        .toMatchObject({ code: 75, out: "" });
      writer.type("\n");
      test.expect(await writer.ended).toMatchObject({ code: 0 });
    });
  });
});

// Each by itself: so many processes that start at once keep the storage waiting, too, as long as it will be waited for.
describe("azmutex run, many at once,", () => {
  it("exclude: twenty that count in one file come to twenty", async (test) => {
    writeFileSync(join(folder, "count"), "0\n");
    const script = "n=$(cat count); sleep 0.05; echo $((n+1)) > count";
    const runs = Array.from({ length: 20 }, () => runShell(test, script, { args: ["--quiet", "count"] }));
    const ends = await Promise.all(runs.map(({ ended }) => ended));
    test.expect(ends.map(({ code, err }) => ({ code, err }))).toEqual(ends.map(() => ({ code: 0, err: "" })));
    test.expect(readFileSync(join(folder, "count"), "utf8")).toBe("20\n");
  });

  it("let as many in as there are permits, of eight, and not one more", async (test) => {
    const args = ["--semaphore", "3", randomUUID()];
    // None leaves before there were three.
    const script =
      "echo + >> permits; while [ $(grep -c + permits) -lt 3 ]; do sleep 0.1; done; sleep 0.5; echo - >> permits";
    const runs = Array.from({ length: 8 }, () => runShell(test, script, { args }));
    const ends = await Promise.all(runs.map(({ ended }) => ended));
    test.expect(ends.map(({ code }) => code)).toEqual(ends.map(() => 0));
    let inside = 0;
    const counts = readFileSync(join(folder, "permits"), "utf8")
      .trim()
      .split("\n")
      .map((line) => (inside += line === "+" ? 1 : -1));
    test.expect(Math.max(...counts)).toBe(3);
  });

  it("ended by signals in the very moment in which the lock is won, leave neither a lock nor a job behind", async (test) => {
    const endings = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const key = randomUUID();
        await using proxy = await FaultProxy.start(emulator);
        const run = runShell(test, STAYS, {
          args: [key],
          env: { AZURE_STORAGE_CONNECTION_STRING: proxy.connectionString },
        });
        // While the lease is asked for, while the record is written, and just after that.
        await until(() => proxy.count() > index % 3, "it asks");
        await sleep(60 * index);
        run.kill("SIGTERM");
        const { code, signal, out } = await run.ended;
        test.expect(signal ?? code).toBe(143);
        const [, job] = /^job (\d+)$/m.exec(out) ?? [];
        if (job !== undefined) test.expect(isRunning(Number(job))).toBe(false);
        test.expect(await runShell(test, "exit 4", { args: ["--try", key] }).ended).toMatchObject({ code: 4 });
        return job === undefined ? "before" : "after";
      }),
    );
    console.info(
      `SIGTERM came ${endings.filter((when) => when === "before").length} times before the job and else after`,
    );
  });
});

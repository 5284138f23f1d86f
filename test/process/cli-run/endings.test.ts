import { randomUUID } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { gone, isRunning, until, watchdogOf } from "../../../lab/shared/processes.ts";
import { FaultProxy } from "../../../lab/shared/wire/fault-proxy.ts";
import { AzureMutex } from "../../../src/index.ts";
import { CLI } from "../../support/cli.ts";
import { ownTime } from "../../support/own-time.ts";
import { emulator, folder, inShell, jobOf, runShell, STAYS, start } from "./run.ts";

const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });

describe.concurrent("azmutex run", () => {
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
          [
            'env -i AZURE_STORAGE_CONNECTION_STRING="$AZURE_STORAGE_CONNECTION_STRING" PATH="$PATH"',
            `${AZMUTEX} run ${key} -- echo ran`,
          ].join(" "),
      },
      { how: "from a session of its own", inner: (key: string) => `setsid -w ${AZMUTEX} run ${key} -- echo ran` },
      { how: "to hold", inner: (key: string) => `${AZMUTEX} hold ${key}` },
      {
        how: "to read while a writer waits",
        options: ["--read"],
        inner: (key: string) =>
          `env -u AZMUTEX_JOB setsid -f ${AZMUTEX} run --timeout 60s --write ${key} -- true >&- 2>&-
           until [ -e ${key} ]; do sleep 0.1; done
           ${AZMUTEX} run --read ${key} -- echo ran`,
        meanwhile: async (key: string) => {
          await until(async () => (await mutex.inspect(key)).isHeld, "a writer waits");
          writeFileSync(join(folder, key), "");
        },
      },
      {
        how: "for the last permit",
        options: ["--semaphore", "1"],
        inner: (key: string) => `${AZMUTEX} run --semaphore 1 ${key} -- true`,
      },
    ])("$how is refused with 64, and the lock is named", async ({ inner, options = [], meanwhile }, test) => {
      const key = randomUUID();
      const run = runShell(test, inner(key), { args: [...options, key] });
      await meanwhile?.(key);
      const { code, out, err } = await run.ended;
      test.expect({ code, out }).toEqual({ code: 64, out: "" });
      const told =
        `lock on "${key}" in \\S+/locks is held by the azmutex with pid \\d+, within whose command this ` +
        "one runs: it would wait for itself";
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

import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { isRunning, until } from "../../../lab/shared/processes.ts";
import { AzureMutex } from "../../../src/index.ts";
import { emulator, folder, jobOf, runShell, STAYS } from "./run.ts";

const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });

describe.concurrent("azmutex run", () => {
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
});

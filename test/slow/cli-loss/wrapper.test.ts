import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it, type TestContext } from "vitest";
import { catches, gone, isRunning, isStopped, until, watchdogOf } from "../../../lab/shared/processes.ts";
import { FaultProxy } from "../../../lab/shared/wire/fault-proxy.ts";
import { CLI, Cli } from "../../support/cli.ts";
import { ownTime } from "../../support/own-time.ts";
import { run as runProgram, type Script } from "../../support/script.ts";
import { emulator, LEASE_MS, mutex, OBEDIENT, PATIENT, Run, renewed, STUBBORN, shown } from "./run.ts";

const WATCHDOG = JSON.stringify(new URL("../../../dist/cli/job/watchdog.js", import.meta.url).href);
/** With a grace of a second the job is asked to end so long after a renewal, and not before. */
const CERTAIN_MS = LEASE_MS - LEASE_MS / 6 - 1_000;

/**
 * Runs a wrapper that has a `watchdog` and starts a `job` with this mark in its `env`. The watchdog knows the job by
 * the mark alone.
 */
async function startWithWatchdog(
  test: TestContext,
  mark: string,
  code: string,
): Promise<{ program: Script; job: number }> {
  const program = runProgram(
    emulator.connectionString,
    `
    const { spawn } = await import("node:child_process");
    const { Watchdog } = await import(${WATCHDOG});
    const { uptime } = await import("node:os");
    // As the watchdog counts.
    const machineMs = () => uptime() * 1_000;
    const watchdog = new Watchdog();
    watchdog.expect("${mark}");
    const env = { ...process.env, AZMUTEX_JOB: "${mark}" };
    ${code}
    console.log("job", job.pid, "end");
    `,
  );
  test.onTestFinished(() => void program.child.kill("SIGKILL"));
  await program.printed("end");
  const job = Number(/job (\d+)/.exec(program.output())?.[1]);
  test.expect(job).toBeGreaterThan(0);
  return { program, job };
}

describe.concurrent("a job whose wrapper", () => {
  it.for(["runs", "is stopped"])(
    "%s and is killed is gone soon after with all it started, and then the next begins",
    async (how, test) => {
      const run = await Run.start(test, STUBBORN);
      const next = run.another(test);
      if (how === "is stopped") run.cli.kill("SIGSTOP");
      await sleep(1_000);
      const killed = ownTime.now();
      run.cli.kill("SIGKILL");
      await run.gone();
      const goneMs = ownTime.now() - killed;
      // Half a second it is. If the death of the wrapper were not seen, it would be what is left of half a lease.
      test.expect(goneMs).toBeLessThan(3_000);
      test.expect(run.cli.out).toMatch(/^term$/m);
      await gone([run.watchdog]);
      await next.printed(/^in$/m);
      const nextMs = ownTime.now() - killed;
      // It found nothing of the first at work.
      test.expect(next.out).toBe("in\n");
      // A second it is. Were the lock not released, it would be the rest of the lease, which is 13 s.
      test.expect(nextMs).toBeLessThan(LEASE_MS / 2);
      console.info(`killed: gone after ${goneMs.toFixed(0)} ms, the next after ${nextMs.toFixed(0)} ms`);
    },
  );

  it("is stopped for long is dead before the lease ends, another takes over, the wrapper says so", async (test) => {
    const run = await Run.start(test, STUBBORN);
    const next = run.another(test);
    run.cli.kill("SIGSTOP");
    const stopped = await run.expectStopInTime(test);
    await next.printed(/^in$/m);
    const { most, least } = run.leases;
    // The lease was good until then, by the service itself, and by then all were dead.
    test.expect(next.out).toBe("in\n");
    console.info(`stopped: ${stopped}, the next after ${shown(least)}`);
    test.expect(most).toBeGreaterThan(0.98);
    test.expect(least).toBeLessThan(1.6);
    test.expect(isStopped(run.cli.pid)).toBe(true);
    run.cli.kill("SIGCONT");
    const { code, err } = await run.cli.ended;
    test.expect(code).toBe(79);
    test
      .expect(err)
      .toMatch(/^azmutex: lock on ".*" in \S+\/locks (lost|could not be renewed)\b.*: the command was stopped\n$/);
    await gone([run.watchdog]);
  });

  it("is stopped for a moment, in which a renewal was due, goes on", async (test) => {
    await using proxy = await FaultProxy.start(emulator);
    const run = await Run.start(test, PATIENT, {
      connectionString: proxy.connectionString,
      options: ["--grace", "1s"],
    });
    await renewed(proxy);
    // The watchdog knows it by then.
    await sleep(1_000);
    run.cli.kill("SIGSTOP");
    await sleep(CERTAIN_MS / 2);
    run.cli.kill("SIGCONT");
    await renewed(proxy);
    run.cli.type("\n");
    test.expect(await run.cli.ended).toMatchObject({ code: 6, err: "" });
  });

  it("is stopped, goes on after the job was asked to end and before the lease ended, ends as lost", async (test) => {
    const run = await Run.start(test, OBEDIENT);
    run.cli.kill("SIGSTOP");
    await run.cli.printed(/^term$/m);
    run.cli.kill("SIGCONT");
    const { code, err } = await run.cli.ended;
    test
      .expect({ code, err })
      .toEqual({ code: 79, err: test.expect.stringMatching(/^azmutex: lock on .*: the command ended with 0\n$/) });
  });

  it("slept with the machine as the job ended looks at the clock before it says that all is well", async (test) => {
    // The watchdog may have woken first. Timers do not count the sleep, so none of azmutex's has looked yet.
    const sleepAtExit = `
      import { ChildProcess } from "node:child_process";
      import { syncBuiltinESMExports } from "node:module";
      import os from "node:os";
      const { uptime } = os;
      const { emit } = ChildProcess.prototype;
      let slept = 0;
      os.uptime = () => uptime() + slept;
      syncBuiltinESMExports();
      ChildProcess.prototype.emit = function (name, ...values) {
        if (name === "exit") slept = 3_600;
        return emit.call(this, name, ...values);
      };
    `;
    const run = new Cli(test, ["run", randomUUID(), "--", "true"], {
      env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
      through: [process.execPath, "--import", `data:text/javascript,${encodeURIComponent(sleepAtExit)}`],
    });
    const { code, err } = await run.ended;
    const said = /^azmutex: lock on .* could not be renewed in time: the command ended with 0\n$/;
    test.expect({ code, err }).toEqual({ code: 79, err: test.expect.stringMatching(said) });
  });

  it("is killed while it stops the job does not save it", async (test) => {
    const run = await Run.start(test, STUBBORN);
    await mutex.break(run.key, { periodSeconds: 0 });
    await run.cli.printed(/^term$/m);
    const killed = ownTime.now();
    run.cli.kill("SIGKILL");
    await run.gone();
    // Its grace would have been a third of the lease.
    test.expect(ownTime.now() - killed).toBeLessThan(LEASE_MS / 4);
  });

  it("holds another lock within which it runs is gone with it when the outer one is killed", async (test) => {
    const inner =
      `"${process.execPath}" "${CLI}" run --lease 15s ${randomUUID()} -- sh -c 'trap "" ` +
      `TERM; echo "child $$"; sleep 600; :'`;
    const run = await Run.start(test, `echo "job $$"; ${inner}`);
    run.cli.kill("SIGKILL");
    await run.gone();
  });
});

describe.concurrent("a watchdog that", () => {
  it("dies takes the job with it, which could not be stopped in time any more", async (test) => {
    const run = await Run.start(test, OBEDIENT);
    process.kill(run.watchdog, "SIGKILL");
    await run.gone();
    const { code, err } = await run.cli.ended;
    test.expect({ code, err }).toEqual({
      code: 70,
      err: "azmutex: the process that would have stopped the command in time has died: the command ended with 0\n",
    });
    test.expect(await run.another(test).ended).toMatchObject({ code: 0, out: "in\n" });
  });

  it("dies takes a job with it that does not end when it is asked to", async (test) => {
    const run = await Run.start(test, STUBBORN);
    const killed = ownTime.now();
    process.kill(run.watchdog, "SIGKILL");
    await run.cli.printed(/^term$/m);
    await run.gone();
    // The grace is a third of the lease.
    test.expect(ownTime.now() - killed).toBeLessThan(LEASE_MS / 2);
    const { code, err } = await run.cli.ended;
    test
      .expect({ code, err })
      .toEqual({ code: 70, err: test.expect.stringMatching(/ has died: the command was stopped\n$/) });
  });

  it("was stopped itself for long waits a moment for news before it decides", async (test) => {
    const { program, job } = await startWithWatchdog(
      test,
      "a-mark-for-news",
      `
      watchdog.allow(machineMs() + 2000, machineMs() + 60_000);
      const job = spawn("sleep", ["600"], { detached: true, stdio: "ignore", env });
      process.on("SIGUSR2", () => setTimeout(() => watchdog.allow(machineMs() + 60_000, machineMs() + 90_000), 30));
      setTimeout(() => {}, 120_000);
      `,
    );
    const wrapper = program.child.pid ?? Number.NaN;
    const watchdog = await watchdogOf(wrapper);
    await until(() => catches(watchdog, "SIGUSR2"), "it listens");
    process.kill(watchdog, "SIGSTOP");
    await sleep(4_000);
    process.kill(watchdog, "SIGCONT");
    program.child.kill("SIGUSR2");
    await sleep(1_500);
    test.expect(isRunning(job)).toBe(true);
    program.child.kill("SIGKILL");
    await gone([job, watchdog]);
  });

  it("was stopped itself for long kills no process for what it knew before", async (test) => {
    const run = await Run.start(test, PATIENT);
    process.kill(run.watchdog, "SIGSTOP");
    // By then it would have killed.
    await sleep(0.9 * LEASE_MS);
    process.kill(run.watchdog, "SIGCONT");
    await sleep(1_000);
    run.cli.type("\n");
    test.expect(await run.cli.ended).toMatchObject({ code: 6, err: "" });
    await gone([run.watchdog]);
  });

  it("is asked to end, as by a signal to all processes, stays", async (test) => {
    const run = await Run.start(
      test,
      'echo "child none"; trap "echo term; read -r _; exit 6" TERM; sleep 600 & echo "job $$"; wait',
    );
    await until(() => catches(run.watchdog, "SIGUSR2"), "it listens");
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const)
      process.kill(run.watchdog, signal);
    run.cli.kill("SIGTERM");
    await run.cli.printed(/^term$/m);
    await sleep(500);
    test.expect(isRunning(run.watchdog)).toBe(true);
    run.cli.type("\n");
    test.expect(await run.cli.ended).toMatchObject({ code: 6, err: "" });
    await gone([run.watchdog]);
  });

  it.for([
    { how: "stopped", signal: "SIGSTOP" },
    { how: "killed", signal: "SIGKILL" },
  ] as const)(
    "was not told which process the job is finds it, when the wrapper was $how just then",
    async ({ signal }, test) => {
      const { job } = await startWithWatchdog(
        test,
        `a-mark-of-its-own-${signal}`,
        `
      watchdog.allow(machineMs() + 3000, machineMs() + 4000);
      const job = spawn("sh", ["-c", 'trap "" TERM; sleep 600; :'], { detached: true, stdio: "ignore", env });
      setTimeout(() => process.kill(process.pid, "${signal}"), 1000);
      `,
      );
      await gone([job]);
    },
  );

  it("reads nothing holds no process up, and is gone as well", async (test) => {
    const program = runProgram(
      emulator.connectionString,
      `
      const { Watchdog } = await import(${WATCHDOG});
      const watchdog = new Watchdog();
      process.once("SIGUSR2", () => {
        for (let told = 0; told < 100_000; told += 1) watchdog.allow(told, told);
        watchdog.dismiss();
        clearTimeout(waiting);
      });
      const waiting = setTimeout(() => process.exit(9), 120_000);
      console.log("started");
      `,
    );
    test.onTestFinished(() => void program.child.kill("SIGKILL"));
    await program.printed("started");
    const pid = await watchdogOf(program.child.pid ?? Number.NaN);
    process.kill(pid, "SIGSTOP");
    await until(() => isStopped(pid), "it is stopped");
    program.child.kill("SIGUSR2");
    test.expect(await program.ended).toMatchObject({ code: 0, signal: null });
    await gone([pid]);
  });
});

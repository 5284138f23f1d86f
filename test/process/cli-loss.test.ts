import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { afterAll, describe, it, type TestContext } from "vitest";
import { catches, gone, isRunning, isStopped, runningWith, until, watchdogOf } from "../../lab/shared/processes.ts";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { AzureMutex } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { CLI, Cli } from "../support/cli.ts";
import { ownTime } from "../support/own-time.ts";
import { run as runProgram, type Script } from "../support/script.ts";

// In a thread of its own: it has to answer also while this one is busy.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
const container = new ContainerClient(
  `${emulator.url}/locks`,
  new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey),
);

const WATCHDOG = JSON.stringify(new URL("../../dist/cli/job/watchdog.js", import.meta.url).href);
const TIME = JSON.stringify(new URL("../../dist/cli/time.js", import.meta.url).href);
/** The shortest there is. By default it is renewed every third, its margin is a sixth and the grace a third of it. */
const LEASE_MS = 15_000;
/** With a grace of a second the job is asked to end so long after a renewal, and not before. */
const CERTAIN_MS = LEASE_MS - LEASE_MS / 6 - 1_000;

/** Ends when it is asked to. */
const OBEDIENT = `echo "child none"; trap 'echo term; exit 0' TERM; sleep 600 & echo "job $$"; wait`;
/**
 * Says that it was asked to end and goes on, and so does its child. What the shell says of the dead is not of interest.
 */
const STUBBORN = `exec 2>/dev/null; sh -c 'trap "" TERM; echo "child $$"; sleep 600; :' & trap 'echo term' TERM; echo "job $$"; while :; do sleep 0.3; done`;
/** Goes on until it is told that this was long enough. */
const PATIENT = 'echo "child none"; echo "job $$"; read -r _; exit 6';

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
    const { machineMs } = await import(${TIME});
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

/** One run of a job that says who it is. */
class Run {
  readonly cli: Cli;
  readonly key: string;
  readonly pids: readonly number[];
  readonly watchdog: number;
  /** Just before it was started: no lease of it began earlier. */
  readonly #startedAt: number;
  /** When the job was seen to run. */
  readonly #ranAt: number = ownTime.now();

  private constructor(cli: Cli, key: string, pids: readonly number[], watchdog: number, startedAt: number) {
    this.cli = cli;
    this.key = key;
    this.pids = pids;
    this.watchdog = watchdog;
    this.#startedAt = startedAt;
  }

  static async start(
    test: TestContext,
    script: string,
    {
      connectionString = emulator.connectionString,
      options = [],
    }: { connectionString?: string; options?: readonly string[] } = {},
  ): Promise<Run> {
    const key = randomUUID();
    const startedAt = performance.now();
    const cli = new Cli(test, ["run", "--lease", "15s", ...options, key, "--", "sh", "-c", script], {
      env: { AZURE_STORAGE_CONNECTION_STRING: connectionString },
      input: "open",
    });
    const [, job] = await cli.printed(/^job (\d+)$/m);
    const [, child] = await cli.printed(/^child (\w+)$/m);
    const pids = [job, child].filter((pid) => pid !== "none").map(Number);
    return new Run(cli, key, pids, await watchdogOf(cli.pid), startedAt);
  }

  /**
   * How much of a lease has gone by at most since it began, and how much, as far as this process was let run, since the
   * job was seen.
   */
  get leases(): { readonly most: number; readonly least: number } {
    return { most: (performance.now() - this.#startedAt) / LEASE_MS, least: (ownTime.now() - this.#ranAt) / LEASE_MS };
  }

  /**
   * Another one that waits for the same lock. It says as soon as it has it, and before that who of this one still runs.
   */
  another(test: TestContext): Cli {
    const look = `for pid in ${this.pids.join(" ")}; do grep -q '^State:.[^ZX]' /proc/$pid/status 2>/dev/null && echo "$pid still runs"; done`;
    return new Cli(test, ["run", "--lease", "15s", this.key, "--", "sh", "-c", `${look}; echo in`], {
      env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
    });
  }

  async gone(): Promise<void> {
    await gone(this.pids);
  }

  /**
   * SIGTERM and SIGKILL came when they were due: when the grace began, and when it was over, before the lease could
   * end.
   */
  async expectStopInTime({ expect }: TestContext): Promise<string> {
    await this.cli.printed(/^term$/m);
    const term = this.leases;
    await this.gone();
    const kill = this.leases;
    // They are due 0.5 and 0.83 leases after the last renewal.
    expect(term.most).toBeGreaterThan(0.48);
    expect(term.least).toBeLessThan(0.75);
    expect(kill.most).toBeGreaterThan(0.81);
    expect(kill.least).toBeLessThan(1);
    return `SIGTERM after ${shown(term.least)}, dead after ${shown(kill.least)}`;
  }
}

/** Resolves when it is asked once more to renew, whatever comes of it. */
async function renewed(proxy: FaultProxy): Promise<void> {
  const before = proxy.count("renew");
  await until(() => proxy.count("renew") > before, "the lease is renewed");
}

const shown = (leases: number): string => `${leases.toFixed(3)} leases`;

describe.concurrent("a job whose wrapper", () => {
  it.for(["runs", "is stopped"])(
    "%s and is killed is gone soon after with all it started, and the next begins within the lease",
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
      test.expect(next.out).toBe("in\n");
      test.expect(nextMs).toBeLessThan(1.6 * LEASE_MS);
      console.info(`killed: gone after ${goneMs.toFixed(0)} ms, the next after ${nextMs.toFixed(0)} ms`);
    },
  );

  it("is stopped for long is dead before the lease ends, another takes over, and the wrapper says so when it goes on", async (test) => {
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

  it("is stopped and goes on after the job was asked to end, and before the lease ended, ends as lost", async (test) => {
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
    const inner = `"${process.execPath}" "${CLI}" run --lease 15s ${randomUUID()} -- sh -c 'trap "" TERM; echo "child $$"; sleep 600; :'`;
    const run = await Run.start(test, `echo "job $$"; ${inner}`);
    run.cli.kill("SIGKILL");
    await run.gone();
  });
});

/** Says who it is, and when it is asked to end, and goes on. */
const STEP = `sh -c 'trap "echo asked" TERM; echo "child $$"; while :; do sleep 0.2; done'`;
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
/** Each leaves the group of the job in its own way. */
const LEAVING = [
  { how: "under timeout(1)", script: `echo "job $$"; timeout 600 ${STEP}; echo after` },
  { how: "in a shell with job control", script: `exec bash -c ${quoted(`set -m; echo "job $$"; ${STEP} & wait`)}` },
  { how: "in a session of its own", script: `echo "job $$"; setsid ${STEP} & wait` },
  { how: "as a daemon", script: `echo "job $$"; setsid -f ${STEP}; sleep 600` },
] as const;

describe.concurrent("a job with a step", () => {
  it.for(LEAVING)(
    "$how gets SIGTERM whole, and the lock is held until the step has ended",
    async ({ script }, test) => {
      const run = await Run.start(test, script);
      run.cli.kill("SIGTERM");
      await run.cli.printed(/^asked$/m);
      await run.cli.printed(/^azmutex: still there: .*/m);
      const [, child = 0] = run.pids;
      test.expect(isRunning(child)).toBe(true);
      const tried = new Cli(test, ["run", "--try", run.key, "--", "true"], {
        env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
      });
      test.expect(await tried.ended).toMatchObject({ code: 75 });
      process.kill(child, "SIGKILL");
      test.expect(await run.cli.ended).toMatchObject({ code: 143 });
      await run.gone();
    },
  );

  it.for(LEAVING)("$how is dead when its lock was broken, before another is let in", async ({ script }, test) => {
    const run = await Run.start(test, script);
    await mutex.break(run.key);
    const next = run.another(test);
    await run.cli.printed(/^asked$/m);
    test.expect(await run.cli.ended).toMatchObject({ code: 79 });
    await run.gone();
    test.expect(await next.ended).toMatchObject({ code: 0, out: "in\n" });
  });

  it.for(LEAVING)("$how is dead soon after azmutex was killed", async ({ script }, test) => {
    const run = await Run.start(test, script);
    const killed = ownTime.now();
    run.cli.kill("SIGKILL");
    await run.gone();
    test.expect(ownTime.now() - killed).toBeLessThan(3_000);
    test.expect(run.cli.out).toMatch(/^asked$/m);
    await gone([run.watchdog]);
  });

  it.for([
    { platform: "darwin", known: "the command's process group" },
    { platform: "win32", known: "the command itself" },
  ])("that azmutex cannot know on $platform is spoken of, once", async ({ platform, known }, test) => {
    const pretend = `Object.defineProperty(process, "platform", { value: "${platform}" })`;
    const key = randomUUID();
    const run = new Cli(test, ["run", "--lease", "15s", key, "--", "sh", "-c", 'echo "job $$"; exec sleep 600'], {
      env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
      through: [process.execPath, "--import", `data:text/javascript,${encodeURIComponent(pretend)}`],
    });
    const [, job] = await run.printed(/^job (\d+)$/m);
    await mutex.break(key);
    test.expect(await run.ended).toMatchObject({ code: 79 });
    test.expect(isRunning(Number(job))).toBe(false);
    const said = `azmutex: without Linux's /proc only ${known} can be stopped and waited for; other processes of it may work on\n`;
    test.expect(run.err.slice(0, said.length)).toBe(said);
    test.expect(run.err.match(/other processes/g)).toHaveLength(1);
  });

  it("that starts others all the time is dead soon after azmutex was killed, and so are they", async (test) => {
    const unique = String(randomInt(1e8, 1e9));
    const starting = `trap "" TERM; echo "child $$"; while :; do setsid env -i PATH="$PATH" sh -c "sleep 3; sleep ${unique}" & sleep 0.02; done`;
    const run = await Run.start(test, `echo "job $$"; setsid sh -c ${quoted(starting)} & wait`);
    await until(() => runningWith(unique).length > 20, "there are many");
    run.cli.kill("SIGKILL");
    await run.gone();
    await gone([run.watchdog]);
    test.expect(runningWith(unique)).toEqual([]);
  });
});

describe.concurrent("a job whose lock", () => {
  it.for([
    { what: "is broken at once", how: (key: string) => mutex.break(key, { periodSeconds: 0 }) },
    { what: "is broken for when its lease ends", how: (key: string) => mutex.break(key) },
    {
      what: "is broken and taken by another",
      how: async (key: string) => {
        await mutex.break(key, { periodSeconds: 0 });
        await mutex.acquire(key, 15);
      },
    },
    {
      what: "is deleted",
      how: async (key: string) => {
        await mutex.break(key, { periodSeconds: 0 });
        await container.deleteBlob(key);
      },
    },
  ])("$what is stopped within a renewal and its grace", async ({ what, how }, test) => {
    const run = await Run.start(test, STUBBORN);
    await how(run.key);
    const broken = ownTime.now();
    await run.cli.printed(/^term$/m);
    const termMs = ownTime.now() - broken;
    await run.gone();
    const goneMs = ownTime.now() - broken;
    console.info(`${what}: SIGTERM after ${termMs.toFixed(0)} ms, gone after ${goneMs.toFixed(0)} ms`);
    // A third of a lease each. That a renewal told it, and not the time that went by, is what it says at the end.
    test.expect(termMs).toBeLessThan(0.6 * LEASE_MS);
    test.expect(goneMs).toBeLessThan(0.9 * LEASE_MS);
    const { code, err } = await run.cli.ended;
    test.expect(code).toBe(79);
    test.expect(err).toMatch(/^azmutex: lock on ".*" in \S+\/locks lost: .*: the command was stopped\n$/);
    // It was asked once.
    test.expect(run.cli.out.match(/term/g)).toHaveLength(1);
  });

  it("is lost has its grace to end by itself, and is said to have", async (test) => {
    const run = await Run.start(test, OBEDIENT);
    await mutex.break(run.key, { periodSeconds: 0 });
    const { code, err } = await run.cli.ended;
    test.expect({ code, err }).toEqual({
      code: 79,
      err: test.expect.stringMatching(/^azmutex: lock on .* lost: .*: the command ended with 0\n$/),
    });
  });
});

describe.concurrent("a job that is stopped itself", () => {
  it("goes on to clean up when its lock is lost", async (test) => {
    const run = await Run.start(test, OBEDIENT);
    const [job = 0] = run.pids;
    process.kill(-job, "SIGSTOP");
    await until(() => isStopped(job), "it is stopped");
    await mutex.break(run.key, { periodSeconds: 0 });
    const { code, err, out } = await run.cli.ended;
    test.expect(out).toMatch(/^term$/m);
    test.expect({ code, err }).toEqual({ code: 79, err: test.expect.stringMatching(/: the command ended with 0\n$/) });
  });
});

describe.concurrent("a job whose storage", () => {
  it.for([
    { what: "does not answer", strike: (proxy: FaultProxy) => proxy.hang("all") },
    { what: "cuts connections", strike: (proxy: FaultProxy) => proxy.reset("all") },
    { what: "is too busy", strike: (proxy: FaultProxy) => proxy.serverBusy("all") },
  ])("$what is stopped before another can begin", async ({ what, strike }, test) => {
    await using proxy = await FaultProxy.start(emulator);
    const run = await Run.start(test, STUBBORN, { connectionString: proxy.connectionString });
    strike(proxy);
    const next = run.another(test);
    const stopped = await run.expectStopInTime(test);
    console.info(`storage ${what}: ${stopped}`);
    const { code, err } = await run.cli.ended;
    test.expect({ code, err }).toEqual({
      code: 79,
      err: test.expect.stringMatching(
        /^azmutex: lock on .* could not be renewed(?:, and is certain for [0-5]\.\d s more only| in time): the command was stopped\n$/,
      ),
    });
    test.expect(await next.ended).toMatchObject({ code: 0, out: "in\n" });
  });

  it.for([
    { what: "does not answer", strike: (proxy: FaultProxy) => proxy.hang("all") },
    { what: "is too busy", strike: (proxy: FaultProxy) => proxy.serverBusy("all") },
  ])("$what for a while goes on", async ({ strike }, test) => {
    await using proxy = await FaultProxy.start(emulator);
    const run = await Run.start(test, PATIENT, {
      connectionString: proxy.connectionString,
      options: ["--grace", "1s"],
    });
    await renewed(proxy);
    strike(proxy);
    await renewed(proxy);
    await sleep(500);
    proxy.heal();
    await renewed(proxy);
    run.cli.type("\n");
    test.expect(await run.cli.ended).toMatchObject({ code: 6, err: "" });
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

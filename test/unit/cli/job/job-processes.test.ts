import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isStopped } from "../../../../lab/shared/processes.ts";
import { KEY_VARIABLE } from "../../../../src/cli/job/job-environment.ts";
import { MARK, newMark, withMark } from "../../../../src/cli/job/job-mark.ts";
import { JobProcesses } from "../../../../src/cli/job/job-processes.ts";
import { processEntry, programOf } from "../../../../src/cli/job/process-table.ts";

const strays: number[] = [];
afterEach(() => {
  for (const pid of strays.splice(0)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has gone.
    }
  }
});

interface Started {
  readonly child: ChildProcess;
  /** Its exit code and signal. */
  readonly exit: Promise<unknown[]>;
  readonly processes: JobProcesses;
  readonly mark: string;
  /** What it printed so far: when this is there, up to the line "ready" at least. */
  readonly printed: () => string;
}

/** A job of a shell script that prints "ready" once all of it is there. */
async function start(script: string, around?: string): Promise<Started> {
  const mark = newMark("nightly");
  const env = { ...process.env, [KEY_VARIABLE]: "nightly", [MARK]: withMark(around, mark) };
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "ignore"], env });
  const exit = once(child, "exit");
  const pid = child.pid ?? Number.NaN;
  strays.push(pid);
  const processes = new JobProcesses(mark, { pid, startedAt: processEntry(pid)?.startedAt });
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await end(() => /^ready$/m.test(printed));
  strays.push(...pidsIn(printed));
  return { child, exit, processes, mark, printed: () => printed };
}

const pidsIn = (text: string): number[] => [...text.matchAll(/^(?:\w+ )?(\d+)$/gm)].map(([, pid]) => Number(pid));
const runs = (pid: number): boolean => processEntry(pid)?.isRunning ?? false;
const end = async (isSo: () => boolean): Promise<void> => expect.poll(isSo).toBe(true);

describe("the processes of a job", () => {
  it("are alive while one of its group runs, and take signals", async () => {
    const { child, exit, processes } = await start("echo ready; exec sleep 60");
    expect(processes.isAlive).toBe(true);
    expect(processes.pids).toEqual([child.pid]);
    expect(processes.send("SIGSTOP")).toBe(true);
    processes.stop();
    // A stopped process ends only if it is let go on.
    expect(await exit).toEqual([null, "SIGTERM"]);
    expect(processes.isAlive).toBe(false);
    expect(processes.send("SIGTERM")).toBe(false);
  });

  it("are not a daemon that gives up the mark, even if it was seen before", async () => {
    const folder = mkdtempSync(join(tmpdir(), "azmutex-job-"));
    const go = join(folder, "go");
    execFileSync("mkfifo", [go]);
    const daemon = `echo $(exec sh -c 'echo $PPID'); read _ < ${go}; exec env -u AZMUTEX_JOB setsid sleep 60`;
    const { processes, printed } = await start(`(${daemon}) & sleep 0.2; echo ready`);
    const [pid = 0] = pidsIn(printed());
    await end(() => processes.isAlive && processes.pids.includes(pid));
    writeFileSync(go, "\n");
    await end(() => !processes.isAlive);
    // The mark is gone as soon as `env` has become `setsid`, which becomes `sleep` later.
    await end(() => programOf(pid) === "sleep");
    expect([runs(pid), programOf(pid)]).toEqual([true, "sleep"]);
    rmSync(folder, { recursive: true });
  });

  it.for([
    { what: "a group of its own", leave: "timeout 60" },
    { what: "a session of its own", leave: "setsid" },
    { what: "a session of its own and no environment", leave: "env -i setsid" },
    { what: "a group of its own and no environment", leave: "env -i timeout 60" },
  ])("are those with $what too", async ({ leave }) => {
    for (const how of ["stop", "kill"] as const) {
      const { processes, printed } = await start(
        `${leave} sh -c 'echo $$; sleep 60 & echo $!; echo ready; wait' & wait`,
      );
      const [shell = 0, sleep = 0] = pidsIn(printed());
      expect(processes.isAlive).toBe(true);
      expect(processes.pids).toEqual(expect.arrayContaining([shell, sleep]));
      await end(() => programOf(sleep) === "sleep");
      processes[how]();
      await end(() => !processes.isAlive);
      expect([shell, sleep].filter(runs)).toEqual([]);
    }
  });

  it("are those with its mark when their parents have ended, also if its first process is not known", async () => {
    const { exit, processes, mark, printed } = await start("setsid sleep 60 >&- & echo $!; echo ready");
    const pids = pidsIn(printed());
    await exit;
    const marked = new JobProcesses(mark);
    for (const job of [processes, marked]) {
      expect(job.isAlive).toBe(true);
      expect(job.pids).toEqual(pids);
    }
    marked.kill();
    await end(() => !processes.isAlive);
  });

  it("are those it has seen when the parents by which it knew them have ended", async () => {
    const { exit, processes, printed } = await start(
      `env -i PATH="$PATH" setsid sh -c 'trap "" TERM; echo $$; echo ready; while :; do sleep 1; done'`,
    );
    processes.stop();
    await exit;
    expect(pidsIn(printed()).filter(runs)).toHaveLength(1);
    expect(processes.isAlive).toBe(true);
    processes.kill();
    await end(() => !processes.isAlive && !pidsIn(printed()).some(runs));
  });

  it("are not those that gave up the mark and have left its session, once their parents have ended", async () => {
    const { exit, processes, printed } = await start(
      `env -u ${MARK} setsid -f sh -c 'echo $$; echo ready; exec sleep 60 >&-'; sleep 0.2`,
    );
    await exit;
    expect(processes.isAlive).toBe(false);
    processes.kill();
    expect(pidsIn(printed()).filter(runs)).toHaveLength(1);
  });

  it("are killed whole while they start others", async () => {
    const fork = `while :; do setsid env -i PATH="$PATH" sh -c 'sleep 5; sleep 60' & sleep 0.01; done`;
    const { mark, processes } = await start(`(${fork}) & (${fork}) & echo ready; wait`);
    const seen = (): readonly number[] => {
      const looked = new JobProcesses(mark);
      return looked.isAlive ? looked.pids : [];
    };
    await end(() => seen().length > 20);
    const before = seen();
    processes.kill();
    await end(() => !processes.isAlive && !before.some(runs) && seen().length === 0);
  });

  it("of a job within it are killed with it, and asked to end by the one that runs them", async () => {
    const outer = newMark("outer");
    const traps = "trap 'echo asked' TERM; trap 'echo told' USR1";
    const inner = await start(`${traps}; echo ready; while :; do sleep 60 & wait; done`, outer);
    const processes = new JobProcesses(outer);
    expect(processes.isAlive).toBe(true);
    processes.stop();
    inner.processes.send("SIGUSR1");
    await end(() => inner.printed().includes("told"));
    expect(inner.printed()).not.toContain("asked");
    processes.kill();
    await end(() => !inner.processes.isAlive);
  });

  it("pause whole and go on, but for an azmutex among them and what it runs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "azmutex-job-"));
    const azmutex = join(folder, "azmutex");
    writeFileSync(azmutex, "setsid sleep 60 & echo $$; echo $!; wait\n");
    const { child, processes, printed } = await start(
      `setsid sleep 60 & echo $!; sh ${azmutex} & sleep 0.3; echo ready; wait`,
    );
    const [step = 0, wrapper = 0, inner = 0] = pidsIn(printed());
    const stopped = (): boolean[] => [child.pid ?? 0, step, wrapper, inner].map(isStopped);
    processes.pause();
    await end(() => stopped().join() === "true,true,false,false");
    expect(processes.isAlive).toBe(true);
    processes.resume();
    await end(() => !stopped().includes(true));
    processes.kill();
    rmSync(folder, { recursive: true });
  });

  it("are not those of another process that has got the number of its first one", async () => {
    const { child } = await start("echo ready; exec sleep 60");
    const another = new JobProcesses("a-mark", { pid: child.pid ?? 0, startedAt: 1 });
    expect(another.send(0)).toBe(false);
    expect(another.isAlive).toBe(false);
  });
});

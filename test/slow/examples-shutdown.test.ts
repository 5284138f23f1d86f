import { beforeAll, describe, expect, it } from "vitest";
import { crash } from "../../examples/show/crash.ts";
import { cron, runsIn } from "../../examples/show/cron.ts";
import { leader, readyOne, statusOf } from "../../examples/show/leader.ts";
import { names } from "../../examples/show/show.ts";
import { gapsIn, turns } from "../../examples/show/turns.ts";
import { jobsIn, worker } from "../../examples/show/worker.ts";
import { until } from "../../lab/shared/processes.ts";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { compileExamples, ExampleRun, endsOf, linesOf } from "../support/example-run.ts";

beforeAll(compileExamples);

const mutexOf = ({ emulator }: ExampleRun): AzureMutex =>
  new AzureMutex({ connectionString: emulator.connectionString, containerName: "azmutex-examples" });

describe.concurrent("the examples when their processes end", () => {
  it("crash: a lock is free soon after its holder has exited, was killed, or held it for too long", async (test) => {
    const run = await ExampleRun.open(test);
    await crash.play(run);
    const ends = [1, "SIGKILL", ...(process.platform === "linux" ? ["SIGKILL"] : []), 1, 0];
    expect(await endsOf(run.programs)).toEqual(ends);
    const tokens = linesOf(run.programs, /^at work/).map((line) => Number(line.split(" ").at(-1)));
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    expect(tokens).toHaveLength(ends.length);
    expect(linesOf(run.programs, /^LOCK_LOST: /)).toHaveLength(1);
  });

  it("turns: no two workers have the lock at once, and each has its turns", async (test) => {
    const run = await ExampleRun.open(test);
    await turns.play(run);
    expect(gapsIn(run.path("told.log"))).toHaveLength(11);
    expect(gapsIn(run.path("not.log"))).toHaveLength(11);
  });

  it("worker: the job at hand is finished, the next worker goes on, and a waiter leaves the queue", async (test) => {
    const run = await ExampleRun.open(test);
    await worker.play(run);
    expect(await endsOf(run.programs)).toEqual(["SIGTERM", "SIGTERM", "SIGTERM"]);
    // No job was given up half-way.
    expect(linesOf(run.programs, /begins$/)).toHaveLength(linesOf(run.programs, /is done$/).length);
    expect(linesOf(run.programs, /letting go$/)).toHaveLength(2);
    const jobs = jobsIn(run.path("jobs.log"));
    expect(jobs.map(({ job }) => job)).toEqual(jobs.map((_, index) => index + 1));
    const tokens = jobs.map(({ token }) => token);
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    const status = await mutexOf(run).inspect("worker");
    expect(status).toMatchObject({ isHeld: false });
    expect(status.waiting ?? []).toEqual([]);
  });

  it("leader: the one that leads is ready, the others are alive, the next is ready after it", async (test) => {
    const run = await ExampleRun.open(test);
    await leader.play(run);
    expect(await endsOf(run.programs)).toEqual(["SIGTERM", "SIGTERM", "SIGTERM"]);
    const terms = linesOf(run.programs, /in term/).map((line) => Number(line.split(" ").at(-1)));
    expect(new Set(terms).size).toBeGreaterThanOrEqual(2);
    expect(await mutexOf(run).inspect("shop/scheduler")).toMatchObject({ isHeld: false });
  });

  it("leader: it is not ready any more as soon as it does not lead, and lives on", async (test) => {
    const run = await ExampleRun.open(test);
    const replica = run.start("leader", "pod", { env: { POD_NAME: "pod", PORT: "0" } });
    await readyOne([replica], run);
    const mutex = mutexOf(run);
    await mutex.break("shop/scheduler", { ifHolder: "pod", periodSeconds: 0 });
    await mutex.acquire("shop/scheduler", 60);
    await until(async () => (await statusOf(replica, "/readyz")) === 503, "it is not ready any more");
    expect(await statusOf(replica, "/livez")).toBe(200);
    await mutex.release("shop/scheduler");
    await until(async () => (await statusOf(replica, "/readyz")) === 200, "it leads again");
    replica.kill("SIGTERM");
    expect(await endsOf([replica])).toEqual(["SIGTERM"]);
  });

  it("cron: one replica runs its jobs, and the next when the first was told to end and its job ended", async (test) => {
    const run = await ExampleRun.open(test);
    await cron.play(run);
    expect(await endsOf(run.programs)).toEqual(["SIGTERM", "SIGTERM", "SIGTERM"]);
    const runs = runsIn(run.path("runs.log"));
    const terms = runs.map(({ term }) => term);
    expect(terms).toEqual([...terms].sort((a, b) => a - b));
    expect(new Set(runs.map(({ replica }) => replica)).size).toBe(2);
  });

  it("cron: nothing runs before its time", async (test) => {
    const run = await ExampleRun.open(test);
    const replicas = names("replica", 2).map((name) =>
      run.start("cron", name, { args: [run.path("runs.log")], env: { SCHEDULE: "0 0 29 2 *" } }),
    );
    await Promise.any(replicas.map((replica) => replica.printed(/^leading/)));
    for (const replica of replicas) replica.kill("SIGINT");
    expect(await endsOf(replicas)).toEqual(["SIGINT", "SIGINT"]);
    expect(runsIn(run.path("runs.log"))).toEqual([]);
  });
});

import { randomUUID } from "node:crypto";
import { afterAll, describe, it, type TestContext } from "vitest";
import { gone, isRunning, runningChildrenOf, until } from "../../lab/shared/processes.ts";
import { AzureMutex, LeaderElection } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { Cli } from "../support/cli.ts";
import { ownTime } from "../support/own-time.ts";

// In a thread of its own: it has to answer also while this one is busy.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
const LEASE_MS = 15_000;

/** A job that says who it is and stays until it is asked to end. */
const STAYS = 'echo "job $$ $AZMUTEX_TOKEN"; exec sleep 600';

function elect(test: TestContext, name: string, script: string, ...options: readonly string[]): Cli {
  return new Cli(test, ["elect", "--lease", "15s", ...options, name, "--", "sh", "-c", script], {
    env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
  });
}

/** The jobs that a candidate has run so far. */
function reigns({ out }: Cli): { pid: number; term: number }[] {
  return [...out.matchAll(/^job (\d+) (\d+)$/gm)].map(([, pid, term]) => ({ pid: Number(pid), term: Number(term) }));
}

describe.concurrent("azmutex elect", () => {
  it("has one of three lead, and another within the lease when that one is killed", async (test) => {
    const name = randomUUID();
    const candidates = [1, 2, 3].map(() => elect(test, name, STAYS));
    const leader = await Promise.any(candidates.map((candidate) => candidate.printed(/^job /m).then(() => candidate)));
    const others = candidates.filter((candidate) => candidate !== leader);
    test.expect(others.flatMap(reigns)).toEqual([]);
    const [first] = reigns(leader);
    const killed = ownTime.now();
    leader.kill("SIGKILL");
    await gone([first?.pid ?? Number.NaN]);
    test.expect(others.flatMap(reigns)).toEqual([]);
    await Promise.any(others.map((candidate) => candidate.printed(/^job /m)));
    const tookMs = ownTime.now() - killed;
    console.info(`the next leads ${tookMs.toFixed(0)} ms after the kill`);
    test.expect(tookMs).toBeLessThan(1.6 * LEASE_MS);
    const then = others.flatMap(reigns);
    test.expect(then).toHaveLength(1);
    test.expect(then[0]?.term).toBeGreaterThan(first?.term ?? Number.NaN);
  });

  it("campaigns again when the command has ended, under a higher term", async (test) => {
    const candidate = elect(test, randomUUID(), 'echo "job $$ $AZMUTEX_TOKEN"');
    await until(() => reigns(candidate).length >= 2, "it leads twice");
    const [first, second] = reigns(candidate);
    test.expect(second?.term).toBeGreaterThan(first?.term ?? Number.NaN);
  });

  it.for([0, 3, 127])(
    "says so when the command ends at once with %i, and pauses ever longer before it campaigns again",
    async (code, test) => {
      const script = `echo "job $$ $AZMUTEX_TOKEN"; echo "at $(date +%s%3N)"; exit ${code}`;
      const candidate = elect(test, randomUUID(), script);
      await candidate.printed(new RegExp(`^azmutex: sh ended with ${code}; campaigning again$`, "m"));
      await candidate.printed(/(?:^at \d+\n[\s\S]*){5}/m);
      const starts = [...candidate.out.matchAll(/^at (\d+)$/gm)].map(([, at]) => Number(at));
      // By their own clock: when we came to hear of it is another matter. The least of 1, 2, 4 and 8 s, half of which
      // is random, is 7.5 s.
      test.expect((starts[4] ?? Number.NaN) - (starts[0] ?? Number.NaN)).toBeGreaterThan(6_000);
    },
  );

  const FAILING =
    `import { ChildProcess } from "node:child_process"; ChildProcess.prototype.unref = () => { ` +
    `throw new Error("no such method"); };`;

  it.for([
    { what: "ended", nodeOptions: [], said: /^azmutex: sh ended with 0; campaigning again$/gm },
    {
      what: "could not begin, as on a runtime that lacks a method",
      nodeOptions: ["--import", `data:text/javascript,${encodeURIComponent(FAILING)}`],
      said: /^azmutex: no such method; campaigning again$/gm,
    },
  ])("leaves no process behind of terms that $what", async ({ nodeOptions, said }, test) => {
    const candidate = new Cli(test, ["elect", randomUUID(), "--", "sh", "-c", "exit 0"], {
      env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
      through: [process.execPath, ...nodeOptions],
    });
    await until(() => (candidate.err.match(said) ?? []).length >= 3, "there were three terms");
    await until(() => runningChildrenOf(candidate.pid).length === 0, "it runs no process in the pause");
    candidate.kill("SIGTERM");
    test.expect(await candidate.ended).toMatchObject({ code: 143 });
  });

  it.for([
    { job: "no-such-command", code: 127, why: "command not found" },
    { job: "/", code: 126, why: "not executable" },
  ])("ends with $code at once for a command that is: $why", async ({ job, code, why }, test) => {
    const candidate = new Cli(test, ["elect", randomUUID(), "--", job], {
      env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
    });
    const ended = await candidate.ended;
    test.expect(ended).toMatchObject({ code, out: "" });
    test.expect(ended.err).toMatch(new RegExp(`^azmutex: leading .*\\nazmutex: "${job}": ${why}\\n$`));
  });

  it("asked to end while it leads, asks the command, ends with its code, and the next leads at once", async (test) => {
    const name = randomUUID();
    const leader = elect(
      test,
      name,
      "trap 'echo term; sleep 0.5; echo done; exit 5' TERM; echo \"job $$ $AZMUTEX_TOKEN\"; " +
        "while :; do sleep 0.1; done",
    );
    await leader.printed(/^job /m);
    const next = elect(test, name, STAYS);
    leader.kill("SIGTERM");
    await leader.printed(/^term$/m);
    test.expect(await leader.ended).toMatchObject({ code: 5, out: test.expect.stringMatching(/\nterm\ndone\n$/) });
    const resigned = ownTime.now();
    await next.printed(/^job /m);
    test.expect(ownTime.now() - resigned).toBeLessThan(LEASE_MS / 2);
  });

  it("asked to end while it campaigns, ends with 143", async (test) => {
    const name = randomUUID();
    const leader = elect(test, name, STAYS);
    await leader.printed(/^job /m);
    const candidate = elect(test, name, STAYS, "--fair");
    await until(async () => ((await mutex.inspect(name)).waiting ?? []).length > 0, "it waits");
    candidate.kill("SIGTERM");
    // Before that it may have said for which leader it waits.
    const err: unknown = test.expect.stringMatching(
      /^(?:azmutex: waiting to lead .*\n)?azmutex: ended by SIGTERM\n(?:azmutex: stopping: .*\n)?$/,
    );
    test.expect(await candidate.ended).toMatchObject({ code: 143, out: "", err });
    await until(async () => (await mutex.inspect(name)).waiting?.length === 0, "it does not wait any more");
    test.expect(reigns(leader).map(({ pid }) => isRunning(pid))).toEqual([true]);
  });

  it("shows everybody who leads, and the data", async (test) => {
    const name = randomUUID();
    const leader = elect(test, name, STAYS, "--data", "10.0.0.7:8080 ü", "--candidate", "blue");
    await leader.printed(/^job /m);
    const seen = await new LeaderElection(mutex, name).leader();
    test.expect(seen).toMatchObject({ candidate: "blue", data: "10.0.0.7:8080 ü", term: reigns(leader)[0]?.term });
    leader.kill("SIGINT");
    test.expect(await leader.ended).toMatchObject({ code: 130 });
    test.expect(await new LeaderElection(mutex, name).leader()).toBeUndefined();
  });

  it("stops the command when leadership is lost, and campaigns again", async (test) => {
    const name = randomUUID();
    const leader = elect(test, name, STAYS);
    await leader.printed(/^job /m);
    const [first] = reigns(leader);
    await mutex.break(name, { periodSeconds: 0 });
    await gone([first?.pid ?? Number.NaN]);
    await leader.printed(/^azmutex: lock on .* lost: .*: the command was stopped; campaigning again$/m);
    await until(() => reigns(leader).length === 2, "it leads again");
    test.expect(reigns(leader)[1]?.term).toBeGreaterThan(first?.term ?? Number.NaN);
  });
});

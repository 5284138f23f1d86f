import { randomInt, randomUUID } from "node:crypto";
import { describe, it } from "vitest";
import { gone, isRunning, runningWith, until } from "../../../lab/shared/processes.ts";
import { Cli } from "../../support/cli.ts";
import { ownTime } from "../../support/own-time.ts";
import { emulator, mutex, Run } from "./run.ts";

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
    const said =
      `azmutex: without Linux's /proc only ${known} can be stopped and waited for; other ` +
      `processes of it may work on\n`;
    test.expect(run.err.slice(0, said.length)).toBe(said);
    test.expect(run.err.match(/other processes/g)).toHaveLength(1);
  });

  it("that starts others all the time is dead soon after azmutex was killed, and so are they", async (test) => {
    const unique = String(randomInt(1e8, 1e9));
    const starting =
      `trap "" TERM; echo "child $$"; while :; do setsid env -i PATH="$PATH" sh -c "sleep 3; ` +
      `sleep ${unique}" & sleep 0.02; done`;
    const run = await Run.start(test, `echo "job $$"; setsid sh -c ${quoted(starting)} & wait`);
    await until(() => runningWith(unique).length > 20, "there are many");
    run.cli.kill("SIGKILL");
    await run.gone();
    await gone([run.watchdog]);
    test.expect(runningWith(unique)).toEqual([]);
  });
});

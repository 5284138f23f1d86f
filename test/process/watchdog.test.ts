import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "vitest";
import { gone, isRunning } from "../../lab/shared/processes.ts";
import { machineMs } from "../../src/cli/time.ts";
import { RELEASE_PROGRAM } from "../../src/locks/shutdown/release-program.ts";
import { PROJECT } from "../support/sources.ts";

const WATCHDOG = join(PROJECT, "dist/cli/job/watchdog-main.js");
/** The machine refuses it every signal to this process, as it does where the process is another user's. */
const refusing = (pid: number): string =>
  `data:text/javascript,${encodeURIComponent(
    `const { kill } = process;
    process.kill = (pid, signal) => {
      if (Math.abs(pid) === ${pid}) throw Object.assign(new Error("EPERM"), { code: "EPERM" });
      return kill.call(process, pid, signal);
    };`,
  )}`;

/** A job of several processes, each of which says its pid. */
async function startJob(test: TestContext, mark: string, script: string, pids: number): Promise<readonly number[]> {
  const child = spawn("sh", ["-c", script], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { PATH: process.env.PATH, AZMUTEX_JOB: mark, AZMUTEX_KEY: "job" },
  });
  let output = "";
  for await (const text of child.stdout ?? []) {
    output += String(text);
    if (output.split("\n").length > pids) break;
  }
  const found = [child.pid ?? Number.NaN, ...output.trim().split("\n").map(Number)];
  test.onTestFinished(() => {
    for (const pid of found) if (isRunning(pid)) process.kill(pid, "SIGKILL");
  });
  return found;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

/** A service that is asked to release, and how often it was. */
async function startService(test: TestContext, answer: Answer): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers["x-ms-lease-id"]}`);
    answer(response, request);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  test.onTestFinished(() => void server.close().closeAllConnections());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/k?comp=lease`, asked };
}

const released: Answer = (response) => response.writeHead(200, { "x-ms-request-id": "1" }).end();

/** What azmutex tells its watchdog, and then it dies. Resolves when the watchdog has ended. */
async function orphan(test: TestContext, lines: readonly string[], imports: readonly string[] = []): Promise<void> {
  const args = [...imports.flatMap((code) => ["--import", code]), WATCHDOG];
  const watchdog: ChildProcess = spawn(process.execPath, args, { env: {}, stdio: ["pipe", "ignore", "ignore"] });
  test.onTestFinished(() => void watchdog.kill("SIGKILL"));
  watchdog.stdin?.end(lines.map((line) => `${line}\n`).join(""));
  await once(watchdog, "exit");
}

/** Until a minute from now the lock is good, and this releases it. */
const told = (url: string, lease: string): readonly string[] => [
  `until ${Math.round(machineMs() + 50_000)} ${Math.round(machineMs() + 60_000)}`,
  `release ${JSON.stringify({
    file: process.execPath,
    args: ["--eval", RELEASE_PROGRAM],
    env: {},
    input: JSON.stringify([{ url, headers: { "x-ms-lease-id": lease } }]),
  })}`,
];

describe.concurrent("the watchdog of a dead azmutex", () => {
  it("releases the lock when the last process of the job is gone, the one that left and hid included", async (test) => {
    const mark = randomUUID();
    const hidden = `env -i setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 0.1; done'`;
    const job = await startJob(test, mark, `trap "" TERM; ${hidden} & sleep 600 & echo $!; wait; sleep 600`, 2);
    const seen: boolean[] = [];
    const { url, asked } = await startService(test, (response, request) => {
      seen.push(...job.map(isRunning));
      released(response, request);
    });
    await orphan(test, [`mark ${mark}`, `root ${job[0]}`, ...told(url, "first")]);
    test.expect(asked).toEqual(["PUT /k?comp=lease first"]);
    test.expect(seen).toEqual([false, false, false]);
  });

  it("releases what it was told last, and asks again until the service answers", async (test) => {
    const mark = randomUUID();
    const job = await startJob(test, mark, "echo $$; exec sleep 600", 1);
    const { url, asked } = await startService(test, (response, request) =>
      asked.length === 1 ? response.writeHead(500).end() : released(response, request),
    );
    await orphan(test, [`mark ${mark}`, `root ${job[0]}`, ...told(url, "before"), ...told(url, "renewed")]);
    test.expect(asked).toEqual(["PUT /k?comp=lease renewed", "PUT /k?comp=lease renewed"]);
  });

  it("releases nothing while a process of the job is left that it cannot kill", async (test) => {
    const mark = randomUUID();
    const [root, other = Number.NaN] = await startJob(test, mark, "setsid sleep 600 & echo $!; wait", 1);
    const { url, asked } = await startService(test, released);
    await orphan(test, [`mark ${mark}`, `root ${root}`, ...told(url, "held")], [refusing(other)]);
    test.expect([isRunning(root ?? 0), isRunning(other)]).toEqual([false, true]);
    test.expect(asked).toEqual([]);
  });

  it("releases nothing where it does not know with which process the job began, and stops it", async (test) => {
    const mark = randomUUID();
    const job = await startJob(test, mark, "echo $$; exec sleep 600", 1);
    const { url, asked } = await startService(test, released);
    await orphan(test, [`mark ${mark}`, ...told(url, "held")]);
    await gone(job);
    test.expect(asked).toEqual([]);
  });
});

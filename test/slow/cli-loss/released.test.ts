import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerClient, ContainerSASPermissions, StorageSharedKeyCredential } from "@azure/storage-blob";
import { describe, it } from "vitest";
import { gone, until, watchdogOf } from "../../../lab/shared/processes.ts";
import { Cli } from "../../support/cli.ts";
import { ownTime } from "../../support/own-time.ts";
import { emulator, LEASE_MS, mutex, Run, STUBBORN } from "./run.ts";

const env = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };

/** How the command takes each kind of lock. */
const KINDS = [
  { kind: "a lock", command: "run", options: [] },
  { kind: "a permit", command: "run", options: ["--semaphore", "1"] },
  { kind: "the side of readers", command: "run", options: ["--read"] },
  { kind: "the side of writers", command: "run", options: ["--write"] },
  { kind: "a lock in line", command: "run", options: ["--fair"] },
  { kind: "leadership", command: "elect", options: [] },
  { kind: "a slot", command: "run", options: ["--once", "today", "--timeout", "10m"] },
] as const;

describe.concurrent("a killed azmutex that held", () => {
  it.for(KINDS)("$kind leaves it free once its job is gone", async ({ command, options }, test) => {
    const key = randomUUID();
    const line = [command, "--lease", "15s", ...options, key, "--"];
    const first = new Cli(test, [...line, "sh", "-c", STUBBORN], { env });
    const [, job] = await first.printed(/^job (\d+)$/m);
    const [, child] = await first.printed(/^child (\d+)$/m);
    // A reader excludes writers alone.
    const other = options.includes("--read" as never) ? line.with(line.indexOf("--read"), "--write") : line;
    const look = `for pid in ${job} ${child}; do ! grep -q '^State:.[^ZX]' /proc/$pid/status || echo still; done`;
    const next = new Cli(test, [...other, "sh", "-c", `${look}; echo in; sleep 600`], { env });
    await next.printed(/^azmutex: waiting /m);
    const killed = ownTime.now();
    first.kill("SIGKILL");
    await next.printed(/^in$/m);
    const nextMs = ownTime.now() - killed;
    console.info(`${options.join(" ") || command}: the next after ${nextMs.toFixed(0)} ms`);
    test.expect(next.out).toBe("in\n");
    test.expect(nextMs).toBeLessThan(LEASE_MS / 2);
  });
});

describe.concurrent("what releases the lock of a killed azmutex", () => {
  it("has its secrets in no command line, no environment and no file", async (test) => {
    const container = new ContainerClient(
      `${emulator.url}/locks`,
      new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey),
    );
    await container.createIfNotExists();
    const permissions = ContainerSASPermissions.parse("rwl");
    const { search } = new URL(
      await container.generateSasUrl({ expiresOn: new Date(Date.now() + 86_400_000), permissions }),
    );
    const signature = new URLSearchParams(search).get("sig") ?? "none";
    const forms = [signature, encodeURIComponent(signature), emulator.accountKey];
    const key = randomUUID();
    const by = { AZURE_STORAGE_SAS_TOKEN: search };
    const args = ["run", "--lease", "60s", "--endpoint", emulator.url, key, "--", "env", "-u"];
    const cli = new Cli(test, [...args, "AZURE_STORAGE_SAS_TOKEN", "sh", "-c", STUBBORN], { env: by });
    await cli.printed(/^job (\d+)$/m);
    const watchdog = await watchdogOf(cli.pid);
    const seen = new Map<number, string>();
    const look = (pid: number): void => {
      const text = ["cmdline", "environ"].map((name) => read(`/proc/${pid}/${name}`)).join("\n");
      if (text.trim() !== "") seen.set(pid, `${seen.get(pid) ?? ""}${text}\n${filesOf(pid).join("\n")}`);
    };
    cli.kill("SIGKILL");
    for (let runs = true; runs; runs = read(`/proc/${watchdog}/cmdline`) !== "") {
      for (const pid of [watchdog, ...childrenOf(watchdog)]) look(pid);
      await sleep(5);
    }
    test.expect((await mutex.inspect(key)).isHeld).toBe(false);
    // The watchdog, and what it has started.
    test.expect(seen.size).toBe(2);
    const all = [...seen.values()].join("\n");
    test.expect(all).toContain("sendReleases");
    for (const form of forms) test.expect(all).not.toContain(form);
    // Its files are the null device and pipes.
    test.expect(all.split("\n").filter((line) => line.startsWith("file:"))).toEqual([]);
  });
});

describe.concurrent("an azmutex that fails itself", () => {
  /** Throws what nothing catches as soon as it is sent SIGPROF, which azmutex does not listen to. */
  const FAILING = "data:text/javascript,process.on('SIGPROF', () => { throw new Error('a defect'); });";
  const through = [process.execPath, "--import", FAILING];
  const SAYS = "azmutex: internal error, a defect of azmutex that should be reported: Error: a defect\n";

  it("while its job runs ends with 70; the job is stopped, and then the lock is free", async (test) => {
    const key = randomUUID();
    const cli = new Cli(test, ["run", "--lease", "60s", key, "--", "sh", "-c", STUBBORN], { env, through });
    const pids = [/^job (\d+)$/m, /^child (\d+)$/m].map(async (line) => Number((await cli.printed(line))[1]));
    const job = await Promise.all(pids);
    cli.kill("SIGPROF");
    test.expect(await cli.ended).toMatchObject({ code: 70, err: SAYS });
    await gone(job);
    await until(async () => !(await mutex.inspect(key)).isHeld, "it is released");
    test.expect(cli.out).toMatch(/^term$/m);
  });

  it("while it waits for the lock, leaves nothing behind", async (test) => {
    const run = await Run.start(test, STUBBORN);
    const cli = new Cli(test, ["run", "--fair", run.key, "--", "true"], { env, through });
    await until(async () => (await mutex.inspect(run.key)).waiting?.length === 1, "it waits in line");
    cli.kill("SIGPROF");
    test.expect(await cli.ended).toMatchObject({ code: 70, err: test.expect.stringContaining(SAYS) });
    test.expect((await mutex.inspect(run.key)).waiting ?? []).toEqual([]);
  });

  it("while it holds a lock for a script keeps it: the script may be at work", async (test) => {
    const key = randomUUID();
    const cli = new Cli(test, ["hold", "--lease", "15s", key], { env, through, input: "open" });
    await cli.printed(/^\{/m);
    cli.kill("SIGPROF");
    test.expect(await cli.ended).toMatchObject({ code: 70, err: SAYS });
    test.expect((await mutex.inspect(key)).isHeld).toBe(true);
  });
});

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It has ended.
    return "";
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter(
      (entry) => /^\d+$/.test(entry) && read(`/proc/${entry}/stat`).split(") ").at(-1)?.split(" ")[1] === `${parent}`,
    )
    .map(Number);
}

/** Its open files on a disk that it can write to. */
function filesOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const file = readlinkSync(`/proc/${pid}/fd/${fd}`);
      const flags = Number.parseInt(/flags:\s*(\d+)/.exec(read(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? "0", 8);
      return /^\/(?!dev\/|proc\/)/.test(file) && (flags & 3) !== 0 ? [`file: ${file}`] : [];
    });
  } catch {
    return [];
  }
}

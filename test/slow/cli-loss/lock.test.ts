import { setTimeout as sleep } from "node:timers/promises";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { describe, it } from "vitest";
import { isStopped, until } from "../../../lab/shared/processes.ts";
import { FaultProxy } from "../../../lab/shared/wire/fault-proxy.ts";
import { ownTime } from "../../support/own-time.ts";
import { emulator, LEASE_MS, mutex, OBEDIENT, PATIENT, Run, renewed, STUBBORN } from "./run.ts";

const container = new ContainerClient(
  `${emulator.url}/locks`,
  new StorageSharedKeyCredential(emulator.accountName, emulator.accountKey),
);

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
        new RegExp(
          String.raw`^azmutex: lock on .* could not be renewed(?:, and is certain for [0-5]\.\d s more only| in ` +
            String.raw`time): the command was stopped\n$`,
        ),
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

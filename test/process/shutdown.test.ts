import { afterAll, describe, expect, it } from "vitest";
import { until } from "../../lab/shared/processes.ts";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { run, type Script } from "../support/script.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());
const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });

/** A program that says when it is told to end, and how long before its end that was. */
const listening = (code: string, options = "{}"): Script =>
  run(
    emulator.connectionString,
    `
    import { releaseOnSignals } from "azmutex";
    import { setTimeout as sleep } from "node:timers/promises";
    const shutdown = releaseOnSignals(mutex, ${options});
    shutdown.signal.addEventListener("abort", () => console.log("told:", shutdown.signal.reason.message));
    // Something that would go on for ever, a server say.
    setInterval(() => undefined, 1_000);
    ${code}
    `,
  );

/** Its lock is free at once, long before its lease would have run out. */
async function expectFree(key: string): Promise<void> {
  expect(await mutex.inspect(key)).toMatchObject({ isHeld: false });
  expect((await mutex.inspect(key)).waiting ?? []).toEqual([]);
}

describe.concurrent("a process with releaseOnSignals", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "that holds a lock ends by %s when its work has ended, and the lock is free",
    async (signal) => {
      const key = `holding ${signal}`;
      const script = listening(`
      await mutex.locker("${key}").run(async (lock) => {
        console.log("at work");
        await sleep(600_000, undefined, { signal: lock.signal }).catch(() => undefined);
        await sleep(1_000);
        console.log("stopped, and still alone:", lock.isHeld);
      }, { until: shutdown.signal });
    `);
      await script.printed("at work");
      script.child.kill(signal);
      expect(await script.ended).toMatchObject({ code: null, signal });
      expect(script.output()).toBe(
        `at work\ntold: the process was asked to end by ${signal}\nstopped, and still alone: true\n`,
      );
      await expectFree(key);
    },
  );

  it("that waits in a fair queue leaves it, with its ticket, and ends", async () => {
    await using held = await mutex.locker("waited for", { fair: true }).lock();
    const script = listening(`
      console.log("waiting");
      await mutex
        .locker("waited for", { fair: true })
        .lock({ signal: shutdown.signal })
        .catch((error) => console.log(error === shutdown.signal.reason));
    `);
    await until(async () => (await mutex.inspect("waited for")).waiting?.length === 1, "it waits in line");
    script.child.kill("SIGTERM");
    expect(await script.ended).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(script.output()).toBe("waiting\ntold: the process was asked to end by SIGTERM\ntrue\n");
    expect((await mutex.inspect("waited for")).waiting ?? []).toEqual([]);
    expect(held.isHeld).toBe(true);
  });

  it("that holds nothing ends at once", async () => {
    const script = listening(`await mutex.locker("held before").run(() => undefined); console.log("idle");`);
    await script.printed("idle");
    script.child.kill("SIGTERM");
    expect(await script.ended).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  it("whose work does not end is over after its grace, with the lock held: it lapses", async () => {
    const script = listening(
      `
      await mutex.locker("stubborn").lock();
      console.log("at work");
      `,
      "{ graceMs: 1_500 }",
    );
    await script.printed("at work");
    const began = performance.now();
    script.child.kill("SIGTERM");
    expect(await script.ended).toMatchObject({ code: null, signal: "SIGTERM" });
    // Not before. The machine may be busy, so nothing is said of how late it may be.
    expect(performance.now() - began).toBeGreaterThan(1_400);
    expect(script.output()).toContain("told:");
    expect(await mutex.inspect("stubborn")).toMatchObject({ isHeld: true });
  });

  it("whose work does not end is over at the second signal", async () => {
    const script = listening(
      `
      await mutex.locker("twice").lock();
      console.log("at work");
      await new Promise((resolve) => shutdown.signal.addEventListener("abort", resolve));
      await sleep(1_000);
      console.log("still at work");
      `,
      "{ graceMs: 600_000 }",
    );
    await script.printed("at work");
    script.child.kill("SIGTERM");
    await script.printed("still at work");
    script.child.kill("SIGTERM");
    expect(await script.ended).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(await mutex.inspect("twice")).toMatchObject({ isHeld: true });
  });

  it("whose stopWork says that all work has ended releases what lock() got", async () => {
    const script = listening(
      `await mutex.locker("service").lock(); console.log("serving");`,
      `{ stopWork: async (name) => { await sleep(300); console.log("drained at", name); } }`,
    );
    await script.printed("serving");
    script.child.kill("SIGTERM");
    expect(await script.ended).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(script.output()).toContain("drained at SIGTERM");
    await expectFree("service");
  });

  it("that resigns from an election ends when it has, and another leads at once", async () => {
    const script = run(
      emulator.connectionString,
      `
      import { LeaderElection, releaseOnSignals } from "azmutex";
      import { once } from "node:events";
      const shutdown = releaseOnSignals(mutex);
      const work = async (leadership) => { console.log("leading"); await once(leadership.signal, "abort"); };
      try {
        await new LeaderElection(mutex, "office").run(work, { signal: shutdown.signal });
      } finally {
        await shutdown[Symbol.asyncDispose]();
      }
      `,
    );
    await script.printed("leading");
    script.child.kill("SIGTERM");
    expect(await script.ended).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(script.output()).toBe("leading\n");
    await expectFree("office");
  });

  it("and nothing to do ends by itself", async () => {
    const script = run(
      emulator.connectionString,
      `import { releaseOnSignals } from "azmutex"; releaseOnSignals(mutex); console.log("done");`,
    );
    expect(await script.ended).toMatchObject({ code: 0, signal: null });
    expect(script.output()).toBe("done\n");
  });

  it("and another listener goes on until that one ends it", async () => {
    const script = listening(`
      process.once("SIGTERM", () => undefined);
      await mutex.locker("shared").run(async () => {
        console.log("at work");
        await sleep(600_000, undefined, { signal: shutdown.signal }).catch(() => undefined);
      });
      console.log("released");
      // Without the listener it would have been over by now.
      await sleep(1_000);
      process.exit(7);
    `);
    await script.printed("at work");
    script.child.kill("SIGTERM");
    await script.printed("released");
    await expectFree("shared");
    expect(await script.ended).toMatchObject({ code: 7, signal: null });
  });
});

import { afterAll, describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { run, type Script } from "../support/script.ts";

// In a thread of its own, which answers however busy this one is.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());
/** It looks at what is held, however long the answer takes. */
const mutex = new AzureMutex({
  connectionString: emulator.connectionString,
  containerName: "locks",
  tryTimeoutMs: 60_000,
});

/** Gives the child process a minute: how fast one starts depends on the load of the machine. */
const PATIENT = `{
  const children = process.getBuiltinModule("node:child_process");
  const { spawnSync } = children;
  children.spawnSync = (file, args, options) => spawnSync(
    file, args.map((text) => text.replaceAll("timeout: 2000", "timeout: 60000")), { ...options, timeout: 60_000 });
}`;

/** How a process dies that has something to do yet, or nothing more. */
const DEATHS = {
  "throws what is not caught": 'setTimeout(() => { throw new TypeError("boom"); });',
  "rejects without a handler": 'Promise.reject(new RangeError("boom")); setInterval(() => undefined, 1_000);',
  "calls process.exit": "setInterval(() => undefined, 1_000); process.exit(3);",
  "has nothing else to do": 'process.on("exit", (code) => console.log("ends with", code));',
} as const;
/** Its exit code, with which it dies by itself. */
const CODES: Readonly<Record<Death, number>> = {
  "throws what is not caught": 1,
  "rejects without a handler": 1,
  "calls process.exit": 3,
  "has nothing else to do": 0,
};
type Death = keyof typeof DEATHS;
const NAMES = Object.keys(DEATHS) as Death[];

/** The options of a lock that outlasts the test, on a machine of any load. */
const PATIENT_LOCK = "{ leaseSeconds: 60, fencing: false, tryTimeoutMs: 14_000, unreachableAfterMs: 120_000 }";

const takes = (keys: readonly string[]): string =>
  `await Promise.all(${JSON.stringify(keys)}.map((key) => mutex.locker(key, ${PATIENT_LOCK}).lock()));`;

/** A process that holds locks and dies. Both kinds have the same lines. */
const dying = (death: Death, keys: readonly string[], release = "releaseOnExit(mutex);"): Script =>
  run(
    emulator.connectionString,
    `
    import { releaseOnExit } from "azmutex";
    ${PATIENT}
    ${release}
    ${takes(keys)}
    ${DEATHS[death]}
    `,
  );

async function held(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key, isHeld } of mutex.list()) if (isHeld) keys.push(key);
  return keys;
}

describe.concurrent("a process with releaseOnExit that holds locks and", () => {
  // Of the first two a single lock is below.
  it.each([...NAMES.map((death) => [death, 50] as const), ...NAMES.slice(2).map((death) => [death, 1] as const)])(
    "%s has released %i when it is gone",
    async (death, locks) => {
      const keys = Array.from({ length: locks }, (_, index) => `${death} ${locks} ${index}`);
      const script = dying(death, keys);
      const { code } = await script.ended;
      expect(code, script.output()).toBe(CODES[death]);
      const left = await held();
      expect(keys.filter((key) => left.includes(key))).toEqual([]);
    },
  );

  it.each(NAMES.slice(0, 2))("%s dies as without it: message, stack and code", async (death) => {
    const [released, plain] = [dying(death, [`${death} released`]), dying(death, [`${death} plain`], "")];
    const [{ ms: _, ...end }, { ms: __, ...plainEnd }] = await Promise.all([released.ended, plain.ended]);
    expect({ ...end, output: released.output() }).toEqual({ ...plainEnd, output: plain.output() });
    expect(released.output()).toMatch(/boom[\s\S]*at /);
    const left = await held();
    expect([left.includes(`${death} released`), left.includes(`${death} plain`)]).toEqual([false, true]);
  });

  it("asks a service that does not answer dies within 2 s all the same", async () => {
    const script = run(
      emulator.connectionString,
      `
      import { createServer } from "node:net";
      import { releaseOnExit } from "azmutex";
      import { MemoryLeaseStore } from "azmutex/testing";
      const silent = createServer().listen(0, "127.0.0.1", async () => {
        const url = "http://127.0.0.1:" + silent.address().port;
        const store = Object.assign(new MemoryLeaseStore(), { releaseRequest: () => ({ url, headers: {} }) });
        const locks = new AzureMutex({ store, log: console.log });
        releaseOnExit(locks);
        await locks.locker("job").lock();
        const began = performance.now();
        process.on("exit", () => console.log("exit after", Math.round(performance.now() - began)));
        setTimeout(() => process.exit(9));
      });
      `,
    );
    expect(await script.ended).toMatchObject({ code: 9 });
    expect(script.output()).toMatch(
      /^exit after \d+\nthe process ends while it holds locks; what is held lapses by itself\n$/,
    );
  });
});

describe.concurrent("a part of a program", () => {
  it("that is a worker of a cluster releases what it holds when it dies", async () => {
    const worker = `
      import { AzureMutex, releaseOnExit } from "azmutex";
      const mutex = new AzureMutex({ connectionString: process.env.STORAGE, containerName: "locks" });
      ${PATIENT}
      releaseOnExit(mutex);
      ${takes(["of a cluster"])}
      process.exit(7);
    `;
    const script = run(
      emulator.connectionString,
      `
      import cluster from "node:cluster";
      const execArgv = ["--input-type=module", "--eval", ${JSON.stringify(worker)}];
      cluster.setupPrimary({ exec: "worker", execArgv });
      cluster.fork().on("exit", async (code) => {
        console.log("ended with", code);
        console.log("held:", (await mutex.inspect("of a cluster")).isHeld);
      });
      `,
    );
    await script.ended;
    expect(script.output()).toBe("ended with 7\nheld: false\n");
  });

  it("that is a worker thread releases what it holds when it ends, and the others go on", async () => {
    const worker = (death: string): string => `
      import("azmutex").then(async ({ AzureMutex, releaseOnExit }) => {
        const mutex = new AzureMutex({ connectionString: process.env.STORAGE, containerName: "locks" });
        ${PATIENT}
        releaseOnExit(mutex);
        await mutex.locker("of a thread", ${PATIENT_LOCK}).lock();
        ${death}
      });
    `;
    const script = run(
      emulator.connectionString,
      `
      import { Worker } from "node:worker_threads";
      const held = async () => (await mutex.inspect("of a thread")).isHeld;
      const ended = (worker) => new Promise((resolve) => worker.on("error", () => undefined).on("exit", resolve));
      for (const code of ${JSON.stringify(["process.exit(7);", 'throw new Error("boom");', ""].map(worker))})
        console.log("ended with", await ended(new Worker(code, { eval: true })), "held:", await held());
      // A thread that is terminated runs no code: its lease runs out by itself.
      const worker = new Worker(${JSON.stringify(worker("setInterval(() => undefined, 1_000);"))}, { eval: true });
      while (!(await held())) await new Promise((resolve) => setTimeout(resolve, 50));
      await worker.terminate();
      console.log("terminated, held:", await held());
      `,
    );
    await script.ended;
    expect(script.output()).toBe(
      "ended with 7 held: false\nended with 1 held: false\nended with 0 held: false\nterminated, held: true\n",
    );
  });
});

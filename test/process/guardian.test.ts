import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { startEntra } from "../../lab/matrix/entra.ts";
import { gone, guardianOf, guardiansOf, isRunning, memoryOf, until } from "../../lab/shared/processes.ts";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { run, type Script } from "../support/script.ts";

const emulator = await startEmulator();
const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
afterAll(() => emulator.close());

/** What a guardian may take, in kilobytes; and how much more than a bare process. */
const MOST_KB = 45 * 1_024;
const MORE_THAN_BARE_KB = 3_000;

const GUARDED = `const guarded = new AzureMutex({ connectionString: process.env.STORAGE, containerName: "locks",
  guardian: true, log: console.log });`;
const STAY = "setInterval(() => undefined, 1_000);";
const guarded = (code: string): Script => run(emulator.connectionString, `${GUARDED}\n${code}`);

/** Holds the key, by a lease without end: it is free only if another process releases it. */
const hold = (key: string): string => `await guarded.acquire("${key}", "infinite"); console.log("held");`;

const isFree = async (key: string): Promise<boolean> => !(await mutex.inspect(key)).isHeld;
const free = (key: string): Promise<void> => until(() => isFree(key), `"${key}" is free`);
const pidOf = ({ child }: Script): number => child.pid ?? 0;

/** Other processes can read this of a process. */
function expectNoSecret(guardian: number): void {
  for (const file of ["cmdline", "environ", "comm"]) {
    const text = readFileSync(`/proc/${guardian}/${file}`, "latin1");
    expect(text).not.toMatch(/SharedKey|Bearer|token|sig=|STORAGE|127\.0\.0\.1/);
    expect(text).not.toContain(emulator.accountKey);
  }
}

describe.concurrent("a process with a guardian", () => {
  it("that is killed holds nothing any more, and the guardian ends as well", async () => {
    const script = guarded(`
      import { Semaphore } from "azmutex";
      await guarded.locker("killed", { leaseSeconds: 60 }).lock();
      await guarded.locker("killed, fair", { leaseSeconds: 60, fair: true }).lock();
      await new Semaphore(guarded, "killed, permits", { permits: 2, leaseSeconds: 60 }).acquire();
      ${hold("killed, by hand")} ${STAY}`);
    await script.printed("held");
    const guardian = await guardianOf(pidOf(script));
    script.child.kill("SIGKILL");
    for (const key of ["killed", "killed, fair", "killed, by hand"]) await free(key);
    const held = async () => (await mutex.inspect("killed, permits")).semaphore?.held;
    await until(async () => (await held())?.length === 0, "the permit is free");
    await gone([guardian]);
    expect(script.output()).toBe("held\n");
  });

  it("that ends by itself with a lock has it released, and is not kept alive", async () => {
    const script = guarded(`${hold("ended")} console.log("done");`);
    await script.printed("held");
    const { code } = await script.ended;
    expect(code).toBe(0);
    await free("ended");
    expect(guardiansOf(pidOf(script))).toEqual([]);
  });

  it("that closes its mutex has none any more", async () => {
    const script = guarded(`
      process.once("SIGUSR2", () => guarded.close().then(() => console.log("closed")));
      ${hold("closed")} ${STAY}`);
    await script.printed("held");
    await guardianOf(pidOf(script));
    process.kill(pidOf(script), "SIGUSR2");
    await script.printed("closed");
    await until(() => guardiansOf(pidOf(script)).length === 0, "the guardian is gone");
    expect(isRunning(pidOf(script))).toBe(true);
    script.child.kill("SIGKILL");
  });

  it("keeps it through signals to its group, and to the guardian", async () => {
    const script = guarded(`
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => console.log("heard", name));
      ${hold("signals")} ${STAY}`);
    await script.printed("held");
    const guardian = await guardianOf(pidOf(script));
    const [, , , group, session] = readFileSync(`/proc/${guardian}/stat`, "utf8").replace(/^.*\)/s, "").split(" ");
    expect([Number(group), Number(session)]).toEqual([guardian, guardian]);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]) process.kill(guardian, name);
    process.kill(pidOf(script), "SIGINT");
    await script.printed("heard SIGINT");
    expect(isRunning(guardian)).toBe(true);
    script.child.kill("SIGKILL");
    await free("signals");
    await gone([guardian]);
  });

  it("has it for a worker thread, whose end is not the end of the process", async () => {
    const worker = `
      const { AzureMutex } = await import("azmutex");
      ${GUARDED} ${hold("worker")}
      (await import("node:worker_threads")).parentPort.postMessage("held"); ${STAY}`;
    const script = guarded(`
      import { Worker } from "node:worker_threads";
      const worker = new Worker(${JSON.stringify(`(async () => { ${worker} })()`)}, { eval: true });
      await new Promise((resolve) => worker.once("message", resolve));
      await worker.terminate();
      console.log("terminated"); ${STAY}`);
    await script.printed("terminated");
    const guardian = await guardianOf(pidOf(script));
    // The guardian hears the end of its input, and looks many times.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([await isFree("worker"), isRunning(guardian)]).toEqual([false, true]);
    script.child.kill("SIGKILL");
    await free("worker");
  });

  it("tells it what is secret through the pipe alone, and it takes as little as Node does", async () => {
    const script = guarded(`
      for (let locks = 0; locks < 50; locks += 1) await guarded.locker("secret " + locks, { leaseSeconds: 60 }).lock();
      console.log("held"); ${STAY}`);
    const bare = spawn(process.execPath, ["--eval", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
    await script.printed("held");
    const guardian = await guardianOf(pidOf(script));
    expectNoSecret(guardian);
    expect(script.output()).toBe("held\n");
    const { residentKb, sharedOutKb, privateKb, ownKb } = memoryOf(guardian);
    const bareKb = memoryOf(bare.pid ?? 0).residentKb;
    console.log(
      `a guardian of 50 locks, in kB: resident ${residentKb}, its share ${sharedOutKb}, no other's ${privateKb}, ` +
        `no file ${ownKb}; a bare Node: ${bareKb}`,
    );
    expect(residentKb).toBeLessThan(Math.min(MOST_KB, bareKb + MORE_THAN_BARE_KB));
    script.child.kill("SIGKILL");
    bare.kill();
    await free("secret 49");
    await gone([guardian]);
  });

  it("releases by a token, over https, and by a certificate that the process trusts", async () => {
    await using entra = await startEntra(emulator);
    const script = run(
      emulator.connectionString,
      `const headers = { "x-identity-header": process.env.IDENTITY_HEADER };
      const { access_token: token } = await (await fetch(process.env.IDENTITY_ENDPOINT, { headers })).json();
      const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
      const guarded = new AzureMutex({ endpoint: process.env.MATRIX_BLOB_ENDPOINT, credential, containerName: "locks",
        guardian: true, log: console.log });
      ${hold("token")} ${STAY}`,
      entra.env,
    );
    await script.printed("held");
    const guardian = await guardianOf(pidOf(script));
    expectNoSecret(guardian);
    script.child.kill("SIGKILL");
    await free("token");
    await gone([guardian]);
    expect(script.output()).toBe("held\n");
  });
});

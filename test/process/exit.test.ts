import { afterAll, describe, expect, it } from "vitest";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { thisProcess } from "../../src/locks/shutdown/ending-process.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { run } from "../support/script.ts";

const emulator = await startEmulator();
const proxy = await FaultProxy.start(emulator);
afterAll(async () => {
  await proxy.close();
  await emulator.close();
});

/**
 * The timers of a lease of 60 s last 20 s and more; a process that has nothing to do is gone in less, on a slow machine
 * too.
 */
const SOON_MS = 15_000;
/** Says at the end how long it took from here to there. */
const DONE =
  `const done = performance.now(); process.on("exit", () => console.log("gone after", ` +
  "Math.round(performance.now() - done)));";

const goneAfter = (output: string): number => Number(/^gone after (\d+)$/m.exec(output)?.[1]);

describe.concurrent("a process", () => {
  it("that holds a lock and has nothing else to do exits", async () => {
    const script = run(
      emulator.connectionString,
      `await mutex.locker("held", { leaseSeconds: 60 }).lock(); await mutex.acquire("by-hand", ` +
        `"infinite"); console.log("held"); ${DONE}`,
    );
    const { code } = await script.ended;
    expect(script.output()).toMatch(/^held\ngone after \d+\n$/);
    expect(code).toBe(0);
    expect(goneAfter(script.output())).toBeLessThan(SOON_MS);
  });

  it("that released its lock has no timer, and nothing else of ours, left, and exits", async () => {
    const script = run(
      emulator.connectionString,
      `
      console.log(await mutex.locker("released", { leaseSeconds: 60 }).run(() => "done"));
      const left = process.getActiveResourcesInfo();
      console.log(left.filter((kind) => kind === "Timeout" || kind === "Immediate").length);
      ${DONE}
      `,
    );
    const { code } = await script.ended;
    expect(script.output()).toMatch(/^done\n0\ngone after \d+\n$/);
    expect(code).toBe(0);
    expect(goneAfter(script.output())).toBeLessThan(SOON_MS);
  });

  it("that waits for a lock stays until it has it, though it has nothing else to do", async () => {
    const holder = run(
      emulator.connectionString,
      `await mutex.locker("awaited", { leaseSeconds: 15 }).lock(); console.log("held"); ` +
        `process.kill(process.pid, "SIGKILL");`,
    );
    await holder.printed("held");
    const waiter = run(
      emulator.connectionString,
      `const lock = await mutex.locker("awaited").lock(); console.log("got it", lock.isHeld); await lock.release();`,
    );
    const { code } = await waiter.ended;
    expect(waiter.output()).toBe("got it true\n");
    expect(code).toBe(0);
  });

  it("that gave up on a service without answers exits soon after", async () => {
    proxy.hang("all");
    const script = run(
      proxy.connectionString,
      `
      const locker = mutex.locker("unreachable", { tryTimeoutMs: 300, unreachableAfterMs: 1000 });
      console.log(await locker.lock().catch((error) => error.code));
      ${DONE}
      `,
    );
    const { code } = await script.ended;
    expect(script.output()).toMatch(/^STORE_UNAVAILABLE\ngone after \d+\n$/);
    expect(code).toBe(0);
    expect(goneAfter(script.output())).toBeLessThan(SOON_MS);
  });

  it("whose lock is lost without a listener does not die of an unhandled rejection", async () => {
    const script = run(
      emulator.connectionString,
      `
      process.on("unhandledRejection", (reason) => console.log("unhandled", reason));
      const lock = await mutex.locker("lost", { leaseSeconds: 15, renewEveryMs: 300 }).lock();
      await mutex.break("lost", { periodSeconds: 0 });
      while (!lock.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
      await new Promise((resolve) => setTimeout(resolve, 500));
      console.log(lock.signal.reason.why, lock.isHeld);
      `,
    );
    expect(await script.ended).toMatchObject({ code: 0 });
    expect(script.output()).toBe("broken false\n");
  });
});

describe.concurrent("fencing tokens", () => {
  it("grow from process to process, one of them killed while it held the lock", async () => {
    const holding =
      `const lock = await mutex.locker("fenced", { leaseSeconds: 15 }).lock(); ` +
      `console.log("token", lock.fencingToken);`;
    const token = (output: string): number => Number(/token (\d+)/.exec(output)?.[1]);
    const first = run(emulator.connectionString, `${holding} await lock.release();`);
    await first.ended;
    const second = run(emulator.connectionString, `${holding} setInterval(() => undefined, 1000);`);
    await second.printed("token");
    second.child.kill("SIGKILL");
    expect(await second.ended).toMatchObject({ signal: "SIGKILL" });
    const third = run(emulator.connectionString, `${holding} await lock.release();`);
    await third.ended;
    expect(token(second.output())).toBeGreaterThan(token(first.output()));
    expect(token(third.output())).toBeGreaterThan(token(second.output()));
  });
});

describe("another process that is waited for", () => {
  it("gets nothing but its input, and ends in time", () => {
    const settings =
      "Object.keys(process.env).filter((name) => " +
      "!/^(SystemRoot|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|SSL_CERT_|DENO_CERT|DENO_TLS_|__CF)/.test(name))";
    const program =
      `process.stdin.on("data", (text) => { process.exitCode = Number(text) + process.argv.length ` +
      `+ ${settings}.length; });`;
    expect(thisProcess.runNode(program, "16", 60_000)).toBe(17);
    expect(thisProcess.runNode("setInterval(() => undefined, 1_000)", "", 300)).toBe(null);
  });

  it("is none where this one is a program with Node inside, which would start anew", () => {
    const { execPath } = process;
    try {
      process.execPath = "/opt/acme/server";
      expect(thisProcess.runNode("", "", 1_000)).toBe(null);
    } finally {
      process.execPath = execPath;
    }
  });
});

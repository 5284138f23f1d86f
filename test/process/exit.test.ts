import { afterAll, describe, expect, it } from "vitest";
import { startEmulator } from "../../src/testing/emulator.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { run } from "./script.ts";

const emulator = await startEmulator();
const proxy = await FaultProxy.start(emulator);
afterAll(async () => {
  await proxy.close();
  await emulator.close();
});

/** A process that stays for a lease's timers stays 10 s; one that has nothing to do is gone in less, on a slow machine too. */
const SOON_MS = 8_000;

describe("a process", () => {
  it("that holds a lock and has nothing else to do exits", async () => {
    const script = run(
      emulator.connectionString,
      `await mutex.locker("held").lock(); await mutex.acquire("by-hand", "infinite"); console.log("held");`,
    );
    const { code, ms } = await script.ended;
    expect(script.output()).toBe("held\n");
    expect(code).toBe(0);
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("that released its lock exits", async () => {
    const script = run(emulator.connectionString, `console.log(await mutex.locker("released").run(() => "done"));`);
    const { code, ms } = await script.ended;
    expect(script.output()).toBe("done\n");
    expect(code).toBe(0);
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("that released its lock has no timer, and nothing else of ours, left", async () => {
    const script = run(
      emulator.connectionString,
      `
      await mutex.locker("resources").run(() => undefined);
      const before = process.getActiveResourcesInfo();
      console.log(before.filter((kind) => kind === "Timeout" || kind === "Immediate").length);
      `,
    );
    await script.ended;
    expect(script.output()).toBe("0\n");
  });

  it("that waits for a lock stays until it has it, though it has nothing else to do", async () => {
    const holder = run(
      emulator.connectionString,
      `await mutex.locker("awaited", { leaseSeconds: 15 }).lock(); console.log("held"); process.kill(process.pid, "SIGKILL");`,
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
      `,
    );
    const { code, ms } = await script.ended;
    proxy.heal();
    expect(script.output()).toBe("STORE_UNAVAILABLE\n");
    expect(code).toBe(0);
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("whose lock is lost while nobody listens does not die of an unhandled rejection", async () => {
    const script = run(
      emulator.connectionString,
      `
      process.on("unhandledRejection", (reason) => console.log("unhandled", reason));
      const lock = await mutex.locker("lost", { leaseSeconds: 15, renewEveryMs: 300 }).lock();
      await mutex.break("lost", { periodSeconds: 0 });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      console.log(lock.signal.reason.why, lock.isHeld);
      `,
    );
    expect(await script.ended).toMatchObject({ code: 0 });
    expect(script.output()).toBe("broken false\n");
  });
});

describe("fencing tokens", () => {
  it("grow from process to process, one of them killed while it held the lock", async () => {
    const holding = `const lock = await mutex.locker("fenced", { leaseSeconds: 15 }).lock(); console.log("token", lock.fencingToken);`;
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

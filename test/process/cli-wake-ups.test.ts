import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, it, type TestContext } from "vitest";
import { FaultProxy } from "../../lab/shared/wire/fault-proxy.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { Cli } from "../support/cli.ts";
import { newDirectory } from "../support/state-place.ts";

const emulator = await startEmulator();
afterAll(() => emulator.close());

/** Longer than a waiter ever pauses that nothing wakes. */
const USUAL_POLL_MS = 1_500;

/** Commands on one account, and the directory where they meet. */
class Machine {
  readonly temporary: string;
  readonly key = crypto.randomUUID();
  readonly proxy: FaultProxy;
  readonly test: TestContext;

  private constructor(test: TestContext, proxy: FaultProxy) {
    this.test = test;
    this.temporary = newDirectory(test);
    this.proxy = proxy;
  }

  static async start(test: TestContext): Promise<Machine> {
    const proxy = await FaultProxy.start(emulator);
    test.onTestFinished(() => proxy.close());
    return new Machine(test, proxy);
  }

  cli(args: readonly string[], options: { env?: Record<string, string>; input?: "open" } = {}): Cli {
    const env = { AZURE_STORAGE_CONNECTION_STRING: this.proxy.connectionString, TMPDIR: this.temporary };
    return new Cli(this.test, args, { ...options, env: { ...env, ...options.env } });
  }

  /** The pids of those that listen. */
  get listening(): number[] {
    const [directory] = readdirSync(this.temporary);
    if (directory === undefined) return [];
    return readdirSync(join(this.temporary, directory)).map((id) => Number.parseInt(id, 10));
  }

  /** How many polls there were once none came for so long as no waiter pauses that nothing wakes. */
  async idlePolls(): Promise<number> {
    for (let polls = -1; polls !== this.proxy.count("acquire"); ) {
      polls = this.proxy.count("acquire");
      await new Promise((resolve) => setTimeout(resolve, USUAL_POLL_MS));
    }
    return this.proxy.count("acquire");
  }
}

describe.concurrent("commands on one machine", () => {
  it.for(["run", "elect"])(
    "tell each other of a release, by default, and leave nothing behind: %s",
    async (command, test) => {
      const machine = await Machine.start(test);
      const holder = machine.cli([command, machine.key, "--", "sh", "-c", "echo begun; read line"], { input: "open" });
      await holder.printed(/begun/);
      const waiter = machine.cli([command, machine.key, "--", "sh", "-c", "echo begun; exec sleep 0.1"]);
      await test.expect.poll(() => machine.listening.sort()).toEqual([holder.pid, waiter.pid].sort());
      const polls = await machine.idlePolls();
      holder.kill("SIGTERM");
      await waiter.printed(/begun/);
      test.expect(machine.proxy.count("acquire") - polls).toBeLessThanOrEqual(2);
      waiter.kill("SIGTERM");
      await Promise.all([holder.ended, waiter.ended]);
      await test.expect.poll(() => machine.listening).toEqual([]);
    },
  );

  it.for<[string, Record<string, string>]>([
    ["--wake-ups=off", {}],
    ["--quiet", { AZMUTEX_WAKE_UPS: "off" }],
  ])("say nothing to each other with %s and %o", async ([option, env], test) => {
    const machine = await Machine.start(test);
    const { code } = await machine.cli(["run", machine.key, option, "--", "true"], { env }).ended;
    test.expect(code).toBe(0);
    test.expect(readdirSync(machine.temporary)).toEqual([]);
  });

  it("cost the service the same requests on a free key, with and without", async (test) => {
    const machine = await Machine.start(test);
    const requests = async (...options: readonly string[]): Promise<string[]> => {
      machine.proxy.forgetRequests();
      const { code } = await machine.cli(["run", machine.key, "--try", ...options, "--", "true"]).ended;
      test.expect(code).toBe(0);
      return machine.proxy.requests.map(({ operation }) => operation);
    };
    await requests();
    test.expect(await requests()).toEqual(await requests("--wake-ups", "off"));
  });

  it("take local, off and addresses, and quote none, which may have a password in it", async (test) => {
    const machine = await Machine.start(test);
    const misused = async (args: readonly string[], env: Record<string, string>): Promise<string> => {
      const { code, err } = await machine.cli(["run", machine.key, ...args, "--", "true"], { env }).ended;
      test.expect(code).toBe(64);
      return err;
    };
    const values = "must be local, off or the address of a server: redis://, rediss://, postgres:// or nats://";
    const where = "--wake-ups must be an address without user and password; one with them goes into AZMUTEX_WAKE_UPS";
    const ends = [
      await misused(["--wake-ups", "amqp://user:password@host"], {}),
      await misused([], { AZMUTEX_WAKE_UPS: "redis:user:password@host" }),
      await misused(["--wake-ups", "redis://user:password@host"], {}),
      await misused(["--wake-ups", "postgres://host/?password=password"], {}),
    ];
    test
      .expect(ends)
      .toEqual(
        [`--wake-ups ${values}`, `AZMUTEX_WAKE_UPS ${values}`, where, where].map((line) => `azmutex: ${line}\n`),
      );
  });
});

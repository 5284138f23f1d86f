import { randomUUID } from "node:crypto";
import { afterAll, type TestContext } from "vitest";
import { gone, until, watchdogOf } from "../../../lab/shared/processes.ts";
import type { FaultProxy } from "../../../lab/shared/wire/fault-proxy.ts";
import { AzureMutex } from "../../../src/index.ts";
import { startEmulator } from "../../../src/testing/emulator.ts";
import { Cli } from "../../support/cli.ts";
import { ownTime } from "../../support/own-time.ts";

// In a thread of its own: it has to answer also while this one is busy.
export const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());

export const mutex = new AzureMutex({ connectionString: emulator.connectionString, containerName: "locks" });
/** The shortest there is. By default it is renewed every third, its margin is a sixth and the grace a third of it. */
export const LEASE_MS = 15_000;

/** Ends when it is asked to. */
export const OBEDIENT = `echo "child none"; trap 'echo term; exit 0' TERM; sleep 600 & echo "job $$"; wait`;
/**
 * Says that it was asked to end and goes on, and so does its child. What the shell says of the dead is not of interest.
 */
export const STUBBORN =
  `exec 2>/dev/null; sh -c 'trap "" TERM; echo "child $$"; sleep 600; ` +
  ":' & trap 'echo term' TERM; " +
  `echo "job $$"; while :; do sleep 0.3; done`;
/** Goes on until it is told that this was long enough. */
export const PATIENT = 'echo "child none"; echo "job $$"; read -r _; exit 6';

/** One run of a job that says who it is. */
export class Run {
  readonly cli: Cli;
  readonly key: string;
  readonly pids: readonly number[];
  readonly watchdog: number;
  /** Just before it was started: no lease of it began earlier. */
  readonly #startedAt: number;
  /** When the job was seen to run. */
  readonly #ranAt: number = ownTime.now();

  private constructor(cli: Cli, key: string, pids: readonly number[], watchdog: number, startedAt: number) {
    this.cli = cli;
    this.key = key;
    this.pids = pids;
    this.watchdog = watchdog;
    this.#startedAt = startedAt;
  }

  static async start(
    test: TestContext,
    script: string,
    {
      connectionString = emulator.connectionString,
      options = [],
    }: { connectionString?: string; options?: readonly string[] } = {},
  ): Promise<Run> {
    const key = randomUUID();
    const startedAt = performance.now();
    const cli = new Cli(test, ["run", "--lease", "15s", ...options, key, "--", "sh", "-c", script], {
      env: { AZURE_STORAGE_CONNECTION_STRING: connectionString },
      input: "open",
    });
    const [, job] = await cli.printed(/^job (\d+)$/m);
    const [, child] = await cli.printed(/^child (\w+)$/m);
    const pids = [job, child].filter((pid) => pid !== "none").map(Number);
    return new Run(cli, key, pids, await watchdogOf(cli.pid), startedAt);
  }

  /**
   * How much of a lease has gone by at most since it began, and how much, as far as this process was let run, since the
   * job was seen.
   */
  get leases(): { readonly most: number; readonly least: number } {
    return { most: (performance.now() - this.#startedAt) / LEASE_MS, least: (ownTime.now() - this.#ranAt) / LEASE_MS };
  }

  /**
   * Another one that waits for the same lock. It says as soon as it has it, and before that who of this one still runs.
   */
  another(test: TestContext): Cli {
    const look =
      `for pid in ${this.pids.join(" ")}; do grep -q '^State:.[^ZX]' /proc/$pid/status 2>/dev/null ` +
      `&& echo "$pid still runs"; done`;
    return new Cli(test, ["run", "--lease", "15s", this.key, "--", "sh", "-c", `${look}; echo in`], {
      env: { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString },
    });
  }

  async gone(): Promise<void> {
    await gone(this.pids);
  }

  /**
   * SIGTERM and SIGKILL came when they were due: when the grace began, and when it was over, before the lease could
   * end.
   */
  async expectStopInTime({ expect }: TestContext): Promise<string> {
    await this.cli.printed(/^term$/m);
    const term = this.leases;
    await this.gone();
    const kill = this.leases;
    // They are due 0.5 and 0.83 leases after the last renewal.
    expect(term.most).toBeGreaterThan(0.48);
    expect(term.least).toBeLessThan(0.75);
    expect(kill.most).toBeGreaterThan(0.81);
    expect(kill.least).toBeLessThan(1);
    return `SIGTERM after ${shown(term.least)}, dead after ${shown(kill.least)}`;
  }
}

/** Resolves when it is asked once more to renew, whatever comes of it. */
export async function renewed(proxy: FaultProxy): Promise<void> {
  const before = proxy.count("renew");
  await until(() => proxy.count("renew") > before, "the lease is renewed");
}

export const shown = (leases: number): string => `${leases.toFixed(3)} leases`;

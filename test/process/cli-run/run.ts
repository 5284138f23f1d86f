import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, type TestContext } from "vitest";
import { startEmulator } from "../../../src/testing/emulator.ts";
import { Cli, type CliOptions } from "../../support/cli.ts";

// In a thread of its own: it has to answer also while this one is busy.
export const emulator = await startEmulator({ ownClock: true });
export const folder = mkdtempSync(join(tmpdir(), "azmutex-run-"));
afterAll(async () => {
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

const STORAGE = { AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString };

export function start(test: TestContext, args: readonly string[], { env, ...options }: CliOptions = {}): Cli {
  return new Cli(test, args, { cwd: folder, env: { ...STORAGE, ...env }, ...options });
}

/** Runs a shell script under a lock of its own, or with the options and the key given. */
export function runShell(
  test: TestContext,
  script: string,
  { args = [randomUUID()], ...options }: CliOptions & { args?: readonly string[] } = {},
): Cli {
  return start(test, ["run", ...args, "--", "sh", "-c", script], options);
}

/** The command line that a shell gets as its arguments, as part of a script. */
export const inShell = (script: string): readonly string[] => ["sh", "-c", script, "sh", process.execPath];

/** A job that says who it is and stays. */
export const STAYS = 'echo "job $$"; exec sleep 600';

export async function jobOf(run: Cli): Promise<number> {
  const [, pid] = await run.printed(/^job (\d+)$/m);
  return Number(pid);
}

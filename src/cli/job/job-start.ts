import { spawn } from "node:child_process";
import { once } from "node:events";
import { CommandError, EXIT, shortageIn, signalled } from "../exit-codes.ts";
import { isInBackground } from "../terminal/foreground.ts";
import { STDIN } from "../terminal/streams.ts";
import { terminal } from "../terminal/terminal.ts";
import { isEnvironmentText, spawnWithBytes } from "./environment-bytes.ts";
import { MARK, withMark } from "./job-mark.ts";
import type { JobRoot } from "./job-members.ts";
import { processEntry } from "./process-table.ts";

export interface StartOptions {
  /** The command and its arguments. */
  readonly command: readonly string[];
  /** What is set in its environment, or unset. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A command that runs. */
export interface StartedJob {
  readonly root: JobRoot;
  /** Its exit code, or 128 and the number of the signal that ended it. */
  readonly exit: Promise<number>;
  /** Whether its standard input is a terminal. */
  readonly readsTerminal: boolean;
}

/** Starts it with this mark in its environment. Throws a {@link CommandError} if it could not be started. */
export async function startJob(
  { command: [file = "", ...args], env }: StartOptions,
  mark: string,
): Promise<StartedJob> {
  try {
    // A group of its own, so that its children are reached too; a terminal's signals come by way of us.
    const detached = process.platform !== "win32";
    const marks = withMark(process.env[MARK], mark);
    const added = { ...env, [MARK]: marks };
    // In the background it has no input, as in a shell without job control.
    const input = isInBackground(STDIN) ? "ignore" : "inherit";
    const stdio = [input, "inherit", "inherit"] as const;
    const readsTerminal = terminal.isInput && input === "inherit";
    const child = isEnvironmentText()
      ? spawn(file, args, { stdio: [...stdio], detached, env: { ...process.env, ...added } })
      : spawnWithBytes(file, args, { stdio, detached, added });
    const exit = new Promise<number>((resolve) => {
      child.on("exit", (code, signal) => resolve(signal ? signalled(signal) : (code ?? EXIT.internal)));
    });
    // A child that has died keeps its pid until this process has asked for its end, in a later turn.
    const { pid } = child;
    if (pid !== undefined) return { root: { pid, startedAt: startOf(pid) }, exit, readsTerminal };
    const [error] = await once(child, "error");
    throw error;
  } catch (error) {
    throw unstartable(file, error);
  }
}

/** Undefined where it cannot be read. The job runs by then: that it cannot be seen is no reason to give up the lock. */
function startOf(pid: number): number | undefined {
  try {
    return processEntry(pid)?.startedAt;
  } catch {
    return undefined;
  }
}

function unstartable(file: string, error: unknown): CommandError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || file === "")
    return new CommandError(`${JSON.stringify(file)}: command not found`, EXIT.notFound);
  const why = code === "EACCES" || code === "ENOEXEC" ? "not executable" : `could not be started: ${message}`;
  return new CommandError(`${JSON.stringify(file)}: ${why}`, shortageIn(error) ? EXIT.system : EXIT.notExecutable);
}

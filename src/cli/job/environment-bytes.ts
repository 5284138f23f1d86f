import { ChildProcess } from "node:child_process";
import { isLossy } from "../lossy-text.ts";

/** Whether Node has read all of the environment as it is. */
export function isEnvironmentText(): boolean {
  return process.platform === "win32" || !Object.entries(process.env).some((pair) => pair.some(isLossy));
}

/**
 * The call under `spawn` of `node:child_process`, which its types leave out: without `envPairs` the environment is
 * inherited as bytes.
 */
interface SpawnableProcess extends ChildProcess {
  spawn(options: { file: string; args: readonly string[]; stdio: Stdio; detached: boolean }): number;
}

/** What standard input, output and error are. */
export type Stdio = readonly ["inherit" | "ignore", "inherit", "inherit"];

export interface SpawnWithBytesOptions {
  readonly stdio: Stdio;
  readonly detached: boolean;
  /** The variables that are set beside the inherited ones, or unset. */
  readonly added: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts a process with this one's standard streams and environment. `spawn` writes each variable anew from text, which
 * changes bytes that are not UTF-8; here the process inherits them.
 */
export function spawnWithBytes(
  file: string,
  args: readonly string[],
  { stdio, detached, added }: SpawnWithBytesOptions,
): ChildProcess {
  const child = new (ChildProcess as unknown as new () => SpawnableProcess)();
  const names = Object.keys(added);
  const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  setAll(added);
  try {
    child.spawn({ file, args: [file, ...args], stdio, detached });
  } finally {
    setAll(before);
  }
  return child;
}

function setAll(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

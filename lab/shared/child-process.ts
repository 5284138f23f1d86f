import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** SIGKILL: no handler runs, nothing is said. Resolves when it is gone, whether it was killed or had ended before. */
export async function kill(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Rejects when it ends, and never resolves. To be asked for before it may have ended. */
export async function failure(child: ChildProcess, name: string): Promise<never> {
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  throw new Error(`${name} ended with ${signal ?? code}`);
}

/** What it says first. Rejects if it ends before. */
export async function firstMessage<T>(child: ChildProcess, name: string): Promise<T> {
  const [message] = (await Promise.race([once(child, "message"), failure(child, name)])) as [T];
  return message;
}

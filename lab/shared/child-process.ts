import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

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

/** What it has printed where errors go, whenever that is asked. */
export function complaintOf({ stderr }: ChildProcess): () => string {
  return printedOn(stderr);
}

/** What has come on all of these streams, whenever that is asked. */
export function printedOn(...streams: readonly (Readable | null)[]): () => string {
  let text = "";
  for (const stream of streams)
    stream?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
  return () => text.trim();
}

/** Resolves when it is gone, or could not be started, with how it ended in words. */
export function endOf(child: ChildProcess, name: string): Promise<string> {
  const complaint = complaintOf(child);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => {
      // Of an uncaught error, the line that says it: before it stands code.
      const why = /^\w*Error.*$/m.exec(complaint())?.[0] ?? complaint();
      resolve(`${name} ended with ${signal ?? code}: ${why}`);
    });
  });
}

/** What comes of it, or a rejection after so many milliseconds that says what did not happen. */
export async function within<T>(ms: number, ended: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise}, within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([ended, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

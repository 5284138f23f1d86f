import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";

/** A server of this machine that carries messages, on a free port of loopback. It can be killed and started again. */
export interface MessageServer extends AsyncDisposable {
  /** The address, with a password where there is one. */
  readonly url: string;
  /** Starts it at its port. Resolves once it can be connected to. */
  start(): Promise<void>;
  /** Ends it at once, with everything it had. */
  kill(): Promise<void>;
}

/** A folder in memory, where there is one. */
export const FOLDERS: string = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** No log of a mutex may have it. */
export const PASSWORD = "hunter2";

/** Where a program is. Throws where it is not, naming Debian's package that has it. */
export async function programOf(name: string): Promise<string> {
  const script = new URL("../../../scripts/message-servers.mjs", import.meta.url).href;
  return ((await import(script)) as { programOf(name: string): string }).programOf(name);
}

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Starts a program and waits for it to say that it is ready. It ends with this process. */
export async function started(
  program: string,
  args: readonly string[],
  ready: RegExp,
  options: SpawnOptions = {},
): Promise<ChildProcess> {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let said = "";
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (ready.test(said)) resolve();
      });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${program} does not start:\n${said}`)));
  });
  return child;
}

/** Sends it a signal. Resolves when it is gone. */
export async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
  children.delete(child);
}

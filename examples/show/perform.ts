import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";
import type { Show, Stage } from "./show.ts";

const COMMAND = fileURLToPath(new URL("dist/cli/main.js", import.meta.resolve("azmutex/package.json")));

const print = (who: string, line: string): void => console.log(`${who.padEnd(10)} | ${line}`);

/**
 * Plays it in a folder of its own, until it is over or the signal aborts, and resolves with its result. No process
 * outlives it.
 */
export async function perform({ play }: Show, connectionString: string, signal: AbortSignal): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "azmutex-example-"));
  const crew: Program[] = [];
  const kill = (): void => {
    for (const program of crew) program.kill("SIGKILL");
  };
  const start: Stage["start"] = (program, name, { args = [], env } = {}) => {
    signal.throwIfAborted();
    const file = program === "azmutex" ? COMMAND : fileURLToPath(new URL(`../${program}.js`, import.meta.url));
    const account = { AZURE_STORAGE_CONNECTION_STRING: connectionString, AZMUTEX_CONTAINER: "azmutex-examples" };
    const started = new Program(file, { name, args, env: { ...env, ...account }, onLine: (line) => print(name, line) });
    crew.push(started);
    return started;
  };
  signal.addEventListener("abort", kill);
  try {
    return await play({ folder, signal, start, say: (line) => print("", line) });
  } finally {
    kill();
    await Promise.all(crew.map(({ ended }) => ended));
    await rm(folder, { recursive: true, force: true });
  }
}

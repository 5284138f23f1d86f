import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { CLI } from "./cli.ts";
import type { Block } from "./documents.ts";
import { PROJECT } from "./sources.ts";

export interface Outcome {
  readonly code: number | null;
  /** Both streams. */
  readonly output: string;
}

/** Below the test's own, so that a child that hangs is reported with what it said. */
const TIMEOUT_MS = 240_000;

export function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd: string = PROJECT,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/**
 * Runs a block of shell commands, in an empty folder, where `azmutex` is the built command. It ends at the first one
 * that fails.
 */
export async function runCommands({ code }: Block, env: NodeJS.ProcessEnv): Promise<Outcome> {
  await using place = new Workplace();
  return await place.run(["sh", "-e", "-c", code], env);
}

/** A folder of its own, with programs of the test's beside the built command. */
export class Workplace {
  readonly folder: string = mkdtempSync(join(tmpdir(), "azmutex-commands-"));

  /** @param programs - Scripts of the shell by their names. */
  constructor(programs: Readonly<Record<string, string>> = {}) {
    mkdirSync(join(this.folder, "bin"));
    this.#add("bin/azmutex", `exec "${process.execPath}" "${CLI}" "$@"`);
    // The real one would look for the package in a registry.
    this.#add("bin/npx", '[ "$1" = azmutex ] && exec "$@"; echo "npx $1: not here" >&2; exit 127');
    for (const [name, script] of Object.entries(programs)) this.#add(name, script);
  }

  run([file = "", ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const path = { PATH: `${join(this.folder, "bin")}${delimiter}${process.env.PATH ?? ""}` };
    return run(file, args, { ...path, ...env }, this.folder);
  }

  /** A file that something in the folder wrote, or nothing. */
  read(name: string): string {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #add(name: string, script: string): void {
    writeFileSync(join(this.folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

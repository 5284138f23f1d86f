import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "vitest";
import { type End, Program, type ProgramOptions } from "../../examples/show/program.ts";
import type { Stage } from "../../examples/show/show.ts";
import { type Emulator, startEmulator } from "../../src/testing/emulator.ts";
import { CLI } from "./cli.ts";
import { ownTime } from "./own-time.ts";
import { PROJECT } from "./sources.ts";

const BUILD = join(PROJECT, "build/examples");
const LOOK_EVERY_MS = 50;
/** How long a program that is told to stop may take before it is killed. */
const PATIENCE_MS = 3_000;

/** Compiles the examples against the build in dist/, as `npm run example` does. */
export async function compileExamples(): Promise<void> {
  const compiler = spawn(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "examples"], {
    cwd: PROJECT,
    stdio: "inherit",
  });
  const [code] = await once(compiler, "close");
  if (code !== 0) throw new Error(`the examples do not compile: the compiler ended with ${code}`);
}

/**
 * Processes of the examples, with storage and a folder of their own. All of it is gone when the test is, however that
 * ended.
 */
export class ExampleRun implements Stage {
  readonly folder: string = mkdtempSync(join(tmpdir(), "azmutex-example-test-"));
  readonly emulator: Emulator;
  readonly signal: AbortSignal;
  readonly programs: Program[] = [];
  /** With its `ownTime`. */
  readonly said: { readonly line: string; readonly at: number }[] = [];

  private constructor(emulator: Emulator, signal: AbortSignal) {
    this.emulator = emulator;
    this.signal = signal;
  }

  static async open({ signal, onTestFailed, onTestFinished }: TestContext): Promise<ExampleRun> {
    const run = new ExampleRun(await startEmulator(), signal);
    onTestFinished(() => run.#close());
    onTestFailed(() => {
      for (const { name, output } of run.programs) console.error(output.replace(/^/gm, `${name} | `));
    });
    return run;
  }

  /** A file in the folder. */
  path(name: string): string {
    return join(this.folder, name);
  }

  readonly say = (line: string): void => {
    this.said.push({ line, at: ownTime.now() });
  };

  readonly start = (
    program: string,
    name = program,
    { args = [], env }: Pick<ProgramOptions, "args" | "env"> = {},
  ): Program => {
    const { connectionString } = this.emulator;
    const account = { AZURE_STORAGE_CONNECTION_STRING: connectionString, AZMUTEX_CONTAINER: "azmutex-examples" };
    const file = program === "azmutex" ? CLI : join(BUILD, `${program}.js`);
    const started = new Program(file, { name, args, env: { ...account, ...env } });
    this.programs.push(started);
    return started;
  };

  async #close(): Promise<void> {
    // `npm run example` has processes of its own to end. A process that is stopped does not hear of it.
    for (const program of this.programs) program.kill("SIGTERM");
    const allEnded = Promise.all(this.programs.map(({ ended }) => ended));
    const patience = new AbortController();
    await Promise.race([allEnded, sleep(PATIENCE_MS, undefined, { signal: patience.signal })]);
    patience.abort();
    for (const program of this.programs) program.kill("SIGKILL");
    await allEnded;
    await this.emulator.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How they ended, in their order. */
export async function endsOf(programs: readonly Program[]): Promise<(End["code"] | End["signal"])[]> {
  const ends = await Promise.all(programs.map(({ ended }) => ended));
  return ends.map(({ code, signal }) => signal ?? code);
}

/** All they printed of this kind: one program's lines after the other's. */
export function linesOf(programs: readonly Program[], pattern: RegExp): string[] {
  return programs.flatMap(({ lines }) => lines.filter((line) => pattern.test(line)));
}

/** Looks again and again until it is so. */
export async function until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
  while (!isSo()) await sleep(LOOK_EVERY_MS, undefined, { signal });
}

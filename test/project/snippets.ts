import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { CLI } from "../support/cli.ts";
import { PROJECT } from "../support/sources.ts";
import type { Block, Document } from "./documents.ts";

export interface Outcome {
  readonly code: number | null;
  /** Both streams. */
  readonly output: string;
}

export interface Compiled {
  /** Errors of the compiler, with the lines of the documents: `README.md:42: error TS2304: …`. */
  readonly errors: readonly string[];
  run(document: Document, block: Block, env: NodeJS.ProcessEnv): Promise<Outcome>;
}

/** What snippets have besides the prelude. */
interface Given {
  /** Declarations of globals. */
  readonly declarations?: string;
  /** Imports, in one line. */
  readonly imports?: string;
}

/** Below the test's own, so that a child that hangs is reported with what it said. */
const TIMEOUT_MS = 240_000;

function run(
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

const moduleName = (document: Document, block: Block): string => `${document.path}/line-${block.line}`;

/**
 * Compiles every `ts` block of the documents as a module of its own, against the build in dist/: `import "azmutex"` is
 * what a user would get. Names that a snippet takes for granted stand in snippets-prelude.d.ts.
 */
export async function compileSnippets(
  folder: string,
  documents: readonly Document[],
  given: Given = {},
): Promise<Compiled> {
  const root = join(PROJECT, "build", folder);
  rmSync(root, { recursive: true, force: true });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write(
    "tsconfig.json",
    JSON.stringify({
      extends: "../../tsconfig.json",
      include: ["in"],
      compilerOptions: { noEmit: false, declaration: false, rootDir: "in", outDir: "out" },
    }),
  );
  mkdirSync(join(root, "in"));
  cpSync(join(PROJECT, "test/project/snippets-prelude.d.ts"), join(root, "in/prelude.d.ts"));
  write("in/given.d.ts", given.declarations ?? "");
  for (const document of documents) {
    for (const block of document.blocks.filter(({ language }) => language === "ts")) {
      // The blank lines make the compiler's line numbers those of the document.
      const text = `${"\n".repeat(block.line - 1)}${given.imports ?? ""}${block.code}\nexport {};\n`;
      write(`in/${moduleName(document, block)}.ts`, text);
    }
  }

  const { code, output } = await run(process.execPath, [
    "node_modules/typescript/bin/tsc",
    "--pretty",
    "false",
    "-p",
    join("build", folder),
  ]);
  const errors = output.split("\n").filter((line) => /error TS\d+/.test(line));
  if (code !== 0 && errors.length === 0) throw new Error(`the compiler failed: ${output}`);
  return {
    errors: errors.map((line) => line.replace(/^\S*?\/in\/(.+)\/line-\d+\.ts\((\d+),\d+\)/, "$1:$2")),
    run: (document, block, env) => run(process.execPath, [join(root, "out", `${moduleName(document, block)}.js`)], env),
  };
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

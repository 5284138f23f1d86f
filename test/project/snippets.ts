import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Block, Document } from "../support/documents.ts";
import { PROJECT } from "../support/sources.ts";
import { type Outcome, run } from "../support/workplace.ts";

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

const moduleName = (document: Pick<Document, "path">, block: Block): string => `${document.path}/line-${block.line}`;

/**
 * Compiles every `ts` block of the documents as a module of its own, against the build in dist/: `import "azmutex"` is
 * what a user would get. Names that a snippet takes for granted stand in snippets-prelude.d.ts.
 */
export async function compileSnippets(
  folder: string,
  documents: readonly Pick<Document, "path" | "blocks">[],
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

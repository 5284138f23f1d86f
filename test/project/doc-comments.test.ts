import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import * as library from "../../src/index.ts";
import * as testing from "../../src/testing/index.ts";
import { PROJECT, readSources } from "../support/sources.ts";
import { type Document, parseDocument } from "./documents.ts";
import { type Compiled, compileSnippets } from "./snippets.ts";

/** Examples import nothing of ours, so that they are short. */
const IMPORTS = [
  `import { ${Object.keys(library).join(", ")} } from "azmutex";`,
  `import { ${Object.keys(testing).join(", ")} } from "azmutex/testing";`,
].join(" ");

/** What examples take for granted, beside the prelude of all snippets. */
const DECLARATIONS = `
declare const mutex: import("azmutex").AzureMutex;
declare const blob: import("@azure/storage-blob").BlockBlobClient;
declare const body: string;
declare const database: { query(statement: string, values: readonly unknown[]): Promise<unknown> };
declare const setup: Parameters<typeof import("azmutex/testing").describeLeaseStore>[1];
`;

/** The text of a file's doc comments, each line where it stands in the file. */
function commentsOf(code: string): string {
  const isDoc = /\/\*\*[\s\S]*?\*\//g;
  const lines = code.replace(/[^\n]/g, " ").split("\n");
  for (const { 0: comment, index } of code.matchAll(isDoc)) {
    const first = code.slice(0, index).split("\n").length - 1;
    for (const [offset, line] of comment.split("\n").entries())
      lines[first + offset] = line.replace(/^\s*(?:\/\*\*|\*\/|\* ?)/, "");
  }
  return lines.join("\n");
}

const documents: readonly Document[] = readSources().map(({ path }) =>
  parseDocument(`src/${path}`, commentsOf(readFileSync(join(PROJECT, "src", path), "utf8"))),
);

/** The options in a file's exported interfaces of options, each with its doc comment. */
function optionsIn(code: string): { readonly name: string; readonly comment: string }[] {
  return [...code.matchAll(/^export interface (\w*Options)\b[^{]*\{\n([\s\S]*?)^\}/gm)].flatMap(
    ([, owner, body = ""]) =>
      [...body.matchAll(/^ {2}(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+)?(?:readonly )?(\w+)\?:/gm)].map(
        ([, comment = "", name]) => ({
          name: `${owner}.${name}`,
          comment,
        }),
      ),
  );
}

describe("the doc comments of options", () => {
  const reports = readdirSync(join(PROJECT, "docs/api")).map((file) =>
    readFileSync(join(PROJECT, "docs/api", file), "utf8"),
  );
  const isPublic = ({ name }: { name: string }): boolean =>
    reports.some((report) => report.includes(`interface ${name.split(".")[0]} `));
  const options = readSources()
    .flatMap(({ path }) => optionsIn(readFileSync(join(PROJECT, "src", path), "utf8")))
    .filter(isPublic);

  it("state the default of each that may be left out", () => {
    expect(options.length).toBeGreaterThan(50);
    expect(options.filter(({ comment }) => !comment.includes("Default:")).map(({ name }) => name)).toEqual([]);
  });

  it("state the unit of each that is a time", () => {
    const units = { Ms: "milliseconds", Seconds: "second" };
    for (const [suffix, unit] of Object.entries(units)) {
      const times = options.filter(({ name }) => name.endsWith(suffix));
      expect(
        times.filter(({ comment }) => !comment.replace(/\s*\*?\s+/g, " ").includes(unit)).map(({ name }) => name),
      ).toEqual([]);
    }
  });

  it("are found with their options", () => {
    const code =
      "export interface AOptions extends B {\n  a: 1;\n  /** A. Default: 1. */\n  readonly b?: 2;\n  c?: 3;\n}\n";
    expect(optionsIn(code)).toEqual([
      { name: "AOptions.b", comment: " A. Default: 1. " },
      { name: "AOptions.c", comment: "" },
    ]);
  });
});

describe("the examples in doc comments", () => {
  let compiled: Compiled;

  beforeAll(async () => {
    compiled = await compileSnippets("doc-comments", documents, { declarations: DECLARATIONS, imports: IMPORTS });
  });

  it("compile against the build", () => {
    expect(compiled.errors).toEqual([]);
  });

  it("are there for what a program begins with", () => {
    const blocks = documents.flatMap(({ path, blocks: all }) =>
      all.filter(({ language }) => language === "ts").map(() => path),
    );
    const files = [
      "src/locks/azure-mutex.ts",
      "src/locks/locker.ts",
      "src/errors.ts",
      "src/locks/shutdown.ts",
      "src/recipes/lock-all.ts",
      "src/recipes/election/leader-election.ts",
      "src/recipes/reader-writer/reader-writer-lock.ts",
      "src/recipes/semaphore/semaphore.ts",
      "src/testing/describe-lease-store.ts",
      "src/testing/fake-clock.ts",
      "src/testing/faulty-lease-store.ts",
    ];
    expect(files.filter((file) => !blocks.includes(file))).toEqual([]);
  });

  it("are found where they stand, and a wrong one is told by its line", async () => {
    const wrong = parseDocument(
      "src/wrong.ts",
      commentsOf("const a = 1;\n/**\n * Text.\n *\n * ```ts\n * mutex.lock();\n * ```\n */\nconst b = 2;\n"),
    );
    const { errors } = await compileSnippets("doc-comments-wrong", [wrong], {
      declarations: DECLARATIONS,
      imports: IMPORTS,
    });
    expect(errors).toEqual([expect.stringMatching(/^src\/wrong\.ts:6: error TS2339: Property 'lock' does not exist/)]);
  });
});

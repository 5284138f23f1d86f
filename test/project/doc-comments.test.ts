import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import * as library from "../../src/index.ts";
import * as testing from "../../src/testing/index.ts";
import * as wakeUps from "../../src/waiting/wake-ups/adapters/index.ts";
import { type Document, parseDocument } from "../support/documents.ts";
import { PROJECT, readSources } from "../support/sources.ts";
import { type Compiled, compileSnippets } from "./snippets.ts";

/** Examples import nothing of ours, so that they are short. */
const IMPORTS = [
  `import { ${Object.keys(library).join(", ")} } from "azmutex";`,
  `import { ${Object.keys(testing).join(", ")} } from "azmutex/testing";`,
  `import { ${Object.keys(wakeUps).join(", ")} } from "azmutex/wake-ups";`,
  // The clients of which they are made.
  'import { connect } from "@nats-io/transport-node";',
  'import { Redis } from "ioredis";',
  'import pg from "pg";',
  'import { createClient } from "redis";',
].join(" ");

/** What examples take for granted, beside the prelude of all snippets. */
const DECLARATIONS = `
declare const mutex: import("azmutex").AzureMutex;
declare const blob: import("@azure/storage-blob").BlockBlobClient;
declare const body: string;
declare const database: { query(statement: string, values: readonly unknown[]): Promise<unknown> };
declare const postgresUrl: string;
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

describe("the examples in doc comments", () => {
  let compiled: Compiled;

  beforeAll(async () => {
    compiled = await compileSnippets("doc-comments", documents, { declarations: DECLARATIONS, imports: IMPORTS });
  });

  it("compile against the build", () => {
    expect(compiled.errors).toEqual([]);
  });
});

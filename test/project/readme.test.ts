import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { startEmulator } from "../../src/testing/emulator.ts";
import { type Document, parseDocument, readDocuments } from "../support/documents.ts";
import { PROJECT } from "../support/sources.ts";
import { runCommands } from "../support/workplace.ts";
import { compileSnippets } from "./snippets.ts";

const SCRIPTS: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(PROJECT, "package.json"), "utf8"),
).scripts;

function deadLinks(documents: readonly Document[]): string[] {
  return documents.flatMap(({ path, links }) =>
    links
      .filter(({ target }) => {
        const [file = "", anchor] = decodeURI(target).split("#");
        const page = file === "" ? path : posix.normalize(posix.join(posix.dirname(path), file));
        if (page !== path && (page.startsWith("..") || !existsSync(join(PROJECT, page)))) return true;
        return anchor !== undefined && !documents.find((other) => other.path === page)?.anchors.has(anchor);
      })
      .map(({ target, line }) => `${path}:${line}: ${target}`),
  );
}

const unknownScripts = (documents: readonly Document[]): string[] =>
  documents.flatMap(({ path, scripts }) =>
    scripts.filter(({ name }) => !(name in SCRIPTS)).map(({ name, line }) => `${path}:${line}: npm run ${name}`),
  );

/** Folders in a container, and what stands for one. */
const NO_PATHS = new Set([".azmutex/", ".azmutex/doctor/", "a/"]);

/** Of the project, of its sources, or beside the page. */
const missingPaths = (documents: readonly Document[]): string[] =>
  documents.flatMap(({ path, paths }) =>
    paths
      .filter(({ name }) => !NO_PATHS.has(name) && !["", "src", posix.dirname(path)].some((base) => isPath(base, name)))
      .map(({ name, line }) => `${path}:${line}: ${name}`),
  );

function isPath(base: string, pattern: string): boolean {
  const folder = join(PROJECT, base, posix.dirname(pattern));
  const [start = "", ...rest] = posix.basename(pattern).split("*");
  const end = rest.at(-1);
  if (end === undefined) return existsSync(join(folder, start));
  return existsSync(folder) && readdirSync(folder).some((file) => file.startsWith(start) && file.endsWith(end));
}

describe("the documents", () => {
  const documents = readDocuments(PROJECT);
  const readme = documents.find(({ path }) => path === "README.md");
  const compiling = compileSnippets("snippets", documents);

  it("show code that compiles against the build", async () => {
    expect((await compiling).errors).toEqual([]);
  });

  it("show code that runs, against the emulator", async () => {
    const compiled = await compiling;
    await using emulator = await startEmulator();
    for (const document of documents) {
      for (const block of document.blocks.filter(({ executed, language }) => executed && language === "ts")) {
        const { code, output } = await compiled.run(document, block, {
          AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString,
        });
        expect(code, `${document.path}:${block.line} ended with ${code}:\n${output}`).toBe(0);
      }
    }
  });

  it("show commands that run, against the emulator", async () => {
    await using emulator = await startEmulator();
    for (const { path, blocks } of documents) {
      for (const block of blocks.filter(({ executed, language }) => executed && language === "sh")) {
        const { code, output } = await runCommands(block, {
          AZURE_STORAGE_CONNECTION_STRING: emulator.connectionString,
        });
        expect(code, `${path}:${block.line} ended with ${code}:\n${output}`).toBe(0);
      }
    }
  });

  it.each([
    ["docs/kubernetes.md", "leader"],
    ["docs/node-cron.md", "cron"],
  ])("show an example as it is, which the tests run: %s, %s.ts", (page, name) => {
    const program = readFileSync(join(PROJECT, `examples/${name}.ts`), "utf8")
      .replace(/^(?:\/\/.*\n)+/, "")
      .replaceAll('"azmutex-examples"', '"locks"')
      .trimEnd();
    expect(documents.find(({ path }) => path === page)?.blocks.map(({ code }) => code)).toContain(program);
  });

  it("have an index of the examples, with a transcript of each", () => {
    const index = readFileSync(join(PROJECT, "examples/README.md"), "utf8");
    const programs = readdirSync(join(PROJECT, "examples")).flatMap(
      (file) => /^(?!run\.ts)(.+)\.ts$/.exec(file)?.[1] ?? [],
    );
    expect(programs.length).toBeGreaterThan(8);
    for (const name of programs) {
      expect(index).toContain(`](${name}.ts)`);
      expect(index).toContain(`](transcripts/${name}.txt)`);
    }
  });

  it("have an index of the folder docs, with every page in it", () => {
    const index = documents.find(({ path }) => path === "docs/README.md");
    const linked = new Set(index?.links.map(({ target }) => posix.join("docs", target.split("#")[0] ?? "")));
    const pages = documents
      .map(({ path }) => path)
      .filter((path) => /^docs\/[\w-]+\.md$/.test(path) && path !== index?.path);
    expect(pages.length).toBeGreaterThan(20);
    expect(pages.filter((path) => !linked.has(path))).toEqual([]);
    expect(readme?.links.map(({ target }) => target)).toContain("docs/README.md");
  });

  it("have an index of the decisions, with at most 20 records, all in it, and every number explained", () => {
    const index = readFileSync(join(PROJECT, "docs/adr/README.md"), "utf8");
    const records = documents.map(({ path }) => /^docs\/adr\/(\d{4}-.*)$/.exec(path)?.[1] ?? "").filter(Boolean);
    expect(records.filter((record) => record !== "README.md").length).toBeLessThanOrEqual(20);
    expect(records.filter((record) => !index.includes(`](${record})`))).toEqual([]);
    const [tables = "", unused = ""] = index.split("## Numbers without a record");
    const numbers = new Set([...(tables.match(/(?<=^\| )\d+/gm) ?? []), ...(unused.match(/\d+/g) ?? [])].map(Number));
    expect(Array.from({ length: 90 }, (_, at) => at + 1).filter((number) => !numbers.has(number))).toEqual([]);
  });

  it("link to files and headings that exist", () => {
    expect(deadLinks(documents)).toEqual([]);
  });

  it("name npm scripts that exist", () => {
    expect(unknownScripts(documents)).toEqual([]);
  });

  it("name files and folders that exist", () => {
    expect(missingPaths(documents)).toEqual([]);
  });
});

describe("the front page", () => {
  const text = readFileSync(join(PROJECT, "README.md"), "utf8");
  const cellsOf = (row: string): string[] => row.split(" | ").map((cell) => cell.replace(/^\| |\*\*| \|$/g, ""));

  it("is read in a few minutes", () => {
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(120);
    expect(text.match(/\S+/g)?.length).toBeLessThanOrEqual(1_100);
  });

  it("says of faults what was measured last", () => {
    const measured = readFileSync(join(PROJECT, "docs/faults.md"), "utf8").split("\n").map(cellsOf);
    const rows = text.slice(text.indexOf("\n| fault |")).trimStart().split("\n\n")[0]?.split("\n") ?? [];
    const [heads = [], , ...faults] = rows.map(cellsOf);
    expect(measured).toContainEqual(heads);
    expect(faults).toHaveLength(5);
    for (const [fault = "", ...cells] of faults) {
      const all = measured.find(([name]) => name === fault) ?? [];
      expect(cells).toHaveLength(all.length - 1);
      for (const [at, cell] of cells.entries()) {
        for (const part of cell.split("; ")) expect(all[at + 1], fault).toContain(part);
      }
    }
  });

  it("counts the dependencies", () => {
    const { dependencies } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
    expect(text).toContain(`${Object.keys(dependencies).length} dependencies`);
  });
});

describe("the check of the documents itself", () => {
  const FENCE = "```";
  const document = parseDocument(
    "README.md",
    `# Title

## Two \`words\`, [linked](#title)

[fine](#two-words-linked) [dead](#nowhere) [gone](missing.md) [site](https://example.com) \`[not](a-link)\`

<!-- executed -->
${FENCE}ts
import { MemoryLeaseStore } from "azmutex/testing";
console.log(new MemoryLeaseStore() instanceof MemoryLeaseStore, process.env.GREETING);
${FENCE}

${FENCE}ts
await migrate(1);
const n: string = connectionString;
nonsense();
${FENCE}

${FENCE}sh
npm run check
npm run no-such-script
${FENCE}

In \`lease/\`, \`test/project/*.test.ts\`, \`test/project/*-no.test.ts\` and \`lease/gone.ts\`.
`,
  );

  it("reports the compiler's errors by the document's lines, and runs what it is asked to", async () => {
    const { errors, run } = await compileSnippets("snippets-self-test", [document]);
    expect(errors).toEqual([
      expect.stringMatching(/^README\.md:14: error TS2345/),
      expect.stringMatching(/^README\.md:16: error TS2304: Cannot find name 'nonsense'/),
    ]);
    const [executed, broken] = document.blocks;
    if (!executed || !broken) throw new Error("the sample has two blocks of code");
    expect(await run(document, executed, { GREETING: "hello" })).toEqual({ code: 0, output: "true hello\n" });
    expect(await run(document, broken, {})).toMatchObject({
      code: 1,
      output: expect.stringContaining("ReferenceError"),
    });
  });

  it("finds dead links, unknown scripts and missing files", () => {
    expect(deadLinks([document])).toEqual(["README.md:5: #nowhere", "README.md:5: missing.md"]);
    expect(unknownScripts([document])).toEqual(["README.md:21: npm run no-such-script"]);
    expect(missingPaths([document])).toEqual([
      "README.md:24: test/project/*-no.test.ts",
      "README.md:24: lease/gone.ts",
    ]);
  });
});

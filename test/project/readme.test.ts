import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { helpersOf } from "../../src/blobs/helper-folder.ts";
import { slotName } from "../../src/blobs/permit-slot.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { PROJECT } from "../support/sources.ts";
import { type Document, parseDocument, readDocuments } from "./documents.ts";
import { type Compiled, compileSnippets, runCommands } from "./snippets.ts";

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

/** Named as what defends a promise, say. */
const missingTests = (documents: readonly Document[]): string[] =>
  documents.flatMap(({ path, tests }) =>
    tests.filter(({ name }) => !isFile(name)).map(({ name, line }) => `${path}:${line}: ${name}`),
  );

function isFile(pattern: string): boolean {
  const folder = join(PROJECT, posix.dirname(pattern));
  const [start = "", ...rest] = posix.basename(pattern).split("*");
  const end = rest.at(-1);
  if (end === undefined) return existsSync(join(folder, start));
  return existsSync(folder) && readdirSync(folder).some((file) => file.startsWith(start) && file.endsWith(end));
}

describe("the documents", () => {
  const documents = readDocuments(PROJECT);
  const readme = documents.find(({ path }) => path === "README.md");
  let compiled: Compiled;

  beforeAll(async () => {
    compiled = await compileSnippets("snippets", documents);
  });

  it("have a README with code in it, some of it to be run", () => {
    const code = readme?.blocks.filter(({ language }) => language === "ts") ?? [];
    expect(code.length).toBeGreaterThan(0);
    expect(code.filter(({ executed }) => executed).length).toBeGreaterThan(0);
  });

  it("spell the language of a TypeScript block so that it is checked", () => {
    const unchecked = documents.flatMap(({ path, blocks }) =>
      blocks
        .filter(({ language }) => /^(?:typescript|tsx|mts|js|javascript)$/i.test(language))
        .map(({ line }) => `${path}:${line}`),
    );
    expect(unchecked).toEqual([]);
  });

  it("show code that compiles against the build", () => {
    expect(compiled.errors).toEqual([]);
  });

  it("show code that runs, against the emulator", async () => {
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

  it("run what they say is run: no other language is", () => {
    const others = documents.flatMap(({ path, blocks }) =>
      blocks
        .filter(({ executed, language }) => executed && language !== "ts" && language !== "sh")
        .map(({ language, line }) => `${path}:${line}: ${language}`),
    );
    expect(others).toEqual([]);
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

  it("link to files and headings that exist", () => {
    expect(deadLinks(documents)).toEqual([]);
  });

  it("name source files that exist, where they say how it is made", () => {
    const text = readFileSync(join(PROJECT, "docs/architecture.md"), "utf8");
    const named = [...text.matchAll(/`((?:lease|waiting|recipes|cli|testing)\/[\w/-]*(?:\.ts)?|[\w-]+\.ts)`/g)].map(
      ([, path = ""]) => path,
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((path) => !existsSync(join(PROJECT, "src", path)))).toEqual([]);
  });

  it("name npm scripts that exist", () => {
    expect(unknownScripts(documents)).toEqual([]);
  });

  it("name tests that exist", () => {
    expect(missingTests(documents)).toEqual([]);
  });
});

/** Programs of others, which need what no test has: an account, a package manager, half an hour. */
const FOREIGN = /^(?:az |docker run |apt-get install |npm (?:ci|install|test|init)\b|mkdir |export |cd )/;
/** Ours, or what a test runs under another name. */
const OURS = /^(?:npx azurite-blob |node build\/examples\/|(?:[A-Z]+=\S+ )?np(?:m run|x vitest run) |bash \.ci\/run)/;

/** The commands of a block, those joined by `&&` apart, comments and continued lines put aside. */
const commandsIn = (code: string): string[] =>
  code
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .flatMap((line) => line.replace(/(?:^|\s)#.*$/, "").split(" && "))
    .map((command) => command.trim())
    .filter((command) => command !== "");

/** What is not run, not checked, and not said to be neither. */
const uncheckedCommands = (documents: readonly Document[]): string[] =>
  documents.flatMap(({ path, blocks }) =>
    blocks
      .filter(({ language, executed }) => language === "sh" && !executed)
      .flatMap(({ code, line }) => commandsIn(code).map((command) => ({ command, where: `${path}:${line}` })))
      .filter(({ command }) => !/\bazmutex\b/.test(command) && !FOREIGN.test(command) && !OURS.test(command))
      .map(({ command, where }) => `${where}: ${command}`),
  );

/** Programs of the examples that there are. */
const missingPrograms = (documents: readonly Document[]): string[] =>
  documents.flatMap(({ path, blocks }) =>
    blocks.flatMap(({ code }) =>
      [...code.matchAll(/\bbuild\/examples\/([\w-]+)\.js/g)].flatMap(([, name = ""]) =>
        existsSync(join(PROJECT, "examples", `${name}.ts`)) ? [] : `${path}: ${name}`,
      ),
    ),
  );

describe("the commands of the documents", () => {
  const documents = readDocuments(PROJECT);

  it("are run, are held against the command's table, or are of another program", () => {
    expect(uncheckedCommands(documents)).toEqual([]);
    expect(missingPrograms(documents)).toEqual([]);
  });

  it("name the examples that there are", () => {
    const shows = documents.flatMap(({ path, blocks }) =>
      blocks.flatMap(({ code }) =>
        [...code.matchAll(/npm run example -- ([\w-]+)/g)].map(([, name = ""]) => ({ path, name })),
      ),
    );
    expect(shows.length).toBeGreaterThan(0);
    expect(shows.filter(({ name }) => !existsSync(join(PROJECT, "examples/show", `${name}.ts`)))).toEqual([]);
  });

  it("find the slots of a semaphore where they are", () => {
    const [, key = "", folder = ""] =
      /slots=\.azmutex\/\$\(printf %s ([\w-]+) \| sha256sum \| cut -d ' ' -f 1\)\/(\w+\/)/.exec(
        readFileSync(join(PROJECT, "docs/semaphore.md"), "utf8"),
      ) ?? [];
    const slots = `.azmutex/${createHash("sha256").update(key).digest("hex")}/${folder}`;
    expect(slotName(helpersOf(key), 3).startsWith(slots)).toBe(true);
  });

  it("that are none of these are seen", () => {
    const fence = "```";
    const page = (code: string): Document[] => [parseDocument("a.md", `${fence}sh\n${code}\n${fence}`)];
    expect(uncheckedCommands(page("az login && frobnicate --all # azmutex\nazmutex ls\nnpm run check"))).toEqual([
      "a.md:2: frobnicate --all",
    ]);
    expect(missingPrograms(page("node build/examples/nonesuch.js"))).toEqual(["a.md: nonesuch"]);
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

Defended by \`test/project/readme.test.ts\`, \`test/project/*.test.ts\`, \`test/project/*-no.test.ts\` and \`test/no/such.test.ts\`.
`,
  );

  it("reads code blocks with their lines", () => {
    expect(document.blocks.map(({ language, line, executed }) => ({ language, line, executed }))).toEqual([
      { language: "ts", line: 9, executed: true },
      { language: "ts", line: 14, executed: false },
      { language: "sh", line: 20, executed: false },
    ]);
  });

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

  it("runs commands until one fails, and finds the built one among them", async () => {
    const block = (code: string) => ({ language: "sh", code, line: 1, executed: true });
    expect(await runCommands(block("azmutex --version; echo $GREETING"), { GREETING: "hello" })).toEqual({
      code: 0,
      output: expect.stringMatching(/^\d+\.\d+\.\d+\S*\nhello\n$/),
    });
    expect(await runCommands(block("false\necho no"), {})).toEqual({ code: 1, output: "" });
  });

  it("finds dead links, unknown scripts and missing tests", () => {
    expect(deadLinks([document])).toEqual(["README.md:5: #nowhere", "README.md:5: missing.md"]);
    expect(unknownScripts([document])).toEqual(["README.md:21: npm run no-such-script"]);
    expect(missingTests([document])).toEqual([
      "README.md:24: test/project/*-no.test.ts",
      "README.md:24: test/no/such.test.ts",
    ]);
  });

  it("refuses a block that is not closed", () => {
    expect(() => parseDocument("README.md", `${FENCE}ts\n1;`)).toThrow("not closed");
  });
});

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, readSources } from "../support/sources.ts";
import { readDocuments } from "./documents.ts";

const sources = readSources();

/** Every class and interface of the sources, with its code; of two that bear one name, both. */
const declared = new Map<string, string>();
for (const { code } of sources) {
  for (const [body, name = ""] of code.matchAll(
    /^(?:export )?(?:abstract )?(?:class|interface) ([A-Z]\w*)[\s\S]*?^\}/gm,
  )) {
    declared.set(name, `${declared.get(name) ?? ""}\n${body}`);
  }
}

const MEMBER = /^([A-Z]\w*)\.(#?\w+)(?:\(.*\))?$/;
const PATH = /^(?:[\w.-]+\/)+(?:[\w.-]+\.(?:ts|mjs|md|json|yml))?$/;
/** Folders in a container, and what stands for one. */
const NO_PATHS = new Set([".azmutex/", "a/"]);

/** Whether a class has a member of its own, or one from what it extends. */
function isMember(code: string, name: string): boolean {
  const member = new RegExp(
    `^\\s+(?:(?:readonly|static|async|get|set|override|declare|abstract) |\\*)*${name}\\b\\??[(<:=;]`,
    "m",
  );
  const base = declared.get(/^[^{]*\bextends (\w+)/.exec(code.trimStart())?.[1] ?? "");
  return member.test(code) || (base !== undefined && isMember(base, name));
}

/** What stands in code within the prose of a document, line by line. */
function inlineCode(text: string): { readonly code: string; readonly line: number }[] {
  const prose = text.replace(/^\s*(`{3,})[\s\S]*?^\s*\1$/gm, (block) => block.replace(/[^\n]/g, ""));
  return prose
    .split("\n")
    .flatMap((line, index) => [...line.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => ({ code, line: index + 1 })));
}

/** `Class.member` of classes that are ours and have no such member. */
const unknownMembers = (text: string): string[] =>
  inlineCode(text)
    .filter(({ code }) => {
      const [, owner = "", member = ""] = MEMBER.exec(code) ?? [];
      const body = declared.get(owner);
      return body !== undefined && !isMember(body, member);
    })
    .map(({ code, line }) => `${line}: ${code}`);

const unknownPaths = (text: string, folder: string): string[] =>
  inlineCode(text)
    .filter(({ code }) => PATH.test(code) && !NO_PATHS.has(code))
    .filter(
      ({ code }) =>
        ![PROJECT, join(PROJECT, "src"), join(PROJECT, folder)].some((base) => existsSync(join(base, code))),
    )
    .map(({ code, line }) => `${line}: ${code}`);

/** The pages that say how azmutex is made. What other pages name may be another program's. */
const ABOUT_THE_CODE = [
  ...["CONTRIBUTING.md", "docs/architecture.md", "docs/protocol.md", "docs/guarantees.md", "docs/waiting.md"],
  ...["docs/fencing.md", "docs/leader-election.md", "docs/lock-all.md", "docs/reader-writer-lock.md"],
  ...["docs/semaphore.md", "docs/testing.md", "docs/adr/README.md"],
];
/** `freshToken`, `LockSpace`, `Renewer.onEnd`, `retry()`: a name of two words or more, alone or at the end of a path. */
const NAME = /^(?:[\w#]+\.)*#?([A-Za-z]+[a-z][A-Z]\w*)(?:\(.*\))?$/;

const words = new Set(
  ["src", "lab", "examples", "test", "scripts"].flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => /(?<!\bnode_modules\b.*)\.(?:ts|tsx|mjs|go)$/.test(path))
      .flatMap((path) => readFileSync(join(PROJECT, folder, path), "utf8").match(/\w+/g) ?? []),
  ),
);

const unknownNames = (text: string): string[] =>
  inlineCode(text)
    .filter(({ code }) => !words.has(NAME.exec(code)?.[1] ?? "words"))
    .map(({ code, line }) => `${line}: ${code}`);

const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");

describe("the documents", () => {
  const documents = readDocuments(PROJECT).map(({ path }) => ({ path, text: read(path) }));
  const inDocuments = (found: (text: string, folder: string) => string[]): string[] =>
    documents.flatMap(({ path, text }) => found(text, dirname(path)).map((what) => `${path}:${what}`));

  it("name members that their classes have", () => {
    expect(documents.length).toBeGreaterThan(30);
    expect(inDocuments(unknownMembers)).toEqual([]);
  });

  it("name files and folders that exist", () => {
    expect(inDocuments(unknownPaths)).toEqual([]);
  });

  it("name functions, classes and options as the code does, where they say how it is made", () => {
    for (const page of ABOUT_THE_CODE) expect(unknownNames(read(page)), page).toEqual([]);
  });
});

describe("CONTRIBUTING.md on publishing", () => {
  it("has npm's own checks before publishing called by hand, as .npmrc keeps npm from running them", () => {
    const isRunByNpm = !/^ignore-scripts=true$/m.test(read(".npmrc"));
    expect(isRunByNpm || read("CONTRIBUTING.md").includes("npm run prepublishOnly && npm publish")).toBe(true);
  });
});

describe("the check of names itself", () => {
  it("sees members that there are not", () => {
    expect(
      unknownMembers(
        "`Locker.lock`, `Locker.lock()`, `Permit.assertHeld`, `Locker.grab`\n`Foreign.thing` `LocalQueue.#first`",
      ),
    ).toEqual(["1: Locker.grab"]);
  });

  it("sees paths that there are not, and leaves code blocks alone", () => {
    expect(unknownPaths("`lease/` `docs/cli.md` `lease/gone.ts`\n```sh\n`no/such.ts`\n```\n`no/folder/`", ".")).toEqual(
      ["1: lease/gone.ts", "5: no/folder/"],
    );
  });

  it("sees names that there are not, and leaves words alone", () => {
    const gone = ["grab", "Everything"].join("");
    expect(unknownNames(`\`freshToken\` \`Renewer.${gone}\` \`${gone}()\` \`lock\` \`LockSpace\``)).toEqual([
      `1: Renewer.${gone}`,
      `1: ${gone}()`,
    ]);
  });
});

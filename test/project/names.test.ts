import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readDocuments } from "../support/documents.ts";
import { PROJECT, readSources } from "../support/sources.ts";

/** Every class and interface of the sources, with its code; of two that bear one name, both. */
const declared = new Map<string, string>();
for (const { code } of readSources()) {
  for (const [body, name = ""] of code.matchAll(
    /^(?:export )?(?:abstract )?(?:class|interface) ([A-Z]\w*)[\s\S]*?^\}/gm,
  )) {
    declared.set(name, `${declared.get(name) ?? ""}\n${body}`);
  }
}

const MEMBER = /^([A-Z]\w*)\.(#?\w+)(?:\(.*\))?$/;

/** Whether a class, or what it extends, has a member. */
function isMember(code: string, name: string): boolean {
  const base = declared.get(/^[^{]*\bextends (\w+)/.exec(code.trimStart())?.[1] ?? "");
  return new RegExp(`^\\s+[\\w* ]*${name}\\b\\??[(<:=;]`, "m").test(code) || (!!base && isMember(base, name));
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

/** The pages that say how azmutex is made. What other pages name may be another program's. */
const ABOUT_THE_CODE = [
  ...["CONTRIBUTING.md", "docs/architecture.md", "docs/protocol.md", "docs/guarantees.md", "docs/waiting.md"],
  ...["docs/fencing.md", "docs/leader-election.md", "docs/lock-all.md", "docs/reader-writer-lock.md"],
  ...["docs/semaphore.md", "docs/testing.md", "docs/adr/README.md"],
];
/** `freshToken`, `LockSpace`, `Renewer.onEnd`, `retry()`: a name of two words or more, or a path that ends with one. */
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
  it("name members that their classes have", () => {
    for (const { path } of readDocuments(PROJECT)) expect(unknownMembers(read(path)), path).toEqual([]);
  });

  it("name functions, classes and options as the code does, where they say how it is made", () => {
    for (const page of ABOUT_THE_CODE) expect(unknownNames(read(page)), page).toEqual([]);
  });
});

describe("the check of names itself", () => {
  it("sees members that there are not", () => {
    const text =
      "`Locker.lock`, `Locker.lock()`, `Permit.assertHeld`, `Locker.grab`\n`Foreign.thing` `LocalQueue.#first`";
    expect(unknownMembers(text)).toEqual(["1: Locker.grab"]);
  });

  it("sees names that there are not, and leaves words alone", () => {
    const gone = ["grab", "Everything"].join("");
    expect(unknownNames(`\`freshToken\` \`Renewer.${gone}\` \`${gone}()\` \`lock\` \`LockSpace\``)).toEqual([
      `1: Renewer.${gone}`,
      `1: ${gone}()`,
    ]);
  });
});

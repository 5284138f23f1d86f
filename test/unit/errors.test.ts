import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, readSources } from "../support/sources.ts";

const TEXT = readFileSync(join(PROJECT, "docs/troubleshooting.md"), "utf8");
const ERRORS = readFileSync(join(PROJECT, "src/errors.ts"), "utf8");

/** The part under a heading, up to the next one that is as high. */
function section(text: string, heading: string): string {
  const [, marks = ""] = new RegExp(`^(#+) ${heading.replace(/[`]/g, "\\`")}$`, "m").exec(text) ?? [];
  const found = text.split(new RegExp(`^${marks} `, "m")).find((part) => part.startsWith(`${heading}\n`));
  if (marks === "" || found === undefined) throw new Error(`there is no heading "${heading}"`);
  return found;
}

/** The classes of errors.ts that have a code. */
const classes = [
  ...ERRORS.matchAll(/^export class (\w+) extends MutexError \{\n(?: {2}\/\*\*.*\*\/\n)? {2}readonly code = "(\w+)"/gm),
].map(([, name = "", code = ""]) => ({ name, code }));
const reasons = [...(/^export type LossReason =\n((?:.*\n)*?)\n/m.exec(ERRORS)?.[1] ?? "").matchAll(/\| "(\w+)"/g)].map(
  ([, why]) => why,
);

const sources = readSources()
  .map(({ code }) => code)
  .join("\n");

const logged = (text: string): string[] =>
  [...section(text, "Log lines").matchAll(/^\| `([^`]+)` \|/gm)].map(([, line = ""]) => line);

describe("docs/troubleshooting.md", () => {
  const byCode = section(TEXT, "By error code");

  it("has a section for each error code, which names its class, and for no other", () => {
    expect(classes.length).toBeGreaterThan(8);
    const headings = [...byCode.matchAll(/^### `(\w+)`$/gm)].map(([, code]) => code);
    expect(headings.sort()).toEqual(classes.map(({ code }) => code).sort());
    for (const { name, code } of classes) expect(section(byCode, `\`${code}\``)).toContain(`\`${name}\``);
  });

  it("says of every reason of a loss what it means", () => {
    expect(reasons).toContain("expired");
    const rows = section(TEXT, "The lock is lost again and again");
    for (const why of reasons) expect(rows).toMatch(new RegExp(`^\\| \`${why}\` \\|`, "m"));
  });

  it("has every line that the library logs", () => {
    const calls = [...sources.matchAll(/\blog\(\s*(?:message|error\.message|`([^`]*)`)/g)].flatMap(
      ([, template]) => template ?? [],
    );
    expect(calls.length).toBeGreaterThan(8);
    const lines = logged(TEXT).map((line) => line.split("…").map((part) => part.replaceAll('"', "").trim()));
    const explained = (template: string) =>
      lines.some((parts) => parts.every((part) => template.replaceAll('"', "").includes(part)));
    expect(calls.filter((template) => !explained(template))).toEqual([]);
  });
});

describe("the table of errors in README.md", () => {
  it("has every code and its class", () => {
    const table = section(readFileSync(join(PROJECT, "README.md"), "utf8"), "Errors");
    const rows = [...table.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \|/gm)].map(([, code, name]) => ({ name, code }));
    const byName = (a: { code?: string | undefined }, b: { code?: string | undefined }) =>
      (a.code ?? "").localeCompare(b.code ?? "");
    expect(rows.sort(byName)).toEqual([...classes].sort(byName));
  });
});

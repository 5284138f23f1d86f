import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import * as library from "../../src/index.ts";
import { NETWORK_HINTS } from "../../src/store/azure/network-failure.ts";
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

/** Names and codes in the text that are none of ours, of the language's, of the service's or of the SDK's. */
function unknownNames(text: string): string[] {
  const known = new Set<string>([
    ...Object.keys(library),
    ...classes.map(({ code }) => code),
    ...["Error", "TypeError", "RangeError", "AbortError", "CredentialUnavailableError", "AggregateAuthenticationError"],
    ...["AZURE_TOKEN_CREDENTIALS", "AZURE_STORAGE_CONNECTION_STRING", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS"],
    // Node's own.
    ...Object.keys(NETWORK_HINTS),
  ]);
  const named = [...text.matchAll(/\b(?:[A-Z]\w*Error|[A-Z]+(?:_[A-Z]+)+)\b/g)].map(([name]) => name);
  return [...new Set(named)].filter((name) => !known.has(name));
}

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

  it("names every class of error that the library exports", () => {
    const exported = Object.keys(library).filter((name) => name.endsWith("Error") && name !== "isMutexError");
    expect(exported.filter((name) => !TEXT.includes(`\`${name}\``))).toEqual([]);
  });

  it("says of every reason of a loss what it means", () => {
    expect(reasons).toContain("expired");
    const rows = section(TEXT, "The lock is lost again and again");
    for (const why of reasons) expect(rows).toMatch(new RegExp(`^\\| \`${why}\` \\|`, "m"));
  });

  it("names no error and no code that there is not", () => {
    expect(unknownNames(TEXT)).toEqual([]);
  });

  it("has a row for every failure of the network that a message explains", () => {
    const rows = section(TEXT, "No answer from the service");
    const codes = [...Object.keys(NETWORK_HINTS), "ENOTFOUND", "ECONNREFUSED"];
    expect(codes.filter((code) => !new RegExp(`^\\|.*\`${code}\`.*\\|.*\\|`, "m").test(rows))).toEqual([]);
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

  it("leaves the exit codes to docs/cli.md, which has them all", () => {
    expect(TEXT).toContain("(cli.md#exit-codes)");
    const cli = readFileSync(join(PROJECT, "docs/cli.md"), "utf8");
    for (const name of Object.keys(EXIT)) expect(cli).toContain(`\`${name}\``);
  });
});

describe("the table of errors in docs/errors.md", () => {
  it("has every code and its class", () => {
    const table = readFileSync(join(PROJECT, "docs/errors.md"), "utf8");
    const rows = [...table.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \|/gm)].map(([, code, name]) => ({ name, code }));
    const byName = (a: { code?: string | undefined }, b: { code?: string | undefined }) =>
      (a.code ?? "").localeCompare(b.code ?? "");
    expect(rows.sort(byName)).toEqual([...classes].sort(byName));
  });
});

describe("the check of docs/troubleshooting.md itself", () => {
  it("sees names that there are not", () => {
    expect(unknownNames("`LOCK_LOST` `LOCK_LOSS` LockLostError LockGoneError")).toEqual(["LOCK_LOSS", "LockGoneError"]);
  });

  it("reads sections", () => {
    expect(section("## A\none\n### B\ntwo\n## C\n", "A")).toBe("A\none\n### B\ntwo\n");
    expect(() => section("## A\n", "B")).toThrow("no heading");
  });
});

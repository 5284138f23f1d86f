import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { createProgram } from "../../src/cli/program.ts";
import { callsIn, refusalOf, wholeLines } from "../support/calls.ts";
import { parseDocument, readDocuments } from "../support/documents.ts";
import { helpEndOf } from "../support/help-end-of.ts";
import { PROJECT } from "../support/sources.ts";

/** Options of az, docker, sudo and other programs that the page shows. */
const OTHERS =
  "--help --global --overwrite --container-name --name --file --lease-id --fast --init " +
  "--auth-mode --preserve-env --unbuffered";
const TEXT = readFileSync(join(PROJECT, "docs/cli.md"), "utf8");

/** What stands under a heading of the second level. */
function section(text: string, heading: string): string {
  const found = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`there is no heading "${heading}"`);
  return found;
}

interface Row {
  readonly option: string;
  readonly fallback: string;
  readonly description: string;
}

/** The rows of the tables of options. */
const optionRows = (text: string): Row[] =>
  [...text.matchAll(/^\| option \| default \| \|\n\|---\|---\|---\|\n((?:\|.*\n?)+)/gm)].flatMap(([, rows = ""]) =>
    [...rows.matchAll(/^\| `([^`]+)` \| (.*?) ?\| (.*) \|$/gm)].map(
      ([, option = "", fallback = "", description = ""]) => ({
        option,
        fallback,
        description,
      }),
    ),
  );

const rowsOf = (command: Command, isConnection: boolean): Row[] =>
  command.options
    .filter(({ helpGroupHeading, hidden }) => !hidden && (helpGroupHeading !== undefined) === isConnection)
    .map(({ flags, defaultValueDescription, description }) => ({
      option: flags,
      fallback: defaultValueDescription ?? "",
      description,
    }));

/** As the help has it. */
const usageOf = (command: Command): string => /^Usage: azmutex \w+ (.*)$/m.exec(command.helpInformation())?.[1] ?? "";

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** What shells, schedulers and manifests are made of. */
const COMMANDS = new Set(["sh", "cron", "ini", "dockerfile", "yaml"]);

function callsOf(text: string): string[][] {
  return parseDocument("a document", text)
    .blocks.filter(({ language }) => COMMANDS.has(language))
    .flatMap(({ code }) => wholeLines(code))
    .filter((line) => !line.includes("npm install"))
    .flatMap((line) => {
      const listed = /\[("azmutex".*)\]/.exec(line)?.[0];
      return listed === undefined ? callsIn(line) : [(JSON.parse(listed) as string[]).slice(1)];
    })
    .filter((call) => call.length > 0);
}

const program = await createProgram();

describe("docs/cli.md", () => {
  it("has every command in the order of the help, and no other", () => {
    const headings = [...TEXT.matchAll(/^## azmutex (\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(program.commands.map((command) => command.name()));
  });

  it.for(program.commands.map((command) => command.name()))("says of %s what its help says", (name) => {
    const command = program.commands.find((found) => found.name() === name);
    if (!command) throw new Error(`there is no command ${name}`);
    const text = section(TEXT, `azmutex ${name}`);
    expect(text).toContain(`\n\`azmutex ${name} ${usageOf(command)}\`\n`);
    // The first sentence stands there to the letter, but for its links.
    const [opening = ""] = command.description().split(/(?<=\.) /);
    expect(
      text
        .replaceAll("`", "")
        .replaceAll(/\[(\w+)\]\([^)]*\)/g, "$1")
        .replaceAll("\n", " "),
    ).toContain(opening);
    expect(optionRows(text)).toEqual(rowsOf(command, false));
  });

  it.for(program.commands.map((command) => command.name()))(
    "has the examples and the exit codes of the help of %s",
    (name) => {
      const { examples, codes } = helpEndOf(program.commands.find((found) => found.name() === name));
      const text = section(TEXT, `azmutex ${name}`);
      expect(examples.filter((example) => !new RegExp(`^${escaped(example)}(?: +#.*)?$`, "m").test(text))).toEqual([]);
      expect(examples.length).toBeGreaterThanOrEqual(3);
      const [, documented = ""] = /^\*\*Exit codes\.\*\* (.*(?:\n.+)*)/m.exec(text) ?? [];
      const numbers = new Set(documented.match(/\d+/g));
      // Those that any command may end with stand in the table of exit codes alone.
      const everywhere = ["0", String(EXIT.internal), String(EXIT.system), String(EXIT.unwritable)];
      expect(codes.filter((code) => !numbers.has(code) && !everywhere.includes(code))).toEqual([]);
    },
  );

  it("has the examples of the program's help, which names every exit code", () => {
    const { examples, codes } = helpEndOf(program);
    expect(examples.filter((example) => !new RegExp(`^${escaped(example)}(?: +#.*)?$`, "m").test(TEXT))).toEqual([]);
    expect(codes).toEqual(["0", ...Object.values(EXIT).map(String)]);
  });

  it("has the options of the connection, which all commands share that have one", () => {
    const documented = optionRows(section(TEXT, "Connection"));
    for (const command of program.commands) {
      expect([command.name(), rowsOf(command, true)]).toEqual([
        command.name(),
        command.name() === "completion" ? [] : documented,
      ]);
    }
  });

  it("names no option that no command has", () => {
    const known = new Set([program, ...program.commands].flatMap(({ options }) => options.map(({ long }) => long)));
    const named = [...TEXT.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([option]) => option);
    expect(named.filter((option) => !known.has(option) && !OTHERS.split(" ").includes(option))).toEqual([]);
  });

  it("has every exit code under its name, and no other", () => {
    const rows = [...section(TEXT, "Exit codes").matchAll(/^\| (\d+) \| (?:`(\w+)`)? ?\|/gm)].map(([, code, name]) => [
      name,
      Number(code),
    ]);
    expect(rows).toEqual([[undefined, 0], ...Object.entries(EXIT)]);
  });

  it("has a manual page with every command, option, example and exit code", () => {
    const page = readFileSync(join(PROJECT, "dist/azmutex.1"), "utf8").replaceAll("\\-", "-").replaceAll("\\e", "\\");
    for (const command of program.commands) {
      const [, part = ""] = page.split(`.SS "${command.createHelp().commandUsage(command)}"`);
      const { examples, codes } = helpEndOf(command);
      for (const example of examples) expect(part.split(".SS")[0]).toContain(`\n  ${example}\n`);
      for (const code of codes) expect(part.split(".SS")[0]).toMatch(new RegExp(`^ {2}${code}\\b`, "m"));
      expect(page).toContain(`.SS "${command.createHelp().commandUsage(command)}"`);
      for (const { flags, hidden } of command.options) if (!hidden) expect(page).toContain(`\\fB${flags}\\fR`);
    }
    for (const code of Object.values(EXIT)) expect(page).toMatch(new RegExp(`^ {2}${code}\\+? +\\w`, "m"));
    const macros = new Set([...page.matchAll(/^\.(\w+)/gm)].map(([, name]) => name));
    expect([...macros].sort()).toEqual(["PP", "SH", "SS", "TH", "TP", "fi", "nf"]);
  });

  it("shows every command, as other documents do, and nothing that the command line does not take", async () => {
    const calls = readDocuments(PROJECT).flatMap(({ path }) =>
      callsOf(readFileSync(join(PROJECT, path), "utf8")).map((call) => ({ path, call })),
    );
    const refusals = calls.map(async ({ path, call }) => ({ path, call, refusal: await refusalOf(call) }));
    expect((await Promise.all(refusals)).filter(({ refusal }) => refusal !== undefined)).toEqual([]);
    const shown = calls.filter(({ path }) => path === "docs/cli.md").map(({ call: [name] }) => name);
    expect([...new Set(shown)].sort()).toEqual(program.commands.map((command) => command.name()).sort());
  });
});

describe("the check of docs/cli.md itself", () => {
  it("sees a command line that is wrong", async () => {
    expect(await refusalOf(["run", "k", "--tyr", "--", "true"])).toContain("unknown option '--tyr'");
    expect(await refusalOf(["run", "k", "--timeout", "3", "--", "true"])).toContain("is invalid");
    expect(await refusalOf(["run", "k", "true"])).toContain('after "--"');
    expect(await refusalOf(["frobnicate"])).toContain("unknown command");
    expect(await refusalOf(["run", "k", "--", "true"])).toBeUndefined();
  });
});

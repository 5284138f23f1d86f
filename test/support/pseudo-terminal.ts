import { execFileSync } from "node:child_process";
import type { TestContext } from "vitest";
import { CLI, Cli, type CliOptions } from "./cli.ts";

export interface TerminalOptions extends Pick<CliOptions, "env"> {
  readonly rows?: number;
  readonly columns?: number;
}

/** script(1) makes the terminal; it is part of Debian's base. What it is to run it takes as one word. */
const START = `command -v script >/dev/null ||
  { echo "this test needs script(1) of util-linux, on Debian in the package bsdutils"; exit 1; }
exec script -qefc "$ON_TERMINAL" /dev/null`;

/**
 * The command on a terminal of its own: what is typed reaches it as from a keyboard, Ctrl-C included, and all it says
 * is in `out`.
 */
export function onTerminal(
  test: TestContext,
  args: readonly string[],
  { env = {}, rows = 24, columns = 100 }: TerminalOptions = {},
): Cli {
  const command = `tty; stty rows ${rows} cols ${columns}; exec ${commandLine(args)}`;
  return new Cli(test, [], {
    env: { TERM: "xterm", ...env, ON_TERMINAL: command },
    through: ["sh", "-c", START],
    input: "open",
  });
}

/**
 * The command in a shell with job control, as a person runs it: the shell puts it into a group of its own, which the
 * keys of the terminal reach. On a terminal without such a shell the kernel drops Ctrl-Z. What is typed after the end
 * goes to the shell.
 */
export function inShellOnTerminal(test: TestContext, args: readonly string[], options: TerminalOptions = {}): Cli {
  const cli = shellOnTerminal(test, options);
  cli.type(`${commandLine(args)}; echo "code $?"; exit\n`);
  return cli;
}

/** A shell with job control on a terminal, which takes what is typed line by line. */
export function shellOnTerminal(test: TestContext, { env = {} }: TerminalOptions = {}): Cli {
  const shell = "PS1= exec bash --norc --noprofile --noediting -i";
  return new Cli(test, [], {
    env: { TERM: "xterm", ...env, ON_TERMINAL: shell },
    through: ["sh", "-c", START],
    input: "open",
  });
}

/** What stays of the output: a row that the command takes back, such as what it waits for, is not there. */
export function leftOnTerminal(out: string): string {
  return out
    .split("\n")
    .map((row) => row.split("\r\u001b[K").at(-1))
    .join("\n");
}

/** The command for a shell to run, and options of Node's before it. */
export function commandLine(args: readonly string[], nodeOptions: readonly string[] = []): string {
  return [process.execPath, ...nodeOptions, CLI, ...args].map(quoted).join(" ");
}

/** Gives the terminal another size, as its window would. */
export function resize({ out }: Cli, rows: number, columns: number): void {
  const [device = ""] = /\/dev\/\S+/.exec(out) ?? [];
  execFileSync("stty", ["-F", device, "rows", String(rows), "cols", String(columns)]);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

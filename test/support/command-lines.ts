import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CLI } from "./cli.ts";
import { PROJECT } from "./sources.ts";

/** One line for the command: what is typed, and all of its environment beside PATH and HOME. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command ended on a line. */
export interface LineEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const END = "\u0000end of the line\u0000";
/**
 * Does what each line says, one after the other, and writes after each what tells the lines apart. The command ends the
 * process some seconds after it is done; here another line follows.
 */
const PROGRAM = `
  import { writeSync } from "node:fs";
  import { runCommandLine } from ${JSON.stringify(pathToFileURL(join(PROJECT, "dist/cli/command-line.js")).href)};
  const { PATH, HOME, LINES } = process.env;
  const exit = process.exit;
  process.exit = () => undefined;
  for (const { args, env } of JSON.parse(LINES)) {
    process.argv = [process.execPath, ${JSON.stringify(CLI)}, ...args];
    process.env = { PATH, HOME, ...env };
    process.exitCode = 0;
    await runCommandLine();
    process.removeAllListeners("uncaughtException");
    writeSync(1, process.exitCode + ${JSON.stringify(END)});
    writeSync(2, ${JSON.stringify(END)});
  }
  exit(0);
`;

/**
 * Runs the built command on each line, all of them in one process: for what needs no process of its own, such as a line
 * that is refused. Nearly all that such a line costs is the start of a process.
 */
export async function runLines(lines: readonly CommandLine[]): Promise<LineEnd[]> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, ["--input-type=module", "-"], {
    env: { PATH, HOME, LINES: JSON.stringify(lines) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // Not by --eval, where commander takes the words of the line for others.
  child.stdin.end(PROGRAM);
  const [out, err] = [child.stdout, child.stderr].map((stream) => textOf(stream));
  const [code] = (await once(child, "close")) as [number | null];
  const outs = ((await out) ?? "").split(END);
  const errs = ((await err) ?? "").split(END);
  if (code !== 0 || outs.length !== lines.length + 1 || errs.length !== lines.length + 1)
    throw new Error(`it ended with ${code} after ${outs.length - 1} of ${lines.length} lines:\n${errs.at(-1)}`);
  return lines.map((_, at) => {
    const [, text = "", exitCode] = /^(.*?)(\d+)$/s.exec(outs[at] ?? "") ?? [];
    return { code: Number(exitCode), out: text, err: errs[at] ?? "" };
  });
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding("utf8");
  let text = "";
  for await (const part of stream) text += part;
  return text;
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CLI } from "./cli.ts";
import { ownTime } from "./own-time.ts";
import { PROJECT } from "./sources.ts";

/** One line for the command: what is typed, and all of its environment beside PATH and HOME. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** How a command ended on a line. */
export interface LineEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** From its start, as far as the machine let us run: see `ownTime`. */
  readonly ownMs: number;
}

const END = "\u0000end of the line\u0000";
/**
 * Does what each line says, one after the other, and writes after each what tells the lines apart. The command ends the
 * process some seconds after it is done; here another line follows.
 */
const PROGRAM = `
  import { once } from "node:events";
  import { writeSync } from "node:fs";
  import { runCommandLine } from ${JSON.stringify(pathToFileURL(join(PROJECT, "dist/cli/command-line.js")).href)};
  const { PATH, HOME } = process.env;
  const exit = process.exit;
  process.exit = () => undefined;
  process.once("disconnect", () => exit(0));
  process.send("ready");
  for (;;) {
    const [{ args, env }] = await once(process, "message");
    process.argv = [process.execPath, ${JSON.stringify(CLI)}, ...args];
    process.env = { PATH, HOME, ...env };
    process.exitCode = 0;
    await runCommandLine();
    process.removeAllListeners("uncaughtException");
    writeSync(1, process.exitCode + ${JSON.stringify(END)});
    writeSync(2, ${JSON.stringify(END)});
  }
`;

/**
 * A process that runs the built command on one line after the other: for what needs no process of its own, such as a
 * line that is refused, or one that asks for facts. Nearly all that such a line costs is the start of a process, and to
 * load the SDK there.
 */
export class CommandProcess implements Disposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #ready: Promise<unknown>;
  #out = "";
  #err = "";
  #looks: () => void = () => undefined;

  /** With these variables from its start on, which are for Node. */
  constructor(env: Readonly<Record<string, string>> = {}) {
    const { PATH = "", HOME = "" } = process.env;
    this.#child = spawn(process.execPath, ["--input-type=module", "-"], {
      env: { PATH, HOME, ...env },
      stdio: ["pipe", "pipe", "pipe", "ipc"],
    });
    // Not by --eval, where commander takes the words of the line for others.
    this.#child.stdin?.end(PROGRAM);
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#heard(() => (this.#out += text)));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#heard(() => (this.#err += text)));
    this.#ended = once(this.#child, "close");
    this.#ready = once(this.#child, "message");
  }

  /** What comes of a line, after all lines before it. Rejects for `--quiet`, which would silence later lines, too. */
  async run({ args, env }: CommandLine): Promise<LineEnd> {
    if (args.some((arg) => arg === "--quiet" || arg === "-q")) throw new Error("--quiet needs a process of its own");
    const end = this.#ready.then(() => this.#next({ args, env }));
    this.#ready = end.catch(() => undefined);
    return await end;
  }

  async #next(line: CommandLine): Promise<LineEnd> {
    const done = new Promise<void>((resolve) => {
      this.#looks = () => {
        if (this.#out.includes(END) && this.#err.includes(END)) resolve();
      };
    });
    const began = ownTime.now();
    this.#child.send(line);
    const died = this.#ended.then(() => {
      throw new Error(`the process ended on ${JSON.stringify(line.args)}:\n${this.#out}${this.#err}`);
    });
    await Promise.race([done, died]);
    const ownMs = ownTime.now() - began;
    const [out = "", ...laterOut] = this.#out.split(END);
    const [err = "", ...laterErr] = this.#err.split(END);
    // What goes on in the background after a line is told with the next one.
    this.#out = laterOut.join(END);
    this.#err = laterErr.join(END);
    const [, text = "", code] = /^(.*?)(\d+)$/s.exec(out) ?? [];
    return { code: Number(code), out: text, err, ownMs };
  }

  #heard(keep: () => unknown): void {
    keep();
    this.#looks();
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

/** What comes of all lines, each after the one before it, in a process that is gone afterwards. */
export async function runLines(lines: readonly CommandLine[]): Promise<LineEnd[]> {
  using command = new CommandProcess();
  return await Promise.all(lines.map((line) => command.run(line)));
}

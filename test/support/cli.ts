import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { ownTime } from "./own-time.ts";
import { PROJECT } from "./sources.ts";

/** The built command, as the package's `bin` names it. */
export const CLI = join(PROJECT, "dist/cli/main.js");

export interface CliOptions {
  /** All of its environment beside PATH and HOME: nothing of the machine's own account gets in. */
  readonly env?: Readonly<Record<string, string>>;
  /** What to start instead of Node with the command: a shell, say, that closes something first. */
  readonly through?: readonly string[];
  readonly cwd?: string;
  /** Another build than the project's own. */
  readonly cli?: string;
  /** What it finds on its standard input, or "open" for what `type` writes. Default: nothing. */
  readonly input?: Uint8Array | "open";
}

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From its start. */
  readonly ms: number;
  /** The same, as far as the machine let us run: see `ownTime`. */
  readonly ownMs: number;
  readonly out: string;
  readonly err: string;
}

/** One run of the built command. It is killed with the test, if it is still there. */
export class Cli {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<CliEnd>;
  #out = "";
  #err = "";
  readonly #looks = new Set<() => void>();

  constructor(
    test: TestContext,
    args: readonly string[],
    { env = {}, through = [process.execPath], cwd, cli = CLI, input }: CliOptions = {},
  ) {
    const began = performance.now();
    const beganOwn = ownTime.now();
    const [file = process.execPath, ...before] = through;
    const { PATH = "", HOME = "" } = process.env;
    this.child = spawn(file, [...before, cli, ...args], {
      env: { PATH, HOME, ...env },
      stdio: [input ? "pipe" : "ignore", "pipe", "pipe"],
      cwd,
    });
    // Not everybody reads it.
    this.child.stdin?.on("error", () => undefined);
    if (input !== "open") this.child.stdin?.end(input);
    this.pid = this.child.pid ?? Number.NaN;
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#heard(() => (this.#out += text)));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#heard(() => (this.#err += text)));
    this.ended = once(this.child, "close").then(([code, signal]) => {
      return {
        code,
        signal,
        ms: performance.now() - began,
        ownMs: ownTime.now() - beganOwn,
        out: this.#out,
        err: this.#err,
      };
    });
    test.onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  type(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Resolves as soon as it has printed this, on either stream. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const isThere = (): RegExpExecArray | null => pattern.exec(this.#out) ?? pattern.exec(this.#err);
    return await new Promise((resolve, reject) => {
      const look = (): void => {
        const found = isThere();
        if (!found) return;
        this.#looks.delete(look);
        resolve(found);
      };
      this.#looks.add(look);
      look();
      void this.ended.then(({ code, out, err }) =>
        reject(new Error(`it ended with ${code} without printing ${pattern}:\n${out}${err}`)),
      );
    });
  }

  #heard(keep: () => unknown): void {
    keep();
    for (const look of this.#looks) look();
  }
}

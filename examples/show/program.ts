import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface ProgramOptions {
  readonly name?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Takes each line as it is printed, of either stream. */
  readonly onLine?: (line: string) => void;
}

/** How a program ended: one of them is null. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program in a process of its own, with all it has printed so far. */
export class Program {
  readonly name: string;
  readonly lines: string[] = [];
  /** Fulfilled when the process is gone and its last line is here. */
  readonly ended: Promise<End>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();

  constructor(file: string, { name = file, args = [], env = {}, onLine }: ProgramOptions = {}) {
    this.name = name;
    this.#child = spawn(process.execPath, [file, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => this.#hear(line, onLine));
    }
    this.ended = once(this.#child, "close").then(([code, signal]) => ({ code, signal }));
  }

  get output(): string {
    return this.lines.join("\n");
  }

  /** Resolves with the first line that matches. Rejects when the program has ended without one. */
  printed(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const line = this.lines.find((printed) => pattern.test(printed));
        if (line === undefined) return;
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
      look();
      const tell = (how: string): void =>
        reject(new Error(`${this.name} ${how} without printing ${pattern}:\n${this.output}`));
      this.ended.then(
        ({ code, signal }) => tell(`ended with ${signal ?? code}`),
        (error) => tell(`could not start (${error})`),
      );
    });
  }

  /** A stopped process dies of SIGKILL too. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #hear(line: string, onLine: ((line: string) => void) | undefined): void {
    this.lines.push(line);
    onLine?.(line);
    for (const look of this.#waiting) look();
  }
}

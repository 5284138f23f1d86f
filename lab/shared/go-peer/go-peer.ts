import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { endOf } from "../child-process.ts";
import { seconds } from "../duration.ts";

/** What the Go program is told; see `go/main.go`. */
export type GoOrder =
  | { readonly do: "acquire"; readonly key: string; readonly seconds: number }
  | { readonly do: "release" | "lock" | "unlock"; readonly key: string }
  | { readonly do: "race"; readonly key: string; readonly race: GoRace };

export interface GoRace {
  readonly worker: string;
  readonly folder: string;
  readonly locks: number;
  readonly increments: number;
  readonly restMs: number;
  readonly workMs: number;
}

export interface GoAnswer {
  readonly kind: "done" | "held" | "failed";
  /** The service's error code, if it was the service that refused. */
  readonly code?: string;
  readonly message?: string;
}

interface GoLog {
  readonly kind: "log";
  readonly message: string;
}

/** A process that locks with go-azuremutex, and does one thing after the other. */
export class GoPeer {
  readonly #child: ChildProcess;
  readonly #suffix: string;
  readonly #ended: Promise<string>;
  readonly #awaited: ((answer: GoAnswer) => void)[] = [];
  readonly #log: string[] = [];
  #heard: () => void = () => undefined;

  /** @param suffix - What is put behind each key, so that Go and we lock apart. */
  constructor(program: string, container: string, suffix: string) {
    this.#suffix = suffix;
    this.#child = spawn(program, [container], { stdio: ["pipe", "pipe", "pipe"] });
    // Nothing is read any more once it is killed.
    this.#child.stdin?.on("error", () => undefined);
    this.#ended = endOf(this.#child, "Go's process");
    if (this.#child.stdout) {
      createInterface(this.#child.stdout).on("line", (line) => this.#hear(JSON.parse(line) as GoAnswer | GoLog));
    }
  }

  /** Resolves with the answer, however long that takes. */
  ask(order: GoOrder): Promise<GoAnswer> {
    const answered = new Promise<GoAnswer>((resolve) => this.#awaited.push(resolve));
    this.#child.stdin?.write(`${JSON.stringify({ ...order, key: `${order.key}${this.#suffix}` })}\n`);
    return Promise.race([answered, this.#failure()]);
  }

  /** The same for what has to go well. */
  async do(order: GoOrder): Promise<void> {
    const { kind, message } = await this.ask(order);
    if (kind !== "done") throw new Error(`Go's ${order.do} of ${order.key}: ${message}`);
  }

  /** Resolves with the first line that go-azuremutex logs of this kind, from the start of the process. */
  async logged(pattern: RegExp, withinMs: number): Promise<string> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), withinMs);
    const lateness = once(late.signal, "abort");
    try {
      while (!late.signal.aborted) {
        const found = this.#log.find((line) => pattern.test(line));
        if (found !== undefined) return found;
        const next = new Promise<void>((resolve) => {
          this.#heard = resolve;
        });
        await Promise.race([next, this.#failure(), lateness]);
      }
      throw new Error(`go-azuremutex logged nothing like ${pattern} within ${seconds(withinMs)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGKILL: nothing is released. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async #failure(): Promise<never> {
    throw new Error(await this.#ended);
  }

  #hear(line: GoAnswer | GoLog): void {
    if (line.kind !== "log") {
      this.#awaited.shift()?.(line);
      return;
    }
    this.#log.push(line.message);
    this.#heard();
  }
}

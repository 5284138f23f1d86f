import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { firstMessage, kill } from "../shared/child-process.ts";

/** What is counted: requests of HTTP, commands of Redis, or nothing. */
export type Language = "http" | "resp" | "opaque";

export type ProxyOrder = "count";
export type ProxyAnswer = { readonly port: number } | { readonly requests: number };

export interface ProxyOptions {
  readonly roundTripMs: number;
  readonly language: Language;
  /** Where it listens. Default: where there is room. */
  readonly port?: number | undefined;
}

/** The way to a server, which takes a round trip more than the machine's own. */
export class LatencyProxy implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Rejects if it cannot listen on the port that it is to have. */
  static async start(
    upstreamPort: number,
    { roundTripMs, language, port: wanted = 0 }: ProxyOptions,
  ): Promise<LatencyProxy> {
    const program = fileURLToPath(new URL("latency-proxy-main.js", import.meta.url));
    const child = fork(program, [String(upstreamPort), String(roundTripMs), language, String(wanted)], {
      // A port that is taken is an answer, not a stack on the terminal.
      stdio: ["ignore", "inherit", wanted === 0 ? "inherit" : "ignore", "ipc"],
    });
    const { port } = await firstMessage<{ port: number }>(child, "the proxy");
    return new LatencyProxy(child, port);
  }

  /** How many requests there were up to now. */
  async requests(): Promise<number> {
    const answered = once(this.#child, "message");
    this.#child.send("count" satisfies ProxyOrder);
    const [{ requests }] = (await answered) as [{ requests: number }];
    return requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.#child);
  }
}

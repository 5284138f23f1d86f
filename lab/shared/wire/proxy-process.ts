import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { firstMessage, kill } from "../child-process.ts";

export interface ProxyPlan {
  readonly upstreamPort: number;
  /** By how much longer than the machine's own each round trip is. */
  readonly roundTripMs: number;
  /** What is counted: requests of HTTP, commands of Redis, or nothing. */
  readonly language: "http" | "resp" | "opaque";
  /** Where it listens. Default: on a free port. */
  readonly port?: number | undefined;
}

export type ProxyOrder = "count";
export type ProxyReport = { readonly port: number } | { readonly requests: number };

/** A `FaultProxy` in a process of its own, so that passing bytes costs the clients nothing. */
export class ProxyProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Rejects if it cannot listen on the port that it is to have. */
  static async start(plan: ProxyPlan): Promise<ProxyProcess> {
    const child = fork(fileURLToPath(new URL("proxy-main.js", import.meta.url)), [JSON.stringify(plan)], {
      // A port that is taken is an answer, not a stack on the terminal.
      stdio: ["ignore", "inherit", plan.port === undefined ? "inherit" : "ignore", "ipc"],
    });
    const { port } = await firstMessage<{ port: number }>(child, "the proxy");
    return new ProxyProcess(child, port);
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

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { failure, firstMessage, kill } from "../shared/child-process.ts";
import type { PeerClient } from "../shared/peers/src/peer.ts";
import { adapterOf } from "../shared/peers.ts";
import type { Contender } from "./contenders.ts";

/**
 * A module of `jobs/`: something a client process does, and reports. What is given and what comes of it is plain data.
 */
export interface JobModule {
  /**
   * With `connect` it gets clients besides its own, each with a connection of its own: as if each were in another
   * process.
   */
  run(client: PeerClient, given: unknown, tell: (event: unknown) => void, connect: () => PeerClient): Promise<unknown>;
}

export interface JobOrder {
  readonly job: string;
  readonly given: unknown;
}

export type JobAnswer = { readonly event: unknown } | { readonly result: unknown } | { readonly failed: string };

const NAME = "a client process";

/** A process that uses one lock library. */
export class Client implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** One for all jobs: each listener more would stay until the process ends. */
  readonly #ended: Promise<never>;
  #onEvent: (event: unknown) => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = failure(child, NAME);
    // It may end while there is no job.
    this.#ended.catch(() => undefined);
  }

  static async start({ module, variant = "" }: Contender, address: string): Promise<Client> {
    const program = fileURLToPath(new URL("client-main.js", import.meta.url));
    const child = fork(program, [adapterOf(module), variant], {
      // A connection string has a key in it, and anybody may read command lines.
      env: { ...process.env, LOCKS_AT: address },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await firstMessage(child, NAME);
    return new Client(child);
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** Has it do a job, one at a time. Rejects with what the job does, and if the process ends before. */
  async do<T>(job: string, given: unknown, onEvent: (event: unknown) => void = () => undefined): Promise<T> {
    this.#onEvent = onEvent;
    const answered = new Promise<T>((resolve, reject) => {
      const listen = (message: JobAnswer): void => {
        if ("event" in message) {
          this.#onEvent(message.event);
          return;
        }
        this.#child.off("message", listen);
        if ("failed" in message) reject(new Error(message.failed));
        else resolve(message.result as T);
      };
      this.#child.on("message", listen);
    });
    this.#child.send({ job, given } satisfies JobOrder);
    return await Promise.race([answered, this.#ended]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await kill(this.#child);
  }
}

import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { emulatorConnectionString } from "../../src/store/azure/connection-string.ts";
import { EMULATOR } from "../../src/store/azure/endpoint.ts";
import { kill } from "../shared/child-process.ts";
import { AZURITE_SWITCHES, portSaid } from "../shared/storage/azurite-command.ts";
import type { Upstream } from "../shared/wire/fault-proxy.ts";

const PROGRAM = fileURLToPath(new URL("./storage-program.js", import.meta.url));

/**
 * Azurite as a process of its own that keeps its data on disk: it can be killed, and come back on another port. The
 * process that is to come back is there beforehand, so that it comes when it is meant to.
 */
export class StorageProcess implements Upstream, AsyncDisposable {
  readonly #folder: string;
  #data = "";
  #child: ChildProcess | undefined;
  #next = prepared();
  #port = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** The folder is for its data. */
  static async start(folder: string): Promise<StorageProcess> {
    const storage = new StorageProcess(folder);
    await storage.restart({ withData: false });
    return storage;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/${EMULATOR.accountName}`;
  }

  get connectionString(): string {
    return emulatorConnectionString(this.#port);
  }

  /** SIGKILL: what it has not saved is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child) await kill(child);
  }

  /** Comes back with what it had saved, or with nothing. */
  async restart({ withData }: { withData: boolean }): Promise<void> {
    if (!withData) this.#data = await mkdtemp(join(this.#folder, "azurite-"));
    const child = this.#next;
    this.#child = child;
    this.#next = prepared();
    child.send([...AZURITE_SWITCHES, "--location", this.#data]);
    this.#port = await portSaid(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await kill(this.#next);
  }
}

function prepared(): ChildProcess {
  return fork(PROGRAM, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
}

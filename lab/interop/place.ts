import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AzureMutex } from "azmutex";
import { printedOn } from "../shared/child-process.ts";
import { GoPeer } from "../shared/go-peer/go-peer.ts";
import type { OurJob } from "./our-job.ts";
import { OurPeer } from "./our-peer.ts";

const COMMAND = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const CONTAINER = "interop";

export interface CommandEnd {
  readonly code: number;
  /** Both streams. */
  readonly output: string;
}

export interface PlaceOptions {
  readonly goProgram: string;
  /** For what the peers write. */
  readonly folder: string;
  /** What Go puts behind each key. */
  readonly goSuffix: string;
  readonly stop: AbortSignal;
}

/** One container on one emulator, and everybody who locks there. */
export class Place {
  /** Aborts when all is over, or is to be. */
  readonly stop: AbortSignal;
  readonly #goProgram: string;
  readonly #folder: string;
  readonly #goSuffix: string;
  readonly #peers = new Set<{ kill(): Promise<void> }>();

  constructor({ goProgram, folder, goSuffix, stop }: PlaceOptions) {
    this.stop = stop;
    this.#goProgram = goProgram;
    this.#folder = folder;
    this.#goSuffix = goSuffix;
  }

  /** A process of Go's. */
  go(): GoPeer {
    this.stop.throwIfAborted();
    return this.#kept(new GoPeer(this.#goProgram, CONTAINER, this.#goSuffix));
  }

  /** A process of ours. */
  ours(job: OurJob): OurPeer {
    this.stop.throwIfAborted();
    return this.#kept(new OurPeer(CONTAINER, job));
  }

  /** As another process would have it: it remembers nothing of any key. The option is that of go-azuremutex. */
  mutex(): AzureMutex {
    return new AzureMutex({ useStorageEmulator: true, containerName: CONTAINER });
  }

  async folder(name: string): Promise<string> {
    const folder = join(this.#folder, name);
    await mkdir(folder);
    return folder;
  }

  /** Runs the command `azmutex` on this container. */
  async command(...parameters: string[]): Promise<CommandEnd> {
    const { PATH = "", HOME = "" } = process.env;
    const all = [COMMAND, ...parameters, "--emulator", "--container", CONTAINER];
    const child = spawn(process.execPath, all, {
      env: { PATH, HOME, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = printedOn(child.stdout, child.stderr);
    const [code] = await once(child, "close");
    return { code, output: output() };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#peers].map((peer) => peer.kill()));
  }

  #kept<P extends { kill(): Promise<void> }>(peer: P): P {
    this.#peers.add(peer);
    return peer;
  }
}

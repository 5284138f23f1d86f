import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { now } from "../shared/now.ts";
import { PROJECT } from "../shared/project.ts";
import { CONTAINER } from "../shared/storage/storage.ts";
import { Actor } from "./actor.ts";
import type { Order } from "./messages.ts";

const COMMAND = fileURLToPath(new URL("dist/cli/main.js", PROJECT));
const LOOK_EVERY_MS = 50;
/** How long the step goes on after it was asked to stop. */
export const STEP_STOPS_MS = 1_000;
/** It says by its pid that it works, ten times a second. */
const BEAT = 'echo $$ >"$BEAT"; sleep 0.1';
const STEP = `trap 'for i in $(seq ${STEP_STOPS_MS / 100}); do ${BEAT}; done; exit' TERM; while :; do ${BEAT}; done`;

/**
 * The lock's command, and under it a script whose one step runs under `timeout`, which makes a process group of its
 * own.
 */
export class CommandActor extends Actor {
  readonly #folder: string;
  readonly #beat: string;
  readonly #looking: NodeJS.Timeout;

  constructor(connectionString: string, key: string) {
    const folder = mkdtempSync(join(tmpdir(), "azmutex-job-"));
    const beat = join(folder, "beat");
    const job = 'timeout 300 sh -c "$STEP"';
    super(
      spawn(
        process.execPath,
        [COMMAND, "run", "--lease", "15s", "--container", CONTAINER, key, "--", "sh", "-c", `${job}; exit`],
        {
          env: { ...process.env, AZURE_STORAGE_CONNECTION_STRING: connectionString, BEAT: beat, STEP },
          stdio: ["ignore", "ignore", "pipe"],
        },
      ),
    );
    this.#folder = folder;
    this.#beat = beat;
    this.hear({ kind: "asks", at: now() });
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  tell({ order }: Order): void {
    // It asked for the lock as it was started, and its job has no end of its own.
    if (order !== "start") throw new Error(`a command has nothing for "${order}"`);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    await super[Symbol.asyncDispose]();
    try {
      process.kill(Number(readFileSync(this.#beat, "utf8")), "SIGKILL");
    } catch {
      // The step has ended, or never began.
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #look(): void {
    const at = statSync(this.#beat, { throwIfNoEntry: false })?.mtimeMs;
    if (at === undefined) return;
    this.workedAt = now() - (Date.now() - at);
    if (!this.said("held")) this.hear({ kind: "held", at: this.workedAt });
  }
}

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROJECT } from "../shared/project.ts";

const SOURCE = fileURLToPath(new URL("lab/faults/sleep-clock.c", PROJECT));

/**
 * The monotonic clock of one process, as `sleep-clock.c` makes it: it does not count the time for which the machine
 * slept.
 */
export class SleepClock implements Disposable {
  /** What the process is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** For how long the machine has slept, in milliseconds. */
  sleptMs = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), "azmutex-sleep-"));
  readonly #file = join(this.#folder, "slept");

  /** Throws where there is no gcc. */
  constructor() {
    const library = join(this.#folder, "sleep-clock.so");
    const { error, status, stderr } = spawnSync("gcc", ["-shared", "-fPIC", "-O2", "-o", library, SOURCE], {
      encoding: "utf8",
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`gcc does not compile ${SOURCE}:\n${stderr}`);
    this.#write();
    this.env = { LD_PRELOAD: library, SLEPT_FILE: this.#file };
  }

  /** To be told while the process is stopped: it must not see its clock run backwards. */
  sleep(ms: number): void {
    this.sleptMs += ms;
    this.#write();
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(Math.round(this.sleptMs * 1_000_000)));
    // In place: the process has the file's memory.
    writeFileSync(this.#file, bytes, { flag: this.sleptMs === 0 ? "w" : "r+" });
  }
}

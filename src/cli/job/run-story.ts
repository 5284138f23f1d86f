import type { Holding } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import { shownDuration } from "../options/duration.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";
import { programName } from "./job-command.ts";

/** Tells each step of a run, as `--verbose` asks: the lock and its token, the command, its end, the release. */
export class RunStory {
  readonly #isTold: boolean;
  readonly #key: string;
  readonly #began: number = wallMs();
  #heldSince = 0;

  constructor(key: string, { verbose = false }: { readonly verbose?: boolean }) {
    this.#isTold = verbose;
    this.#key = printable(key);
  }

  /** It is held from now on. */
  held(): void {
    this.#heldSince = wallMs();
  }

  /**
   * The lock was granted. Without `--verbose` this is told only after a line that it was waited for: `saidForMs` later.
   */
  got(token: number | undefined, saidForMs: number | undefined): void {
    this.held();
    const waitedMs = this.#isTold ? this.#heldSince - this.#began : saidForMs;
    if (waitedMs === undefined) return;
    const fencing = !this.#isTold ? "" : token === undefined ? ", without a fencing token" : `, fencing token ${token}`;
    terminal.say(`azmutex: got "${this.#key}" after ${shownDuration(waitedMs)}${fencing}`);
  }

  starts(job: readonly string[]): void {
    this.#tell(`starts ${printable(programName(job))} under "${this.#key}"`);
  }

  ended(job: readonly string[], code: number): void {
    this.#tell(`${printable(programName(job))} ended with ${code}`);
  }

  /**
   * Releases what is held and tells of it; without a line to tell, the holder releases it later. A failure is in
   * the library's log, and changes nothing about the run.
   */
  async release(holding: Pick<Holding, "isHeld" | "release">): Promise<void> {
    if (!this.#isTold || !holding.isHeld) return;
    try {
      await holding.release();
      this.#tell(`released "${this.#key}" after ${shownDuration(wallMs() - this.#heldSince)}`);
    } catch {
      // The library says so, as it says it of a release that is told of by nothing else.
    }
  }

  #tell(what: string): void {
    if (this.#isTold) terminal.say(`azmutex: ${what}`);
  }
}

import { type AzureMutex, type ExitRelease, type ReleaseCommand, releaseOnExit } from "../../index.ts";

/**
 * Releases what this process holds where it ends by an error of its own. While work under the
 * lock may go on nothing is released: a job's watchdog does that once the job is gone.
 */
export class ReleaseAtEnd {
  readonly #release: ExitRelease;
  #isWorking = false;

  constructor(mutex: AzureMutex) {
    this.#release = releaseOnExit(mutex, { isWorking: () => this.#isWorking });
  }

  /** Does the work under the lock. When it settles, nothing of it goes on. */
  async whileWorking<T>(work: () => Promise<T>): Promise<T> {
    this.#isWorking = true;
    try {
      return await work();
    } finally {
      this.#isWorking = false;
    }
  }

  /** What releases that when this process is dead. Undefined where there is no such thing. */
  readonly command = (): ReleaseCommand | undefined => this.#release.command();

  end(): void {
    this.#release[Symbol.dispose]();
  }
}

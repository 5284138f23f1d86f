import { shown } from "../../errors.ts";
import type { LockSpace } from "../lock-space.ts";
import type { Mutex } from "../mutex.ts";
import { type EndingProcess, thisProcess } from "./ending-process.ts";
import { atExit } from "./exit-releases.ts";
import { releaseRequests } from "./release-at-exit.ts";
import { spacesIn } from "./release-on-signals.ts";
import { programCommand, RELEASE_PROGRAM } from "./release-program.ts";

const LEFT = "the process ends while it holds locks; what is held lapses by itself";
const GOES_ON = "the process ends while work goes on under its locks, so it does not release them";

/** What is released at the end of a process. */
export interface ReleaseOnExitOptions {
  /**
   * Asked at the very end of the process, synchronously: whether work under these locks goes on outside of it, in child
   * processes, say. With true, or if it throws, nothing is released: what is held lapses with its lease. Default: no
   * work goes on.
   */
  isWorking?: (() => boolean) | undefined;
}

/** A program that releases leases, and how it is started as a process of its own. */
export interface ReleaseCommand {
  /** The executable: the same `node`, `bun` or `deno`. */
  readonly file: string;
  /** Its arguments, with the program as text. Nothing in them is secret. */
  readonly args: readonly string[];
  /** All of its environment: the certificates to trust, and what Windows needs. Nothing in it is secret. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Its standard input: a ready request for each lease. **It is secret.** An account's key signs each request for that
   * release alone, for 15 minutes; otherwise it has the shared access signature, or the token at hand.
   */
  readonly input: string;
}

/** What these mutexes hold is released at the end of the process, until this is disposed of. */
export class ExitRelease implements Disposable {
  readonly #spaces: readonly LockSpace[];
  readonly #callOff: () => void;

  /** @internal */
  constructor(spaces: readonly LockSpace[], { isWorking = () => false }: ReleaseOnExitOptions, host: EndingProcess) {
    if (typeof isWorking !== "function") throw new TypeError(`isWorking must be a function, not ${shown(isWorking)}`);
    this.#spaces = spaces;
    this.#callOff = atExit(host, {
      spaces,
      isWorking,
      onLeft: (isLeftWorking) => {
        for (const space of spaces) space.log(isLeftWorking ? GOES_ON : LEFT);
      },
    });
  }

  /**
   * The program that releases what these mutexes hold at this moment, for a process that watches over this one and has
   * seen it die by SIGKILL: to be asked for after each renewal. **It is to be run only when no work goes on any more.**
   * It releases by the leases' ids, so never a successor's. It ends with 0 if the service has answered each request.
   * Undefined where this runtime takes no program as text.
   */
  command(): ReleaseCommand | undefined {
    const command = programCommand(RELEASE_PROGRAM);
    return command && { ...command, input: JSON.stringify(releaseRequests(this.#spaces).ready) };
  }

  /** Nothing is released at the end of the process by this any more. */
  [Symbol.dispose](): void {
    this.#callOff();
  }
}

/**
 * Releases what these mutexes hold at the end of the process: after an uncaught exception, an unhandled rejection or
 * `process.exit`, and where the process ends because it has nothing else to do. Exit code and message stay what they
 * are. The next holder then need not wait for the lease to run out.
 *
 * When all `exit` listeners are done, one child process releases everything by the leases' ids, and the end of the
 * process waits for it, for 2 s at most. That takes an account's key, a shared access signature or a token at hand;
 * without any of these what is held lapses.
 *
 * **JavaScript of this process does not run any more by then, but child processes and worker threads may**: end them,
 * or say by `isWorking` that they go on. A process that is killed by a signal, SIGKILL say, runs no code: use
 * {@link releaseOnSignals} beside it for the signals that ask. In a worker thread it releases at the end of that
 * thread, but not where the thread is terminated or the whole process ends.
 *
 * @throws `TypeError` for what is not a mutex, and for options that do not fit.
 *
 * @example
 * ```ts
 * releaseOnExit(mutex);
 * const lock = await mutex.locker("leader").lock();
 * ```
 */
export function releaseOnExit(mutexes: Mutex | readonly Mutex[], options: ReleaseOnExitOptions = {}): ExitRelease {
  return new ExitRelease(spacesIn(mutexes), options, thisProcess);
}

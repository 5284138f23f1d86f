import type { LockSpace } from "../lock-space.ts";
import { type Mutex, spaceOf } from "../mutex.ts";
import { thisProcess } from "./ending-process.ts";
import { type ReleaseOnSignalsOptions, Shutdown } from "./shutdown.ts";

/**
 * Ends the process in good order when a signal asks it to. {@link Shutdown.signal} aborts, which tells the work. The
 * process ends by that very signal (exit status: 128 and the signal's number) as soon as these mutexes hold nothing and
 * wait for nothing, and the service knows it. After `graceMs` it ends in any case. A second signal, half a second after
 * the first or later, ends it at once. What is held then lapses with its lease.
 *
 * A lock is never released while work may go on under it: its holder releases it, as `run` does when its work has
 * ended, or `stopWork` says that all work has ended. Whatever else the process has to finish is to be awaited there,
 * too.
 *
 * **Another listener to the signal, such as a framework's, decides when the process ends**, until `graceMs` is over:
 *
 * - If it calls `process.exit` before everything is released, the work is cut off, and a child process releases what is
 *   held, within 2 s. That takes an account's key, a shared access signature or a token at hand; without any of these
 *   what is held lapses.
 * - If it removes itself and sends the signal again, the process ends once everything is released.
 * - Listeners of the package signal-exit decide nothing. The signal is sent to them again at the end.
 *
 * It keeps no process alive before a signal comes. In a worker thread Node delivers none.
 *
 * @throws `TypeError` or `RangeError` for what is not a mutex, and for options that do not fit.
 *
 * @example
 * ```ts
 * const shutdown = releaseOnSignals(mutex);
 * await mutex.locker("migration").run((lock) => migrate(lock.signal), { until: shutdown.signal });
 * ```
 */
export function releaseOnSignals(mutexes: Mutex | readonly Mutex[], options: ReleaseOnSignalsOptions = {}): Shutdown {
  return new Shutdown(spacesIn(mutexes), options, thisProcess);
}

/** Throws `TypeError` unless they are mutexes. */
export function spacesIn(mutexes: Mutex | readonly Mutex[]): [LockSpace, ...LockSpace[]] {
  const [first, ...others] = [mutexes].flat();
  if (first === undefined) throw new TypeError("mutexes must be at least one mutex, not none");
  const must = "mutexes must be an AzureMutex, or several in an array";
  return [spaceOf(first, must), ...others.map((other) => spaceOf(other, must))];
}

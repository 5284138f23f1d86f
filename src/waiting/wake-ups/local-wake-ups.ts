import { shown } from "../../errors.ts";
import { machineTime } from "../../time/clock.ts";
import type { LocalMember } from "./local/local-member.ts";
import type { WakeUps } from "./wake-ups.ts";

/** The options of {@link localWakeUps}. */
export interface LocalWakeUpsOptions {
  /**
   * The directory in which the processes find each other. It is made for its owner alone where it is not there.
   * Containers that share it, and run as the same user, hear each other. Default: `azmutex-<uid>` in the machine's
   * directory for temporary files.
   */
  directory?: string | undefined;
}

/**
 * A channel of wake-ups between the processes of one user on one machine: sockets in a directory that no other user may
 * enter, and no server process. Any of the processes may die at any time. What it needs is loaded with the first lock.
 *
 * A directory that is another user's, that others may enter, or that is a symbolic link is refused: the log says so,
 * and waiters poll. A process that does not read what it is sent, because it is stopped, misses messages. Nothing of it
 * keeps a process alive. Several mutexes may share one.
 *
 * Throws `TypeError` for a directory that is no path.
 *
 * @example
 * ```ts
 * const mutex = new AzureMutex({ connectionString, containerName: "locks", wakeUps: localWakeUps() });
 * ```
 */
export function localWakeUps(options: LocalWakeUpsOptions = {}): Required<WakeUps> {
  const { directory } = options;
  const isPath = typeof directory === "string" && directory !== "" && !directory.includes("\0");
  if (directory !== undefined && !isPath)
    throw new TypeError(`directory must be the path of a directory, not ${shown(directory)}`);
  let loading: Promise<LocalMember> | undefined;
  const member = (): Promise<LocalMember> => {
    loading ??= import("./local/local-member.ts").then(({ LocalMember }) => LocalMember.in(directory));
    return loading;
  };
  return {
    publish: async (topic, message) => (await member()).publish(topic, message),
    subscribe: async (topic, listener) => (await member()).subscribe(topic, listener),
    sharedNow: machineTime,
    close: async () => (await loading)?.close(),
  };
}

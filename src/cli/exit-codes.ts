import { constants } from "node:os";
import { type AnyMutexError, isMutexError } from "../index.ts";

/**
 * How a command ends, beside 0 and what the job itself ended with. 3 is what the `status` of an init script answers for
 * what does not run; those up to 79 follow sysexits.h, those from 124 on timeout(1) and the shell.
 */
export const EXIT: Readonly<Record<ExitName, number>> = Object.freeze({
  notHeld: 3,
  usage: 64,
  unreachable: 69,
  internal: 70,
  system: 71,
  unwritable: 74,
  held: 75,
  /** As EX_PROTOCOL: asked again, the service would refuse again. */
  refused: 76,
  denied: 77,
  lost: 79,
  timedOut: 124,
  notExecutable: 126,
  notFound: 127,
  /** And the number of the signal. */
  signalled: 128,
});

export type ExitName =
  | "notHeld"
  | "usage"
  | "unreachable"
  | "internal"
  | "system"
  | "unwritable"
  | "held"
  | "refused"
  | "denied"
  | "lost"
  | "timedOut"
  | "notExecutable"
  | "notFound"
  | "signalled";

const CODE_OF: Readonly<Record<AnyMutexError["code"], number>> = Object.freeze({
  LEASE_ALREADY_PRESENT: EXIT.held,
  LOCK_TIMEOUT: EXIT.timedOut,
  LOCK_LOST: EXIT.lost,
  LOCK_UNCERTAIN: EXIT.unreachable,
  NOT_HELD: EXIT.lost,
  DEADLOCK: EXIT.internal,
  WORK_STILL_RUNNING: EXIT.lost,
  STORE_UNAVAILABLE: EXIT.unreachable,
  STORE_REFUSED: EXIT.refused,
  ACCESS_DENIED: EXIT.denied,
  INVALID_KEY: EXIT.usage,
  DIFFERING_PERMITS: EXIT.usage,
  KEY_KIND_MISMATCH: EXIT.usage,
  ONCE_SLOT: EXIT.usage,
  ONCE_RECORD: EXIT.refused,
  SDK_NOT_LOADED: EXIT.usage,
  MUTEX_CLOSED: EXIT.internal,
});

/** The code of what a signal ended. */
export function signalled(signal: NodeJS.Signals): number {
  return EXIT.signalled + constants.signals[signal];
}

/** A command cannot go on: says why in one line, and with which code it ends. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Windows has no such signal, and gets the same exit code. */
const SIGPIPE = 13;

/** The reader of standard output has closed it. A command ends as SIGPIPE would end it, and says nothing of it. */
export class ReaderGone extends CommandError {
  constructor(cause: Error) {
    super("the reader of standard output has closed it", EXIT.signalled + SIGPIPE, { cause });
  }
}

/** What the machine has none left of, by the codes of errors. */
const SHORTAGES: readonly unknown[] = ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"];

/** The cause of something thrown that is a shortage of this machine: no file descriptor, process or memory left. */
export function shortageIn(thrown: unknown): Error | undefined {
  for (
    let error = thrown, depth = 0;
    error instanceof Error && depth < DEEPEST_CAUSE;
    error = error.cause, depth += 1
  ) {
    if ("code" in error && SHORTAGES.includes(error.code)) return error;
  }
  return undefined;
}

/** Causes may go in a circle. */
const DEEPEST_CAUSE = 10;

/** The code for something thrown. */
export function exitCodeFor(thrown: unknown): number {
  if (thrown instanceof CommandError) return thrown.exitCode;
  if (shortageIn(thrown)) return EXIT.system;
  return isMutexError(thrown) ? CODE_OF[thrown.code] : EXIT.internal;
}

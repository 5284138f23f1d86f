import { constants } from "node:os";
import { type AnyMutexError, isMutexError } from "../index.ts";

/**
 * How a command ends, beside 0 and what the job itself ended with. Those up to 79 follow sysexits.h, those from 124 on timeout(1) and
 * the shell.
 */
export const EXIT: Readonly<Record<ExitName, number>> = Object.freeze({
  usage: 64,
  unreachable: 69,
  internal: 70,
  held: 75,
  denied: 77,
  lost: 79,
  timedOut: 124,
  notExecutable: 126,
  notFound: 127,
  /** And the number of the signal. */
  signalled: 128,
});

type ExitName = "usage" | "unreachable" | "internal" | "held" | "denied" | "lost" | "timedOut" | "notExecutable" | "notFound" | "signalled";

const CODE_OF: Readonly<Record<AnyMutexError["code"], number>> = Object.freeze({
  LEASE_ALREADY_PRESENT: EXIT.held,
  LOCK_TIMEOUT: EXIT.timedOut,
  LOCK_LOST: EXIT.lost,
  LOCK_UNCERTAIN: EXIT.unreachable,
  NOT_HELD: EXIT.lost,
  WORK_STILL_RUNNING: EXIT.lost,
  STORE_UNAVAILABLE: EXIT.unreachable,
  STORE_REFUSED: EXIT.denied,
  ACCESS_DENIED: EXIT.denied,
  INVALID_KEY: EXIT.usage,
  DIFFERING_PERMITS: EXIT.usage,
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

/** The code for something thrown. */
export function exitCodeFor(thrown: unknown): number {
  if (thrown instanceof CommandError) return thrown.exitCode;
  return isMutexError(thrown) ? CODE_OF[thrown.code] : EXIT.internal;
}

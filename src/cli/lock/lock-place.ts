import { CommandError, exitCodeFor, shortageIn } from "../exit-codes.ts";

/** The line, with where the lock on this key is, if it is about that: `lock on "nightly" in acme/locks lost: …`. */
export function withPlace(line: string, key: string, place: string): string {
  const lock = `lock on "${key}"`;
  return line.replace(lock, () => `${lock} in ${place}`);
}

/**
 * The same for what ends a command. Anything else is returned as it is, also what this machine lacks: its line is
 * another one.
 */
export function placed(error: unknown, key: string, place: string): unknown {
  if (!(error instanceof Error) || (!(error instanceof CommandError) && shortageIn(error))) return error;
  const line = withPlace(error.message, key, place);
  return line === error.message ? error : new CommandError(line, exitCodeFor(error), { cause: error });
}

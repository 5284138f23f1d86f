import { CommandError, exitCodeFor, shortageIn } from "../exit-codes.ts";

/** What a loss says by `maxHoldMs`. */
const MAX_HOLD = /held for (\d+) ms, the most that maxHoldMs allows/;

/**
 * The line, with where the lock on this key is, if it is about that: `lock on "nightly" in acme/locks lost: …`; and
 * with the option of the command that says how long it may be held.
 */
export function withPlace(line: string, key: string, place: string): string {
  const lock = `lock on "${key}"`;
  return line
    .replace(lock, () => `${lock} in ${place}`)
    .replace(MAX_HOLD, (_, ms: string) => `held for ${Number(ms) / 1_000} s, the most that --max allows`);
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

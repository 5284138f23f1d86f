import type { Command } from "commander";
import { CommandError, EXIT } from "../exit-codes.ts";

/**
 * What follows the `--`. Throws a {@link CommandError} unless there is something, and before it the name alone: options of a command that
 * is not set apart would be taken for ours.
 */
export function jobCommand(command: Command, words: readonly string[]): readonly string[] {
  const argv: readonly string[] = (command.parent as unknown as { rawArgs: string[] }).rawArgs;
  const at = argv.indexOf("--");
  const after = at === -1 ? [] : argv.slice(at + 1);
  if (after.length > 0 && after.length === words.length) return words;
  const [name = ""] = command.registeredArguments.map((argument) => argument.name());
  const start = `azmutex ${command.name()}`;
  if (after.length > words.length) throw misuse(`the ${name} is missing before "--": ${start} <${name}> -- ${shellWords(after)}`);
  const own = `${start} ${shellWords(command.args.slice(0, 1))}`;
  if (after.length === 0 && words.length > 0) throw misuse(`what to run stands after "--": ${own} -- ${shellWords(words)}`);
  if (after.length === 0) throw misuse(`say what to run, after "--": ${own} -- ./job.sh`);
  throw misuse(`one ${name} stands before "--", and not also ${shellWords(words.slice(0, -after.length))}: ${own} -- ${shellWords(after)}`);
}

const misuse = (message: string): CommandError => new CommandError(message, EXIT.usage);

const MOST_WORDS = 4;

/** As one would type them, the first few. */
function shellWords(words: readonly string[]): string {
  const shown = words.slice(0, MOST_WORDS).map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  return [...shown, ...(words.length > MOST_WORDS ? ["..."] : [])].join(" ");
}

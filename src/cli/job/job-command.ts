import { basename } from "node:path";
import { Command } from "commander";
import { CommandError, EXIT } from "../exit-codes.ts";
import { shellWords } from "../shell-words.ts";

/** A command that runs another one, which stands after `--`. */
export class JobCommand extends Command {
  /**
   * Throws a {@link CommandError} where the `--` was forgotten. This is before all other checks: options of the other
   * command would be taken for options of this one, `--help` among them.
   */
  override parseOptions(args: string[]): ReturnType<Command["parseOptions"]> {
    const start = args.includes("--") ? undefined : this.#secondWordOf(args);
    if (start === undefined) return super.parseOptions(args);
    throw misuse(
      `what to run stands after "--": azmutex ${this.name()} ${shellWords(args.slice(0, start))} -- ` +
        `${shownWords(args.slice(start))}`,
    );
  }

  /** Where the second word stands that is no option. Undefined if there is none, or an unknown option before it. */
  #secondWordOf(args: readonly string[]): number | undefined {
    let hasName = false;
    for (let at = 0; at < args.length; at += 1) {
      const word = args[at] ?? "";
      if (!isOption(word)) {
        if (hasName) return at;
        hasName = true;
        continue;
      }
      const [flag = ""] = word.split("=");
      const flags = word.startsWith("--") ? [flag] : [...word.slice(1)].map((letter) => `-${letter}`);
      const options = flags.map((each) => this.options.find(({ long, short }) => each === long || each === short));
      if (options.includes(undefined)) return undefined;
      if (options.at(-1)?.required && flag === word) at += 1;
    }
    return undefined;
  }
}

/**
 * What follows the `--`. Throws a {@link CommandError} unless there is something, and before it the name alone: options
 * of a command that is not set apart would be taken for ours. A name that begins with `-` stands after a `--` of its
 * own.
 */
export function jobCommand(command: Command, words: readonly string[]): readonly string[] {
  const argv: readonly string[] = (command.parent as unknown as { rawArgs: string[] }).rawArgs;
  const at = argv.indexOf("--");
  const after = at === -1 ? [] : argv.slice(at + 1);
  const isNameAfter = after.length === words.length + 1 && words[0] === "--";
  const job = isNameAfter ? words.slice(1) : words;
  if (job.length > 0 && (isNameAfter || after.length === words.length)) return job;
  const [name = ""] = command.registeredArguments.map((argument) => argument.name());
  const start = `azmutex ${command.name()}`;
  if (after.length > words.length && !isNameAfter) {
    throw misuse(`the ${name} is missing before "--": ${start} <${name}> -- ${shownWords(after)}`);
  }
  const own = `${start} ${isNameAfter ? "-- " : ""}${shellWords(command.args.slice(0, 1))}`;
  if (isNameAfter || after.length === 0) throw misuse(`say what to run, after "--": ${own} -- ./job.sh`);
  throw misuse(
    `one ${name} stands before "--", and not also ${shownWords(words.slice(0, -after.length))}: ${own} -- ` +
      `${shownWords(after)}`,
  );
}

/** The last part of a program's path. One that ends with a slash is whole. */
export function programName([file = ""]: readonly string[]): string {
  return basename(file) || file;
}

const misuse = (message: string): CommandError => new CommandError(message, EXIT.usage);

/** As commander has it: a negative number is none. */
const isOption = (word: string): boolean => /^-./.test(word) && !/^-(?:\d+|\d*\.\d+)(?:e[+-]?\d+)?$/.test(word);

const MOST_WORDS = 4;

const shownWords = (words: readonly string[]): string => shellWords(words, MOST_WORDS);

import type { Command } from "commander";

/** Examples and exit codes, as the help of a command prints them. */
export function helpEndOf(command: Command | undefined): {
  readonly examples: string[];
  readonly codes: string[];
} {
  let help = "";
  command?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const [, examples = "", codes = ""] = /\nExamples:\n((?: {2}.+\n)+)\nExit codes:\n((?: {2}.+\n)+)/.exec(help) ?? [];
  return {
    examples: examples.split("\n").flatMap((line) => line.trim() || []),
    codes: codes.match(/^ {2}\d+/gm)?.map((code) => code.trim()) ?? [],
  };
}

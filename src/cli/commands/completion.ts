import { Argument, Command } from "commander";
import { bashCompletion } from "../completion/bash.ts";
import { type CommandTable, tableOf } from "../completion/command-table.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { terminal } from "../terminal/terminal.ts";

/** By the name of the shell. */
const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } satisfies Readonly<
  Record<string, (table: CommandTable) => string>
>;

export function completionCommand(): Command {
  const command = new Command("completion")
    .summary("print what makes a shell complete azmutex")
    .description(
      "Prints a script by which a shell completes commands, options and keys of azmutex, and what is run after --.",
    )
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(SCRIPTS)));
  return command.action((shell: keyof typeof SCRIPTS) =>
    terminal.print(SCRIPTS[shell](tableOf(command.parent as Command))),
  );
}

import type { Command } from "commander";

/** What a shell has to know of the command line. */
export interface CommandTable {
  /** How the program is called. */
  readonly name: string;
  readonly version: string;
  readonly options: readonly TableOption[];
  readonly commands: readonly TableCommand[];
}

export interface TableCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly TableOption[];
  /** Those that stand before a `--`. */
  readonly arguments: readonly TableArgument[];
  /** Whether a command of its own follows a `--`. */
  readonly runsJob: boolean;
}

export interface TableOption {
  /** With its dashes. */
  readonly flag: string;
  readonly description: string;
  /** What it takes, as the help calls it. */
  readonly value: string | undefined;
  /** All values there are, if there are so few. */
  readonly choices: readonly string[];
  /** Whether it says where the locks are. */
  readonly isConnection: boolean;
}

export interface TableArgument {
  readonly name: string;
  /** Whether it is a key, or the beginning of one, which the service knows. */
  readonly isKey: boolean;
  readonly choices: readonly string[];
}

/** What the arguments are called that are keys. */
const KEYS: readonly string[] = ["key", "name", "prefix"];

/** The options that a shell passes on when it asks for keys. */
const CONNECTION: readonly (string | undefined)[] = [
  "--account",
  "--endpoint",
  "--container",
  "--emulator",
  "--allow-http",
];

/** The table of a program, read from the program itself. */
export function tableOf(program: Command): CommandTable {
  const helper = program.createHelp();
  const commands = helper.visibleCommands(program);
  const names = commands.map((command) => command.name());
  return {
    name: program.name(),
    version: program.version() ?? "",
    options: optionsOf(program),
    commands: commands.map((command) => {
      const runsJob = command.registeredArguments.at(-1)?.variadic ?? false;
      const before = runsJob ? command.registeredArguments.slice(0, -1) : command.registeredArguments;
      return {
        name: command.name(),
        description: helper.subcommandDescription(command),
        options: optionsOf(command),
        arguments: before.map((argument) => ({
          name: argument.name(),
          isKey: KEYS.includes(argument.name()),
          // Commander's own `help` takes any command.
          choices: argument.argChoices ?? (command.name() === "help" ? names : []),
        })),
        runsJob,
      };
    }),
  };
}

function optionsOf(command: Command): TableOption[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      flag: option.long ?? option.flags,
      description: option.description,
      value: option.required || option.optional ? (/[<[](.*)[>\]]/.exec(option.flags)?.[1] ?? "value") : undefined,
      choices: option.argChoices ?? [],
      isConnection: CONNECTION.includes(option.long),
    }));
}

/** The options of all commands that say where the locks are, those with a value and those without. */
export function connectionFlags(commands: readonly TableCommand[]): {
  readonly withValue: readonly string[];
  readonly alone: readonly string[];
} {
  const options = commands.flatMap((command) => command.options).filter(({ isConnection }) => isConnection);
  const flags = (isIn: (option: TableOption) => boolean): string[] => [
    ...new Set(options.filter(isIn).map(({ flag }) => flag)),
  ];
  return { withValue: flags(({ value }) => value !== undefined), alone: flags(({ value }) => value === undefined) };
}

// Writes the manual page dist/azmutex.1 of the command, made from what its --help says.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** A line of text in roff: without meaning what a backslash, a hyphen or a first dot means there. */
const escaped = (text) =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&");
const bold = (text) => `\\fB${escaped(text)}\\fR`;
const asItIs = (text) => [".nf", escaped(text), ".fi"];

export async function buildMan(dist) {
  const { createProgram } = await import(pathToFileURL(join(dist, "cli/program.js")).href);
  const program = await createProgram();
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== "help");
  const { examples, codes, note } = endOf(program);
  const lines = [
    `.TH AZMUTEX 1 "" "azmutex ${program.version()}" "User Commands"`,
    ".SH NAME",
    "azmutex \\- run a command under a lock on an Azure Blob lease",
    ".SH SYNOPSIS",
    `${bold("azmutex")} \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]`,
    ".SH DESCRIPTION",
    escaped(program.description()),
    ".SH COMMANDS",
    ...commands.flatMap((command) => section(command, help)),
    ".SH CONNECTION",
    "Options of every command but completion:",
    ...rowsOf(commands[0], help, true),
    ".SH EXAMPLES",
    ...asItIs(examples),
    ".SH EXIT STATUS",
    ...asItIs(codes),
    ".SH ENVIRONMENT",
    escaped(note.replaceAll("\n", " ")),
    ".SH SEE ALSO",
    "docs/cli.md of the package's repository: every option, limit and crash",
  ];
  writeFileSync(join(dist, "azmutex.1"), `${lines.join("\n")}\n`);
}

function section(command, help) {
  const { examples, codes } = endOf(command);
  return [
    `.SS "${escaped(help.commandUsage(command))}"`,
    escaped(help.commandDescription(command).replace(/\s+/g, " ")),
    ...rowsOf(command, help, false),
    ".PP",
    "Examples:",
    ...asItIs(examples),
    ".PP",
    "Exit status:",
    ...asItIs(codes),
  ];
}

/** Options of its own, or those of the connection, which the commands have in common. */
const rowsOf = (command, help, isConnection) =>
  help
    .visibleOptions(command)
    .filter(({ helpGroupHeading }) => (helpGroupHeading !== undefined) === isConnection)
    .flatMap((option) => [".TP", bold(option.flags), escaped(help.optionDescription(option))]);

/** The parts of what the help of a command ends with. */
function endOf(command) {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  const [, examples = "", codes = "", note = ""] =
    /\nExamples:\n(.*?)\n\nExit codes:\n(.*?)(?:\n\n(.*))?\n$/s.exec(text) ?? [];
  return { examples, codes, note };
}

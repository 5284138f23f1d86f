import type { CommandTable, TableCommand, TableOption } from "./command-table.ts";

/** Completions for fish 3.1 and newer. */
export function fishCompletion({ name, version, options, commands }: CommandTable): string {
  const jobs = commands.filter(({ runsJob }) => runsJob).map((command) => command.name);
  return `# Completion of ${name} ${version} for fish, as "${name} completion fish" prints it.

# Whether these are the words of one of these commands, and no "--" has come.
function __${name}_in
    set -l words (commandline -opc)
    set -q words[2]; and contains -- $words[2] $argv; and not contains -- -- $words
end

# Whether no command has come.
function __${name}_first
    set -l words (commandline -opc)
    not set -q words[2]
end

# Whether this is what is run under a lock.
function __${name}_in_job
    set -l words (commandline -opc)
    set -q words[2]; and contains -- $words[2] ${jobs.join(" ")}; and contains -- -- $words
end

# Its own completions.
function __${name}_job
    set -l words (commandline -opc)
    set -l dashes (contains -i -- -- $words)
    complete -C (string join -- ' ' (string escape -- $words[(math $dashes + 1)..-1]) (commandline -ct))
end

complete -c ${name} -e
complete -c ${name} -f
complete -c ${name} -n __${name}_in_job -a '(__${name}_job)'
${options.map((option) => optionLine(name, `__${name}_first`, option)).join("")}${commands.map((command) => linesOf(name, command)).join("")}`;
}

function linesOf(program: string, command: TableCommand): string {
  const inCommand = `__${program}_in ${command.name}`;
  return [
    `\ncomplete -c ${program} -n __${program}_first -a ${command.name} -d ${quoted(command.description)}\n`,
    ...command.options.map((option) => optionLine(program, inCommand, option)),
    ...command.arguments
      .filter(({ choices }) => choices.length > 0)
      .map(({ choices }) => `complete -c ${program} -n ${quoted(inCommand)} -a ${quoted(choices.join(" "))}\n`),
  ].join("");
}

function optionLine(program: string, condition: string, { flag, description, value, choices }: TableOption): string {
  const values = value === undefined ? "" : choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : " -x";
  return `complete -c ${program} -n ${quoted(condition)} -l ${flag.replace(/^--/, "")}${values} -d ${quoted(description)}\n`;
}

const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, "\\$&")}'`;

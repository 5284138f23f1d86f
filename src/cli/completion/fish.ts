import { type CommandTable, connectionFlags, type TableCommand, type TableOption } from "./command-table.ts";

/** Completions for fish 3.1 and newer. */
export function fishCompletion({ name, version, options, commands }: CommandTable): string {
  const jobs = commands.filter(({ runsJob }) => runsJob).map((command) => command.name);
  const connection = connectionFlags(commands);
  const valued = [
    ...new Set(
      commands.flatMap((command) => command.options.flatMap(({ flag, value }) => (value === undefined ? [] : flag))),
    ),
  ];
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

# Whether a key comes next: it is the first word after the command that is neither an option nor the value of one.
function __${name}_wants_key
    set -l words (commandline -opc)
    set -q words[3]; or return 0
    set -l is_value 0
    for word in $words[3..-1]
        if test $is_value = 1
            set is_value 0
        else if contains -- $word ${valued.join(" ")}
            set is_value 1
        else if not string match -q -- '-*' $word
            return 1
        end
    end
    test $is_value = 0
end

# Keys that begin with what is typed, as the service has them. Without an answer within 2 s there are none.
function __${name}_keys
    set -l words (commandline -opc)
    set -l connection
    set -q words[3]; and for index in (seq 3 (count $words))
        switch $words[$index]
            case ${connection.withValue.join(" ")}
                set connection $connection $words[$index] $words[(math $index + 1)]
            case ${connection.withValue.map((flag) => `'${flag}=*'`).join(" ")} ${connection.alone.join(" ")}
                set connection $connection $words[$index]
        end
    end
    ${name} ls --complete $connection -- (commandline -ct) 2>/dev/null
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
${[
  ...options.map((option) => optionLine(name, `__${name}_first`, option)),
  ...commands.map((command) => completionLines(name, command)),
].join("")}`;
}

function completionLines(program: string, command: TableCommand): string {
  const inCommand = `__${program}_in ${command.name}`;
  const wantsKey = quotedForFish(`${inCommand}; and __${program}_wants_key`);
  return [
    `\ncomplete -c ${program} -n __${program}_first -a ${command.name} -d ${quotedForFish(command.description)}\n`,
    ...command.options.map((option) => optionLine(program, inCommand, option)),
    ...command.arguments
      .filter(({ isKey }) => isKey)
      .map(() => `complete -c ${program} -n ${wantsKey} -a '(__${program}_keys)'\n`),
    ...command.arguments
      .filter(({ choices }) => choices.length > 0)
      .map(
        ({ choices }) =>
          `complete -c ${program} -n ${quotedForFish(inCommand)} -a ${quotedForFish(choices.join(" "))}\n`,
      ),
  ].join("");
}

function optionLine(program: string, condition: string, { flag, description, value, choices }: TableOption): string {
  const values = value === undefined ? "" : choices.length > 0 ? ` -x -a ${quotedForFish(choices.join(" "))}` : " -x";
  return (
    `complete -c ${program} -n ${quotedForFish(condition)} -l ${flag.replace(/^--/, "")}${values} -d ` +
    `${quotedForFish(description)}\n`
  );
}

const quotedForFish = (text: string): string => `'${text.replaceAll(/[\\']/g, "\\$&")}'`;

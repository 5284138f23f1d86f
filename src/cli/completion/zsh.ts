import { type CommandTable, connectionFlags, type TableCommand, type TableOption } from "./command-table.ts";

/** A completion function for zsh: for a file `_azmutex` in its `fpath`, or to be sourced. */
export function zshCompletion({ name, version, options, commands }: CommandTable): string {
  const jobs = commands.filter(({ runsJob }) => runsJob).map((command) => command.name);
  const { withValue, alone } = connectionFlags(commands);
  const ending = (flags: readonly string[], end: string): string =>
    flags.map((flag) => `${flag}${end}`).join("|") || "''";
  return `#compdef ${name}
# Completion of ${name} ${version} for zsh, as "${name} completion zsh" prints it.

_${name}() {
  local -i dashes=\${words[(i)--]}
  if (( dashes < CURRENT )); then
    # What stands after "--" is a command line of its own.
    [[ $words[2] == (${jobs.join("|")}) ]] || return 1
    words=("\${(@)words[dashes + 1, -1]}")
    (( CURRENT -= dashes ))
    _normal
    return
  fi
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    local -a commands
    commands=(
${commands.map((command) => `      ${quotedForZsh(`${command.name}:${command.description}`)}\n`).join("")}    )
    _describe -t commands 'command' commands
    return
  fi
  if (( CURRENT == 2 )); then
    _arguments ${options.map(optionSpec).join(" ")}
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT -= 1 ))
  case $command in
${commands.map((command) => caseOf(name, command)).join("")}  esac
}

# Keys that begin with what is typed, as the service has them. Without an answer within 2 s there are none.
_${name}_keys() {
  local -a keys connection
  local -i index
  for (( index = 2; index < CURRENT; index++ )); do
    case $words[index] in
      (${ending(withValue, "")}) connection+=("$words[index]" "\${(Q)words[index + 1]}") ;;
      (${ending(withValue, "=*")}) connection+=("\${(Q)words[index]}") ;;
      (${ending(alone, "")}) connection+=("$words[index]") ;;
    esac
  done
  keys=(\${(f)"$(${name} ls --complete "\${connection[@]}" -- "\${(Q)PREFIX}" 2>/dev/null)"})
  compadd -a keys
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function caseOf(program: string, command: TableCommand): string {
  const specs = [
    ...command.options.map(optionSpec),
    ...command.arguments.map(({ name, choices, isKey }, place) =>
      quotedForZsh(`${place + 1}:${name}:${isKey ? `_${program}_keys` : actionOf(choices)}`),
    ),
  ];
  const lines = specs.map((spec) => `        ${spec}`).join(" \\\n");
  return `    ${command.name})\n      _arguments \\\n${lines}\n      ;;\n`;
}

/** `'--lease=[length of the lease]:duration:()'` */
function optionSpec({ flag, description, value, choices }: TableOption): string {
  const text = description.replaceAll(/[\\[\]]/g, "\\$&");
  return quotedForZsh(value === undefined ? `${flag}[${text}]` : `${flag}=[${text}]:${value}:${actionOf(choices)}`);
}

/**
 * One of these. None is a list too: a blank, which is a mere message, would keep options from being completed in its
 * place.
 */
const actionOf = (choices: readonly string[]): string => `(${choices.join(" ")})`;

const quotedForZsh = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

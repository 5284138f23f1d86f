import { type CommandTable, connectionFlags, type TableCommand, type TableOption } from "./command-table.ts";

/** A completion function for bash 3.2 and newer. */
export function bashCompletion({ name, version, options, commands }: CommandTable): string {
  const lines = (each: readonly string[]): string => each.map((line) => `      ${line}\n`).join("");
  const withValue = commands.flatMap((command) =>
    command.options.filter(({ value }) => value !== undefined).map(({ flag }) => `"${command.name} ${flag}"`),
  );
  const connection = connectionFlags(commands);
  const after = (flags: readonly string[]): string => flags.map((flag) => `*" ${flag}"`).join(" | ") || '""';
  const jobs = commands.filter(({ runsJob }) => runsJob).map((command) => `"${command.name} --"`);
  return `# Completion of ${name} ${version} for bash, as "${name} completion bash" prints it.

_${name}() {
  local current word command="" value="" words="" keys="" glue="" index place=0
  local -a typed=() at=() connection=()
  COMPREPLY=()
  for ((index = 1; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    # bash takes a:b for three words.
    if [[ \${#typed[@]} -gt 0 && ($word == :* || -n $glue) ]]; then
      typed[\${#typed[@]} - 1]+=$word
    else
      typed+=("$word") at+=("$index")
    fi
    [[ $word == *: ]] && glue=1 || glue=""
  done
  for ((index = 0; index < \${#typed[@]} - 1; index++)); do
    word=\${typed[index]}
    if [[ -n $value ]]; then
      # bash takes --option=value for three words.
      [[ $word == = ]] && continue
      case "$value" in
        ${after(connection.withValue)}) connection+=("\${value##* }" "\${word//[\\"\\']/}") ;;
      esac
      value=""
      continue
    fi
    case "$command $word" in
      ${jobs.join(" | ")}) _${name}_job $((at[index] + 1)); return ;;
      *" --") return ;;
      ${withValue.join(" | ")}) value="$command $word" ;;
      ${after(connection.alone)}) connection+=("$word") ;;
      *" -"*) ;;
      " "*) command=$word ;;
      *) place=$((place + 1)) ;;
    esac
  done
  current=\${typed[index]}
  [[ $current == = ]] && current=""
  if [[ -n $value ]]; then
    case "$value" in
${lines(commands.flatMap((command) => valueLines(command)))}      *) ;;
    esac
  elif [[ $current == -* ]]; then
    case "$command" in
      "") words="${flagsOf(options)}" ;;
${lines(commands.map((command) => `${command.name}) words="${flagsOf(command.options)}" ;;`))}    esac
  else
    case "$command $place" in
      " 0") words="${commands.map((command) => command.name).join(" ")}" ;;
${lines(commands.flatMap((command) => argumentLines(command)))}      *) ;;
    esac
  fi
  if [[ -n $keys ]]; then
    _${name}_keys "$current" \${connection[@]+"\${connection[@]}"}
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}

# Keys that begin with the first argument, as the service has them. Without an answer within 2 s there are none.
_${name}_keys() {
  local typed=\${1#[\\"\\']} key skipped
  # bash replaces what stands after the last colon.
  [[ $COMP_WORDBREAKS == *:* ]] && skipped=\${typed%"\${typed##*:}"}
  while IFS= read -r key; do
    [[ $key == "$typed"* ]] || continue
    key=\${key#"$skipped"}
    [[ $1 == [\\"\\']* ]] || key=$(printf %q "$key")
    COMPREPLY+=("$key")
  done < <("\${COMP_WORDS[0]}" ls --complete "\${@:2}" -- "$typed" 2>/dev/null)
}

# What stands after "--": whatever completes that command, or else commands and files.
_${name}_job() {
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "$1"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  else
    local IFS=$'\\n'
    compopt -o filenames 2>/dev/null
    if ((COMP_CWORD == $1)); then
      COMPREPLY=($(compgen -c -- "\${COMP_WORDS[COMP_CWORD]}") $(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    else
      COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    fi
  fi
}

complete -F _${name} ${name}
`;
}

const flagsOf = (options: readonly TableOption[]): string => options.map(({ flag }) => flag).join(" ");

const valueLines = (command: TableCommand): string[] =>
  command.options
    .filter(({ choices }) => choices.length > 0)
    .map(({ flag, choices }) => `"${command.name} ${flag}") words="${choices.join(" ")}" ;;`);

const argumentLines = (command: TableCommand): string[] =>
  command.arguments.flatMap(({ choices, isKey }, place) =>
    choices.length > 0
      ? [`"${command.name} ${place}") words="${choices.join(" ")}" ;;`]
      : isKey
        ? [`"${command.name} ${place}") keys=1 ;;`]
        : [],
  );

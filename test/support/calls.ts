import { jobCommand } from "../../src/cli/job/job-command.ts";
import { createProgram } from "../../src/cli/program.ts";

const OPERATORS = new Set([";", "&&", "||", "|", ">", "<", "&", ")"]);

/** The lines of a shell or a manifest. What ends with `\\`, or within a `command`, goes on in the next line. */
export function wholeLines(code: string): string[] {
  return code
    .replaceAll(/\\\n\s*/g, "")
    .replaceAll(/\["azmutex"[^\]]*\]/g, (list) => list.replaceAll(/\n\s*/g, " "))
    .split("\n");
}

/** The words after each `azmutex` that is a command, as a shell would split them. */
export function callsIn(line: string): string[][] {
  const words = [
    ...line.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|(&&|\|\||[;|>&)]|<(?!\())|((?:<\([^)]*\))|#.*$|[^\s'";|<>&]+)/g),
  ].flatMap(([, single, double, operator, word]) => {
    if (word?.startsWith("#")) return [];
    return [
      {
        text: single ?? double ?? operator ?? word ?? "",
        isOperator: operator !== undefined && OPERATORS.has(operator),
      },
    ];
  });
  const calls: string[][] = [];
  let call: string[] | undefined;
  for (const { text, isOperator } of words) {
    if (isOperator) call = undefined;
    else if (call) call.push(text);
    else if (text === "azmutex") {
      call = [];
      calls.push(call);
    }
  }
  return calls;
}

/** What the command says of these words, without running anything. */
export async function refusalOf(words: readonly string[]): Promise<string | undefined> {
  const program = await createProgram();
  let said = "";
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeErr: (text) => (said += text), writeOut: () => undefined });
    const runsJob = command.registeredArguments.at(-1)?.variadic;
    if (command !== program)
      command.action((...given: unknown[]) => void (runsJob && jobCommand(command, given[1] as string[])));
  }
  try {
    program.parse(words, { from: "user" });
    return undefined;
  } catch (error) {
    return said || String(error);
  }
}

import { isMutexError } from "../index.ts";
import { printable } from "../status/printable.ts";
import { identityNote } from "./connection/identity.ts";
import { inOurWords } from "./connection/option-names.ts";
import { CommandError, EXIT, exitCodeFor, shortageIn } from "./exit-codes.ts";

/** How a command that failed ends: with one line for people, and an exit code for the caller. */
export interface FailureExit {
  readonly line: string;
  readonly exitCode: number;
}

/**
 * The line and the code for anything thrown. An error of no known kind is a defect of azmutex, and the line says so.
 */
export function failureOf(thrown: unknown): FailureExit {
  const usage = inOurWords(thrown);
  const shortage = thrown instanceof CommandError ? undefined : shortageIn(thrown);
  if (shortage) return { line: printable(tellingOf(shortage, thrown)), exitCode: EXIT.system };
  if (thrown instanceof CommandError || isMutexError(thrown)) {
    const exitCode = exitCodeFor(thrown);
    const note = exitCode === EXIT.denied ? identityNote() : "";
    return { line: `${printable(usage ?? thrown.message)}${note}`, exitCode };
  }
  if (usage !== undefined) return { line: printable(usage), exitCode: EXIT.usage };
  return {
    line: `internal error, a defect of azmutex that should be reported: ${printable(nameAndMessage(thrown))}`,
    exitCode: EXIT.internal,
  };
}

/** The line for a failure, with what the machine lacks for it. */
function tellingOf({ message: lack }: Error, thrown: unknown): string {
  const { message } = thrown as Error;
  return message.includes(lack) ? message : `${message}: ${lack}`;
}

/**
 * What commander says of a command line. It quotes what it was given; only its suggestion, ours and its help have lines
 * of their own.
 */
export function usageText(text: string, hint = ""): string {
  if (!text.startsWith("error: ")) return text.trimEnd();
  const [, message = "", suggestion = ""] = /^error: (.*?)(\n\(Did you mean [^\n]*\))?\n?$/s.exec(text) ?? [];
  const lines = [message, suggestion.slice(1), hint].filter((line) => line !== "");
  return `azmutex: ${lines.map(printable).join("\n")}`;
}

function nameAndMessage(thrown: unknown): string {
  if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`;
  // Its properties are left out: they are unknown, and may be secret.
  return typeof thrown === "object" || typeof thrown === "function"
    ? Object.prototype.toString.call(thrown)
    : String(thrown);
}

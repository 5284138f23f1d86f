import type { Command } from "commander";
import { JobCommand } from "./job/job-command.ts";
import { shellWords } from "./shell-words.ts";

/** How to write a key that begins with a dash, if that is what commander took for an unknown option of this command. */
export function dashedKeyHint(command: Command, text: string): string {
  const [name] = command.registeredArguments.map((argument) => argument.name());
  const [word = "", next = "--"] = command.args;
  const isKey = next === "--" && text === `error: unknown option '${word}'\n`;
  if (name === undefined || !isKey) return "";
  const job = command instanceof JobCommand ? " -- ./job.sh" : "";
  return (
    `(A ${name} that begins with a dash stands after "--": azmutex ${command.name()} -- ` +
    `${shellWords([word])}${job})`
  );
}

import { CommanderError } from "commander";
import { requireRuntime } from "../runtime/runtime.ts";
import { endCommand } from "./at-end.ts";
import { dashedKeyHint } from "./dashed-key.ts";
import { EXIT, ReaderGone } from "./exit-codes.ts";
import { failureOf, usageText } from "./failure.ts";
import { refuseLossyArguments } from "./lossy-text.ts";
import { createProgram } from "./program.ts";
import { terminal } from "./terminal/terminal.ts";
import { later } from "./time.ts";

/** How long the library may go on releasing in the background. A lease that stands after that lapses by itself. */
const LINGER_MS = 5_000;
/** How long it may do so without a word to the user who has asked it to end. */
const SAY_AFTER_MS = 500;
const LINGERS = `azmutex: stopping: gives back what it may hold (up to ${LINGER_MS / 1_000} s); Ctrl-C ends at once`;

function fail(thrown: unknown): void {
  const { line, exitCode } = failureOf(thrown);
  process.exitCode = exitCode;
  if (thrown instanceof ReaderGone) return;
  if (exitCode === EXIT.usage) terminal.sayAlways(`azmutex: ${line}`);
  else terminal.say(`azmutex: ${line}`);
}

/** Does what the command line says. Sets the exit code. */
export async function runCommandLine(): Promise<void> {
  requireRuntime();
  // A job that runs is stopped by its watchdog.
  process.on("uncaughtException", (thrown) => {
    fail(thrown);
    process.exit();
  });
  const program = await createProgram(process.argv[2]);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.print(text),
      writeErr: (text) => terminal.say(usageText(text, dashedKeyHint(command, text))),
    });
  }
  try {
    refuseLossyArguments(process.argv.slice(2));
    await program.parseAsync();
  } catch (error) {
    // Commander has reported a bad command line itself.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
    else fail(error);
  }
  endCommand();
  // Sooner if there is nothing to release: no timer keeps the process.
  later(LINGER_MS, () => process.exit());
  if (Number(process.exitCode) > EXIT.signalled) later(SAY_AFTER_MS, () => terminal.say(LINGERS));
}

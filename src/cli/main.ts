#!/usr/bin/env node
// All else is loaded from here: what fails before its first line runs would end as a stack trace.
import { existsSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

type CommandLine = typeof import("./command-line.ts");

/** The codes of `EXIT`, whose module may be the one that could not be loaded. */
const INTERNAL = 70;
const SYSTEM = 71;

/**
 * `require` reads the hundred modules one after the other, with one file descriptor and without a turn of the event
 * loop for each: 10 ms less of each start. Runtimes whose `require` takes no ES modules import them, and so does a
 * bundle, which has no such file.
 */
function commandLine(): Promise<CommandLine> | CommandLine {
  const file = fileURLToPath(new URL("./command-line.js", import.meta.url));
  const takesModules = (process.features as { readonly require_module?: boolean }).require_module === true;
  if (!takesModules || !existsSync(file)) return import("./command-line.ts");
  const require = createRequire(file);
  const asked = fileURLToPath(new URL(`./commands/${process.argv[2]?.replace(/[^a-z]/g, "_")}.js`, import.meta.url));
  const loaded: CommandLine = require(file);
  // The command's import finds its modules there.
  if (existsSync(asked)) require(asked);
  return loaded;
}

try {
  const { runCommandLine } = await commandLine();
  await runCommandLine();
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const isShort = code === "EMFILE" || code === "ENFILE" || code === "ENOMEM";
  process.exitCode = isShort ? SYSTEM : INTERNAL;
  try {
    writeSync(2, `azmutex: could not be loaded: ${message}\n`);
  } catch {
    // Standard error is closed; the exit code still says it.
  }
}

#!/usr/bin/env node
// All else is loaded from here: what fails before its first line runs would end as a stack trace.
import { writeSync } from "node:fs";

/** The codes of `EXIT`, whose module may be the one that could not be loaded. */
const INTERNAL = 70;
const SYSTEM = 71;

try {
  const { runCommandLine } = await import("./command-line.ts");
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

import type { Program, ProgramOptions } from "./program.ts";

/** What `npm run example` does with a program: several processes of it, and something that happens to them. */
export interface Show {
  /** A line for the list. */
  readonly summary: string;
  /** What to look for in what it prints. */
  readonly notice: string;
  /** Resolves with what came of it, in a line. Rejects if that is not what the program promises. */
  play(stage: Stage): Promise<string>;
}

/** Where a show takes place. What it started ends with it, whatever happens. */
export interface Stage {
  /** For the programs' files. */
  readonly folder: string;
  /** Aborts when the show is to end before its time. */
  readonly signal: AbortSignal;
  say(line: string): void;
  /** Starts a process of a program, by the program's name, or `azmutex`, under a name of its own. */
  start(program: string, name: string, options?: Pick<ProgramOptions, "args" | "env">): Program;
}

/** The first of them that prints such a line. Rejects when all have ended without one. */
export async function firstToPrint(programs: readonly Program[], pattern: RegExp): Promise<Program> {
  const printing = programs.map(async (program) => {
    await program.printed(pattern);
    return program;
  });
  try {
    return await Promise.any(printing);
  } catch (all) {
    throw (all as AggregateError).errors[0];
  }
}

/** Waits for all of them, and rejects unless each ended by itself with 0. */
export async function allSucceed(programs: readonly Program[]): Promise<void> {
  for (const { name, ended } of programs) {
    const { code, signal } = await ended;
    if (code !== 0) throw new Error(`${name} ended with ${signal ?? code}`);
  }
}

/** Waits until it has ended, and rejects unless it was by that signal. */
export async function endedBy({ name, ended }: Program, wanted: NodeJS.Signals): Promise<void> {
  const { code, signal } = await ended;
  if (signal !== wanted) throw new Error(`${name} ended with ${signal ?? code}`);
}

/** `replica-1`, `replica-2`, … */
export function names(of: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${of}-${index + 1}`);
}

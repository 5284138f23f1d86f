import { NotRunError } from "./go-peer/not-run.ts";

/** How a program of the laboratory is called, and what it does. */
export interface Program<R> {
  readonly usage: string;
  /** Throws, or returns undefined, for options that make no sense. */
  readonly requested: (args: string[]) => R | undefined;
  /** Resolves with the exit status. A `NotRunError` says that this machine cannot run it. */
  readonly run: (request: R) => Promise<number>;
  /** The exit status of wrong options. Default: 2. */
  readonly wrongOptions?: number;
}

/** Answers `--help`, refuses wrong options, and runs. The exit status is 2 where this machine cannot run it. */
export async function runProgram<R>({ usage, requested, run, wrongOptions = 2 }: Program<R>): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return;
  }
  let request: R | undefined;
  try {
    request = requested(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n`);
  }
  if (request === undefined) {
    process.stderr.write(usage);
    process.exitCode = wrongOptions;
    return;
  }
  try {
    process.exitCode = await run(request);
  } catch (error) {
    if (!(error instanceof NotRunError)) throw error;
    process.stderr.write(`not run: ${error.message}\n`);
    process.exitCode = 2;
  }
}

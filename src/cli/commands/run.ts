import { hostname } from "node:os";
import { basename } from "node:path";
import { Command, Option } from "commander";
import {
  type AnyMutexError,
  type AzureMutex,
  type Holding,
  isMutexError,
  type LockerOptions,
  ReaderWriterLock,
  Semaphore,
  type WaitOptions,
} from "../../index.ts";
import { type ConnectionOptions, openMutex, withConnection } from "../connection/connection.ts";
import { type Duration, parseDuration } from "../duration.ts";
import { CommandError, EXIT, shortageIn } from "../exit-codes.ts";
import { heldExitCodeOption } from "../job/held-exit-code.ts";
import { runJob } from "../job/job.ts";
import { jobCommand } from "../job/job-command.ts";
import { jobEnvironment } from "../job/job-environment.ts";
import { graceOption, type JobTermsOptions, jobTerms, leaseOption } from "../job/job-terms.ts";
import { refuseToWaitForItself, type Wanted } from "../job/own-ancestors.ts";
import { SignalRelay } from "../job/signal-relay.ts";
import { WaitingProgress } from "../job/waiting-progress.ts";
import { wholeNumber } from "../whole-number.ts";

const MOST_PERMITS = 1_000;
/** The library takes no longer one. */
const LONGEST_PURPOSE = 1_024;

interface RunOptions extends ConnectionOptions, JobTermsOptions {
  readonly timeout?: Duration;
  readonly try?: boolean;
  readonly heldExitCode?: number;
  readonly fair?: boolean;
  readonly semaphore?: number;
  readonly read?: boolean;
  readonly write?: boolean;
  readonly holder?: string;
  readonly purpose?: string;
}

export function runCommand(): Command {
  const command = new Command("run")
    .summary("run a command under a lock")
    .description("Waits for the lock, runs the command while it is held, and releases it. Ends with the command's own exit code.")
    .usage("[options] <key> -- <command> [arguments...]")
    .argument("<key>", "name of the lock")
    .argument("[command...]", "what to run")
    .addOption(new Option("--timeout <duration>", "give up when the lock was not free within this time").argParser(parseDuration))
    .addOption(new Option("--try", "do not wait at all").conflicts("timeout"))
    .addOption(heldExitCodeOption())
    .addOption(new Option("--fair", "first come, first served between processes; all users of the key say so alike"))
    .addOption(
      new Option("--semaphore <permits>", "at most so many at once; all users say the same number").argParser(wholeNumber(1, MOST_PERMITS)),
    )
    .addOption(new Option("--read", "together with other readers, while nobody writes").conflicts(["write", "semaphore"]))
    .addOption(new Option("--write", "alone, and when nobody reads").conflicts(["read", "semaphore"]))
    .addOption(leaseOption())
    .addOption(graceOption())
    .addOption(new Option("--holder <name>", "who holds it, for people (default: host:pid)"))
    .addOption(new Option("--purpose <text>", "what it is held for, for people (default: the command's name)"));
  return withConnection(command).action((key: string, words: string[], options: RunOptions) =>
    run(key, jobCommand(command, words), options),
  );
}

async function run(key: string, job: readonly string[], options: RunOptions): Promise<void> {
  const { graceMs, ...terms } = jobTerms(options);
  const { fair = false, holder = `${hostname()}:${process.pid}`, purpose = purposeOf(job) } = options;
  const mutex = await openMutex(options);
  const source = sourceOf(mutex, key, { ...terms, fair, holder, purpose }, options);
  const relay = new SignalRelay();
  const progress = new WaitingProgress(mutex, key);
  try {
    const timeoutMs = options.try ? 0 : options.timeout?.ms;
    if (!options.try) await refuseToWaitForItself(mutex, { key, kind: kindOf(options) }, relay.asked);
    process.exitCode = await source.run(
      async (holding) => {
        progress.end();
        relay.asked.throwIfAborted();
        const { fencingToken: token, conditions, slot } = holding;
        const env = jobEnvironment({ key, token, leaseId: conditions?.leaseId, slot });
        return await runJob(holding, { command: job, env, graceMs, relay });
      },
      { timeoutMs, signal: relay.asked },
    );
  } catch (error) {
    throw isMutexError(error) ? outcomeOf(error, key, options) : error;
  } finally {
    progress.end();
    relay.end();
  }
}

/** What it means here that the lock was not won, or lost. */
function outcomeOf(error: AnyMutexError, key: string, options: RunOptions): Error {
  // The same, and what became of the command.
  if (error.code === "LOCK_LOST" && error.workError instanceof CommandError) return error.workError;
  if (error.code !== "LOCK_TIMEOUT" || shortageIn(error)) return error;
  const message = withDuration(error.message, options.timeout);
  if (error.cause !== undefined) return new CommandError(message, EXIT.unreachable, { cause: error });
  if (options.try) return new CommandError(`lock on "${key}" is held by another`, options.heldExitCode ?? EXIT.held);
  return new CommandError(message, options.heldExitCode ?? EXIT.timedOut, { cause: error });
}

/** The library's message with the duration as the user wrote it. */
function withDuration(message: string, duration: Duration | undefined): string {
  return duration === undefined ? message : message.replace(`within ${duration.ms} ms`, `within ${duration.text}`);
}

/** The command's name. What has none, a path that ends with a slash say, is shown as it is. */
function purposeOf([file = ""]: readonly string[]): string {
  return (basename(file) || file || "nothing").slice(0, LONGEST_PURPOSE);
}

/** Something to hold while a command runs: a lock, a permit, one side of a reader-writer lock. */
interface Source {
  run<T>(work: (holding: Held) => Promise<T>, options: WaitOptions): Promise<T>;
}

/** What a lock, a permit and a read lock have, each its own part of it. */
type Held = Holding & {
  readonly fencingToken: number | undefined;
  readonly slot?: number;
  readonly conditions?: { readonly leaseId: string };
};

function kindOf({ semaphore, read, write }: RunOptions): Wanted["kind"] {
  if (semaphore !== undefined) return "permit";
  return read ? "read" : write ? "write" : "lock";
}

function sourceOf(mutex: AzureMutex, key: string, options: LockerOptions, { semaphore: permits, read, write }: RunOptions): Source {
  if (permits !== undefined) return new Semaphore(mutex, key, { ...options, permits });
  if (read) return new ReaderWriterLock(mutex, key, options).read;
  if (write) return new ReaderWriterLock(mutex, key, options).write;
  return mutex.locker(key, options);
}

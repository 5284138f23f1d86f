import { type Command, Option } from "commander";
import { isMutexError, LeaderElection, type Leadership } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import {
  type ConnectionOptions,
  openMutex,
  placeOf,
  stateDirOption,
  withConnection,
} from "../connection/connection.ts";
import { inOurWords } from "../connection/option-names.ts";
import { wakeUpsOption } from "../connection/wake-ups.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { runJob } from "../job/job.ts";
import { JobCommand, jobCommand, programName } from "../job/job-command.ts";
import { jobEnvironment } from "../job/job-environment.ts";
import { forgetEndedJobs } from "../job/job-note.ts";
import { graceOption, type JobTermsOptions, jobTerms, leaseOption, maxOption } from "../job/job-terms.ts";
import { RunStory } from "../job/run-story.ts";
import { SignalRelay } from "../job/signal-relay.ts";
import { placed, withPlace } from "../lock/lock-place.ts";
import { endsAtOtherKind } from "../lock/other-kind.ts";
import { ReleaseAtEnd } from "../lock/release-at-end.ts";
import { terminal } from "../terminal/terminal.ts";
import { refuseToWaitForItself } from "../waiting/own-ancestors.ts";
import { WaitingProgress } from "../waiting/waiting-progress.ts";

interface ElectOptions extends ConnectionOptions, JobTermsOptions {
  readonly candidate?: string;
  readonly data?: string;
  readonly fair?: boolean;
}

export function electCommand(): Command {
  const command = new JobCommand("elect")
    .summary("run a command while this process leads")
    .description(
      "Campaigns, runs the command while this process leads, and campaigns again when the command has ended or " +
        "leadership was lost. The pause before that grows to a minute while the command ends at once. Ends " +
        "when it is asked to (SIGTERM, SIGINT, SIGHUP), with the command's own exit code.",
    )
    .usage("[options] <name> -- <command> [arguments...]")
    .argument("<name>", "name of the election")
    .argument("[command...]", "what to run")
    .addOption(new Option("--candidate <name>", "name of the leader, shown to every process (default: host:pid)"))
    .addOption(new Option("--data <text>", "data that this leader publishes, such as an address"))
    .addOption(new Option("--fair", "candidates lead in the order they came; all of them must set it"))
    .addOption(leaseOption())
    .addOption(graceOption())
    .addOption(maxOption("the command is stopped, and another candidate may lead"))
    .addOption(stateDirOption())
    .addOption(wakeUpsOption());
  return withConnection(command).action((name: string, words: string[], options: ElectOptions) =>
    elect(name, jobCommand(command, words), options),
  );
}

async function elect(name: string, job: readonly string[], options: ElectOptions): Promise<void> {
  const { graceMs, ...terms } = jobTerms(options);
  const { candidate, data, fair = false } = options;
  const mutex = await openMutex(options);
  const place = placeOf(mutex);
  await refuseToWaitForItself(mutex, { key: name, kind: "lock" }).catch((error: unknown) => {
    throw placed(error, name, place);
  });
  const stopForgetting = forgetEndedJobs(options.stateDir);
  const election = new LeaderElection(mutex, name, { ...terms, fair, candidate, data });
  const relay = new SignalRelay();
  const atEnd = new ReleaseAtEnd(mutex);
  const over = new AbortController();
  let hasLed = false;
  const story = new RunStory(name, options);
  const refuse = endsAtOtherKind(name, "election", over);
  const campaign = (): WaitingProgress => new WaitingProgress(mutex, { key: name, kind: "lock" }, "to lead", refuse);
  let progress = campaign();
  // While it leads, the command is asked to end, and what it makes of that is waited for.
  relay.asked.addEventListener("abort", () => relay.isAttached || over.abort(relay.asked.reason));
  const ending = (code: number): string => `${printable(programName(job))} ended with ${code}`;
  const lead = async (leadership: Leadership): Promise<void> => {
    const env = jobEnvironment({ key: name, token: leadership.term });
    hasLed = true;
    progress.end();
    story.held();
    terminal.say(`azmutex: leading "${name}" in term ${leadership.term}`);
    try {
      story.starts(job);
      const run = { command: job, env, graceMs, relay, stateDir: options.stateDir, releaseCommand: atEnd.command };
      const code = await atEnd.whileWorking(() => runJob(leadership, run));
      await story.release(leadership);
      if (relay.asked.aborted) over.abort(new JobEnded(code));
      else if (code !== 0) throw new JobFailed(ending(code), code);
      else sayAgain(ending(code));
    } finally {
      if (relay.asked.aborted) over.abort(relay.asked.reason);
      else progress = campaign();
    }
  };
  const onError = (error: unknown): void => {
    if (isFatal(error, hasLed)) throw error;
    const what = withPlace(error instanceof Error ? error.message : String(error), name, place);
    if (isMutexError(error) && error.code === "WORK_STILL_RUNNING") terminal.say(`azmutex: ${what}`);
    else sayAgain(what);
  };
  try {
    await election.run(lead, { signal: over.signal, onError });
  } catch (error) {
    if (!(error instanceof JobEnded)) throw error;
    process.exitCode = error.code;
  } finally {
    stopForgetting();
    progress.end();
    relay.end();
    atEnd.end();
  }
}

function sayAgain(what: string): void {
  terminal.say(`azmutex: ${what}; campaigning again`);
}

/** The command has ended as it was asked to. */
class JobEnded extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the command ended with ${code}`);
    this.code = code;
  }
}

/** The command ran. The next time it may do better, whatever it ended with. */
class JobFailed extends CommandError {}

/**
 * Whether another campaign would end alike: there is no such command, the key is no election, or these credentials
 * never were good for anything.
 */
function isFatal(error: unknown, hasLed: boolean): boolean {
  if (error instanceof JobFailed) return false;
  if (error instanceof CommandError) return error.exitCode === EXIT.notFound || error.exitCode === EXIT.notExecutable;
  // Something is not installed.
  if (!isMutexError(error) || error.code === "SDK_NOT_LOADED") return inOurWords(error) !== undefined;
  return (
    !hasLed && (error.code === "KEY_KIND_MISMATCH" || error.code === "ACCESS_DENIED" || error.code === "STORE_REFUSED")
  );
}

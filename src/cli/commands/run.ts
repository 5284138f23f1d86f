import { type Command, Option } from "commander";
import { stateDirOption, withConnection } from "../connection/connection.ts";
import { wakeUpsOption } from "../connection/wake-ups.ts";
import { runJob } from "../job/job.ts";
import { JobCommand, jobCommand, programName } from "../job/job-command.ts";
import { jobEnvironment } from "../job/job-environment.ts";
import { graceOption, leaseOption, maxOption } from "../job/job-terms.ts";
import { holderOption, type LockOptions, withLock } from "../lock/lock-options.ts";
import { checkOnce, isOnce, withOnce } from "../lock/once-slots.ts";
import { whileHeld } from "../lock/while-held.ts";

/** The library takes no longer one. */
const LONGEST_PURPOSE = 1_024;

export function runCommand(): Command {
  const command = new JobCommand("run")
    .summary("run a command under a lock")
    .description(
      "Waits for the lock, runs the command while it is held, and releases it. Ends with the command's own exit code.",
    )
    .usage("[options] <key> -- <command> [arguments...]")
    .argument("<key>", "name of the lock")
    .argument("[command...]", "what to run");
  withOnce(withLock(command))
    .addOption(leaseOption())
    .addOption(graceOption())
    .addOption(maxOption("the command is stopped, and azmutex ends with 79"))
    .addOption(holderOption())
    .addOption(new Option("--purpose <text>", "purpose of the lock, for people (default: the command's name)"))
    .addOption(stateDirOption())
    .addOption(wakeUpsOption());
  return withConnection(command).action((key: string, words: string[], options: LockOptions) =>
    run(key, jobCommand(command, words), options),
  );
}

async function run(key: string, job: readonly string[], options: LockOptions): Promise<void> {
  checkOnce(options);
  // A schedule does not queue up behind itself.
  const waits: Partial<LockOptions> = isOnce(options) && options.timeout === undefined ? { try: true } : {};
  const lock = { purpose: defaultPurpose(job), ...options, ...waits };
  await whileHeld(key, lock, async (holding, { graceMs, relay, story, atEnd, attempt }) => {
    const { fencingToken: token, conditions, slot } = holding;
    const env = jobEnvironment({ key, token, leaseId: conditions?.leaseId, slot, attempt });
    story.starts(job);
    const { stateDir } = options;
    const code = await runJob(holding, { command: job, env, graceMs, relay, stateDir, releaseCommand: atEnd.command });
    story.ended(job, code);
    return code;
  });
}

function defaultPurpose(job: readonly string[]): string {
  return (programName(job) || "nothing").slice(0, LONGEST_PURPOSE);
}

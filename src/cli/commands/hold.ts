import { Command, Option } from "commander";
import type { AzureMutex } from "../../index.ts";
import { placeJson, placeOf, stateDirOption, withConnection } from "../connection/connection.ts";
import { wakeUpsOption } from "../connection/wake-ups.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { failureOf } from "../failure.ts";
import { JobNote } from "../job/job-note.ts";
import { holdGraceOption, leaseOption, maxOption } from "../job/job-terms.ts";
import { processEntry } from "../job/process-table.ts";
import { notStoppedLine } from "../job/signal-relay.ts";
import { heldUntil } from "../lock/held-until.ts";
import { InputEnd } from "../lock/input-end.ts";
import { holderOption, type LockOptions, withLock } from "../lock/lock-options.ts";
import { placed } from "../lock/lock-place.ts";
import type { HeldLock } from "../lock/lock-source.ts";
import { type LockedWork, whileHeld } from "../lock/while-held.ts";
import { type HoldJson, printJsonLine } from "../output/json.ts";
import { terminal } from "../terminal/terminal.ts";

export function holdCommand(): Command {
  const command = new Command("hold")
    .summary("hold a lock for a script of several steps")
    .description(
      "Waits for the lock, prints its token and lease as one line of JSON, and holds it until standard input " +
        "ends or a signal asks it to end (Ctrl-C). Ends by itself when the lock is lost, and cannot stop what " +
        "relies on it: where one command is enough, use run.",
    )
    .argument("<key>", "name of the lock");
  withLock(command)
    .addOption(leaseOption())
    .addOption(holdGraceOption())
    .addOption(maxOption("it ends with 79"))
    .addOption(holderOption())
    .addOption(new Option("--purpose <text>", "purpose of the lock, for people"))
    .addOption(stateDirOption())
    .addOption(wakeUpsOption());
  return withConnection(command).action((key: string, options: LockOptions) => hold(key, options));
}

async function hold(key: string, options: LockOptions): Promise<void> {
  const input = new InputEnd(
    new CommandError(`standard input has ended before the lock on "${key}" was won`, EXIT.held),
  );
  const work: LockedWork = async (holding, { graceMs, relay, mutex }) => {
    const nothing = (): void => undefined;
    const letStop = relay.keepRunning();
    const detach = relay.attach({
      end: nothing,
      pass: nothing,
      suspend: () => terminal.say(notStoppedLine("releases it")),
    });
    // The script that relies on the lock: what started this process, and the group of both.
    const note = new JobNote(options.stateDir, { roots: [process.ppid, groupOfThis()] });
    try {
      printJsonLine(holdJson(key, mutex, holding));
      if (terminal.isInput && terminal.isForeground) terminal.say("azmutex: held until Ctrl-C");
      await heldUntil(AbortSignal.any([relay.asked, input.signal]), holding, graceMs).catch((error: unknown) =>
        endAtOnce(placed(error, key, placeOf(mutex))),
      );
      return relay.asked.reason instanceof CommandError ? relay.asked.reason.exitCode : 0;
    } finally {
      note.remove();
      detach();
      letStop();
    }
  };
  try {
    await whileHeld(key, options, work, input.signal);
  } finally {
    input.close();
  }
}

function groupOfThis(): number {
  return processEntry(process.pid)?.group ?? process.pid;
}

/** The script has to see it at once. Nothing is released: the script may be at work until the lease has run out. */
function endAtOnce(error: unknown): never {
  const { line, exitCode } = failureOf(error);
  terminal.say(`azmutex: ${line}`);
  process.exit(exitCode);
}

function holdJson(key: string, mutex: AzureMutex, { fencingToken: token, conditions, slot }: HeldLock): HoldJson {
  return {
    ...placeJson(mutex),
    key,
    ...(token !== undefined && { token }),
    ...(conditions !== undefined && { leaseId: conditions.leaseId }),
    ...(slot !== undefined && { slot }),
  };
}

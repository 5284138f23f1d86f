import { Command, InvalidArgumentError, Option } from "commander";
import type { AzureMutex, BreakOptions, BreakResult } from "../../index.ts";
import {
  answered,
  type ConnectionOptions,
  openMutex,
  placeJson,
  placeOf,
  withConnection,
} from "../connection/connection.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { MOST_PERMITS } from "../lock/lock-options.ts";
import { operator } from "../operator.ts";
import { type Duration, parseDuration } from "../options/duration.ts";
import { wholeNumber } from "../options/whole-number.ts";
import { breakLogLine, breakQuestion, resultLine, targetIn } from "../output/break-text.ts";
import { printJson } from "../output/json.ts";
import { ask, canAsk } from "../terminal/question.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";

const LONGEST_AFTER_MS = 60_000;

interface BreakCommandOptions extends ConnectionOptions {
  readonly ifHolder?: string;
  readonly after?: Duration;
  readonly permit?: number;
  readonly reader?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function breakCommand(): Command {
  const command = new Command("break")
    .summary("free a lock that another process holds")
    .description(
      "Breaks the lease of a lock: its holder cannot renew it any more and stops in time, and the lock is free " +
        "when the lease would have ended. Asks before, on a terminal. Works without a holder record.",
    )
    .argument("<key>", "name of the lock")
    .addOption(
      new Option(
        "--if-holder <name>",
        "only if this is the holder; otherwise nothing is changed, and the exit code is 75",
      ),
    )
    .addOption(
      new Option(
        "--after <duration>",
        "free after this time at the latest, whole seconds up to 60s; with 0s at once, while the holder may " +
          "still be at work: then there are two (default: when the lease would have ended; an infinite one " +
          "ends at once)",
      ).argParser(parseAfter),
    )
    .addOption(
      new Option("--permit <number>", "this permit of the semaphore, from 0, instead of the lock").argParser(
        wholeNumber(0, MOST_PERMITS - 1),
      ),
    )
    .addOption(new Option("--reader <name>", "this reader instead of the lock").conflicts(["permit", "ifHolder"]))
    .addOption(new Option("--yes", "do not ask"))
    .addOption(new Option("--json", "print one JSON object"));
  return withConnection(command).action((key: string, options: BreakCommandOptions) => confirmAndBreak(key, options));
}

async function confirmAndBreak(key: string, options: BreakCommandOptions): Promise<void> {
  const { yes = false, ifHolder, after, permit, reader, json = false } = options;
  if (!yes && !canAsk()) {
    const why = terminal.isQuiet ? "--quiet asks nothing, not even" : "there is no terminal to ask on";
    throw new CommandError(`${why} whether to break the lock: say --yes`, EXIT.usage);
  }
  const mutex = await openMutex(options);
  const place = placeOf(mutex);
  const terms: BreakOptions = { ifHolder, periodSeconds: after && after.ms / 1_000, permit, reader };
  const result = yes ? await answered(mutex, mutex.break(key, terms)) : await breakIfWanted(mutex, key, terms);
  const logLine = breakLogLine(key, terms, result, { name: operator(), by: "azmutex break" }, wallMs(), place);
  if (logLine !== undefined) terminal.say(`azmutex: ${logLine}`);
  if (json) printJson({ ...placeJson(mutex), key, ...result });
  else if (result.outcome !== "heldByAnother") terminal.print(`${resultLine(key, terms, result, place)}\n`);
  if (result.outcome === "heldByAnother") {
    process.exitCode = EXIT.held;
    if (!json) terminal.say(`azmutex: ${resultLine(key, terms, result, place)}`);
  }
}

async function breakIfWanted(mutex: AzureMutex, key: string, terms: BreakOptions): Promise<BreakResult> {
  const status = await answered(mutex, mutex.inspect(key));
  const target = targetIn(status, terms);
  if (!target) return { outcome: "notHeld", ...(status.isContainerMissing && { isContainerMissing: true }) };
  const { isUnseen = false, holder } = target;
  const { ifHolder = holder?.name, reader } = terms;
  if (!isUnseen && holder?.name !== ifHolder) return { outcome: "heldByAnother", ...(holder && { holder }) };
  if (!ask(breakQuestion(key, terms, target, wallMs(), placeOf(mutex))))
    throw new CommandError("nothing was changed", EXIT.held);
  // Not another holder, which has taken it meanwhile.
  return await answered(mutex, mutex.break(key, { ...terms, ifHolder: reader === undefined ? ifHolder : undefined }));
}

function parseAfter(text: string): Duration {
  const after = parseDuration(text);
  if (after.ms % 1_000 !== 0 || after.ms > LONGEST_AFTER_MS)
    throw new InvalidArgumentError("It must be whole seconds from 0s to 60s.");
  return after;
}

import { Command, Option } from "commander";
import { type AzureMutex, isMutexError, Once } from "../../index.ts";
import { printable } from "../../status/printable.ts";
import {
  answered,
  type ConnectionOptions,
  openMutex,
  placeJson,
  placeOf,
  withConnection,
} from "../connection/connection.ts";
import { CommandError, EXIT } from "../exit-codes.ts";
import { printJson } from "../output/json.ts";
import { slotLines } from "../output/slot-text.ts";
import { ask, canAsk } from "../terminal/question.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";

interface LastSlotOptions extends ConnectionOptions {
  readonly json?: boolean;
  readonly forget?: boolean;
  readonly yes?: boolean;
}

export function onceCommand(): Command {
  const command = new Command("once")
    .summary("say which slot of a job was run last")
    .description(
      "Shows the last slot of a job (run --once), its outcome, and when that was. With --forget, " +
        "deletes that record: " +
        "then every slot may run again. Asks before, on a terminal.",
    )
    .argument("<key>", "name of the job")
    .addOption(new Option("--json", "print one JSON object"))
    .addOption(new Option("--forget", "delete the record").conflicts("json"))
    .addOption(new Option("--yes", "with --forget, do not ask"));
  return withConnection(command).action((key: string, options: LastSlotOptions) => once(key, options));
}

async function once(key: string, options: LastSlotOptions): Promise<void> {
  const mutex = await openMutex(options);
  const job = new Once(mutex, key);
  if (options.forget) return await forget(job, mutex, options);
  const record = await answered(mutex, job.last());
  if (options.json) printJson({ ...placeJson(mutex), key, once: record ?? null });
  else terminal.print(`${slotLines(key, record, wallMs(), terminal.columns, placeOf(mutex)).join("\n")}\n`);
}

async function forget(job: Once, mutex: AzureMutex, { yes = false }: LastSlotOptions): Promise<void> {
  const what = `the last slot of "${printable(job.key)}" in ${placeOf(mutex)}`;
  if (!yes && !canAsk()) {
    const why = terminal.isQuiet ? "--quiet asks nothing, not even" : "there is no terminal to ask on";
    throw new CommandError(`${why} whether to forget ${what}: say --yes`, EXIT.usage);
  }
  if (!yes && !ask(`Forget ${what}, so that every slot may run again?`))
    throw new CommandError("nothing was changed", EXIT.held);
  try {
    await answered(mutex, job.forget({ timeoutMs: 0 }));
  } catch (error) {
    if (!isMutexError(error) || error.code !== "LOCK_TIMEOUT" || error.cause !== undefined) throw error;
    throw new CommandError(`"${job.key}" runs at this moment, and nothing was forgotten`, EXIT.held, { cause: error });
  }
  terminal.print(`forgot ${what}\n`);
}

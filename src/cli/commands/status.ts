import { Command, Option } from "commander";
import { isInUse } from "../../status/holders.ts";
import {
  answered,
  type ConnectionOptions,
  openMutex,
  placeJson,
  placeOf,
  withConnection,
} from "../connection/connection.ts";
import { EXIT } from "../exit-codes.ts";
import { printJson } from "../output/json.ts";
import { statusLines } from "../output/lock-status-text.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";

interface StatusOptions extends ConnectionOptions {
  readonly json?: boolean;
  readonly exitCode?: boolean;
}

export function statusCommand(): Command {
  const command = new Command("status")
    .summary("say who holds a lock, and who waits")
    .description("Shows one key: its state, its holder and purpose, the waiters in order, permits and readers.")
    .argument("<key>", "name of the lock")
    .addOption(new Option("--json", "print one JSON object"))
    .addOption(new Option("--exit-code", "end with 0 if the lock, a permit or a read lock is held, with 3 if none is"));
  return withConnection(command).action((key: string, options: StatusOptions) => status(key, options));
}

async function status(key: string, options: StatusOptions): Promise<void> {
  const mutex = await openMutex(options);
  const found = await answered(mutex, mutex.inspect(key));
  if (options.json) printJson({ ...placeJson(mutex), ...found });
  else terminal.print(`${statusLines(found, wallMs(), terminal.columns, placeOf(mutex)).join("\n")}\n`);
  if (options.exitCode && !isInUse(found)) process.exitCode = EXIT.notHeld;
}

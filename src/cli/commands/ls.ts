import { Command, Option } from "commander";
import { isInUse } from "../../status/holders.ts";
import { lookAtLocks } from "../../status/locks-look.ts";
import { printKeys } from "../completion/keys.ts";
import {
  answered,
  type ConnectionOptions,
  openMutex,
  placeJson,
  placeOf,
  withConnection,
} from "../connection/connection.ts";
import { heldOption } from "../options/held-option.ts";
import { printJson } from "../output/json.ts";
import { noLocks } from "../output/lock-labels.ts";
import { lockTable, totalsLine } from "../output/lock-table.ts";
import { cutTo } from "../terminal/columns.ts";
import { terminal } from "../terminal/terminal.ts";
import { wallMs } from "../time.ts";

interface LsOptions extends ConnectionOptions {
  readonly held?: boolean;
  readonly json?: boolean;
  readonly complete?: boolean;
}

const HELD_HINT = "; --held shows those in use alone, and azmutex watch scrolls";

export function lsCommand(): Command {
  const command = new Command("ls")
    .summary("list locks, and who holds them")
    .description(
      "Lists the locks of the container by key: those that are held or whose last holder left a record, " +
        "semaphores, and who reads. For people, those in use come first, cut to the width of the terminal; " +
        "piped output is whole.",
    )
    .argument("[prefix]", "only keys that begin with this")
    .addOption(heldOption())
    .addOption(new Option("--json", "print a JSON array"))
    .addOption(new Option("--complete", "print keys for the completion of a shell").hideHelp());
  return withConnection(command).action((prefix: string | undefined, options: LsOptions) => ls(prefix, options));
}

async function ls(prefix: string | undefined, options: LsOptions): Promise<void> {
  if (options.complete) return await printKeys(prefix ?? "", options);
  const mutex = await openMutex(options);
  const place = placeOf(mutex);
  const look = lookAtLocks((onNoContainer) => mutex.list({ prefix: prefix ?? "", onNoContainer }));
  const { locks: seen, isContainerMissing } = await answered(mutex, look);
  const locks = [...seen.values()];
  const shown = options.held ? locks.filter(isInUse) : locks;
  if (options.json) printJson(shown.map((lock) => ({ ...placeJson(mutex), ...lock })));
  else if (locks.length === 0) terminal.say(`azmutex: ${noLocks(place, prefix, isContainerMissing)}`);
  else {
    const { columns, rows } = terminal;
    const lines = [terminal.paint("dim", cutTo(columns, place)), ...lockTable(shown, wallMs(), { columns })];
    // A program that reads the rows has no use for it.
    if (terminal.isOutput) {
      // The first rows, of what is in use, are out of sight then. The prompt takes a row as well.
      const isTooLong = lines.length + 1 >= rows && shown.some((lock) => !isInUse(lock));
      lines.push(terminal.paint("dim", cutTo(columns, `${totalsLine(locks)}${isTooLong ? HELD_HINT : ""}`)));
    }
    terminal.print(lines.map((line) => `${line}\n`).join(""));
  }
}

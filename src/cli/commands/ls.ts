import { Command, Option } from "commander";
import type { LockStatus } from "../../index.ts";
import { printKeys } from "../completion/keys.ts";
import { type ConnectionOptions, openMutex, withConnection } from "../connection/connection.ts";
import { printJson } from "../facts/json.ts";
import { lockTable } from "../facts/lock-table.ts";
import { noLocks } from "../facts/lock-words.ts";
import { terminal } from "../terminal.ts";
import { wallMs } from "../time.ts";

interface LsOptions extends ConnectionOptions {
  readonly json?: boolean;
  readonly complete?: boolean;
}

export function lsCommand(): Command {
  const command = new Command("ls")
    .summary("list locks, and who holds them")
    .description(
      "Lists the locks of the container by key: those that are held or whose last holder left a record, semaphores, and who reads.",
    )
    .argument("[prefix]", "only keys that begin with this")
    .addOption(new Option("--json", "print a JSON array"))
    .addOption(new Option("--complete", "print keys for the completion of a shell").hideHelp());
  return withConnection(command).action((prefix: string | undefined, options: LsOptions) => ls(prefix, options));
}

async function ls(prefix: string | undefined, options: LsOptions): Promise<void> {
  if (options.complete) return await printKeys(prefix ?? "", options);
  const mutex = await openMutex(options);
  const locks: LockStatus[] = [];
  for await (const lock of mutex.list(prefix === undefined ? {} : { prefix })) locks.push(lock);
  if (options.json) printJson(locks);
  else if (locks.length === 0) terminal.say(`azmutex: ${noLocks(options.container, prefix)}`);
  else terminal.print(`${lockTable(locks, wallMs()).join("\n")}\n`);
}

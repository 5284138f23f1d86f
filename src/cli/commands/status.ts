import { Command, Option } from "commander";
import { type ConnectionOptions, openMutex, withConnection } from "../connection/connection.ts";
import { printJson } from "../facts/json.ts";
import { statusLines } from "../facts/lock-status-text.ts";
import { terminal } from "../terminal.ts";
import { wallMs } from "../time.ts";

interface StatusOptions extends ConnectionOptions {
  readonly json?: boolean;
}

export function statusCommand(): Command {
  const command = new Command("status")
    .summary("say who holds a lock, and who waits")
    .description("Says what is known of one key: its state, who holds it and for what, who waits in which order, permits and readers.")
    .argument("<key>", "name of the lock")
    .addOption(new Option("--json", "print one JSON object"));
  return withConnection(command).action((key: string, options: StatusOptions) => status(key, options));
}

async function status(key: string, options: StatusOptions): Promise<void> {
  const mutex = await openMutex(options);
  const found = await mutex.inspect(key);
  if (options.json) printJson(found);
  else terminal.print(`${statusLines(found, wallMs()).join("\n")}\n`);
}

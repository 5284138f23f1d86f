import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { breakCommand } from "./commands/break.ts";
import { completionCommand } from "./commands/completion.ts";
import { electCommand } from "./commands/elect.ts";
import { holdCommand } from "./commands/hold.ts";
import { leaderCommand } from "./commands/leader.ts";
import { lsCommand } from "./commands/ls.ts";
import { runCommand } from "./commands/run.ts";
import { statusCommand } from "./commands/status.ts";
import { uiCommand } from "./commands/ui.ts";
import { watchCommand } from "./commands/watch.ts";
import { helpEnd } from "./help-end.ts";
import { terminal } from "./terminal/terminal.ts";

const SECRETS = `There is no option for an account key, a SAS or a connection string: other users can list the command lines of processes.
Set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN; with
AZURE_STORAGE_ACCOUNT alone, whatever login to Azure there is counts (managed identity, az login, ...).`;

/** All commands there are. Help, completion and documentation are made from it. */
export function createProgram(): Command {
  const program = new Command("azmutex")
    .description("Locks on Azure Blob leases: run a command under one, and see and mend them.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print what a command does, and its options")
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addHelpText("after", ({ command }) => `${helpEnd(command)}\n\n${SECRETS}`)
    .hook("preAction", (_, command) => {
      if (command.opts<{ readonly quiet?: boolean }>().quiet) terminal.silence();
    });
  for (const command of [
    runCommand(),
    holdCommand(),
    electCommand(),
    leaderCommand(),
    statusCommand(),
    lsCommand(),
    watchCommand(),
    uiCommand(),
    breakCommand(),
    completionCommand(),
  ]) {
    program.addCommand(command.copyInheritedSettings(program).addHelpText("after", () => helpEnd(command)));
  }
  return program;
}

/**
 * Throws in a bundle: the programs of the watchdog and of the status page, which are files of the package, are not in
 * it.
 */
function version(): string {
  const manifest = new URL("../../package.json", import.meta.url);
  const { name, version } = existsSync(manifest) ? (JSON.parse(readFileSync(manifest, "utf8")) as Manifest) : {};
  if (name === "azmutex" && version !== undefined) return version;
  throw new Error(
    "the command is started from the installed package, as node_modules/.bin/azmutex: it cannot be bundled",
  );
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

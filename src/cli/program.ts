import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { helpEnd } from "./help-end.ts";
import { terminal } from "./terminal/terminal.ts";

/** All commands there are, by name. Each is loaded when it is asked for: the others' modules cost its start 20 ms. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = Object.freeze({
  run: async () => (await import("./commands/run.ts")).runCommand(),
  hold: async () => (await import("./commands/hold.ts")).holdCommand(),
  once: async () => (await import("./commands/once.ts")).onceCommand(),
  elect: async () => (await import("./commands/elect.ts")).electCommand(),
  leader: async () => (await import("./commands/leader.ts")).leaderCommand(),
  status: async () => (await import("./commands/status.ts")).statusCommand(),
  ls: async () => (await import("./commands/ls.ts")).lsCommand(),
  watch: async () => (await import("./commands/watch.ts")).watchCommand(),
  ui: async () => (await import("./commands/ui.ts")).uiCommand(),
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand(),
  break: async () => (await import("./commands/break.ts")).breakCommand(),
  completion: async () => (await import("./commands/completion.ts")).completionCommand(),
});
/** It is made from all of them. */
const NEEDS_ALL = "completion";

/**
 * The program with all its commands, from which help, completion and documentation are made; or with the one that is
 * asked for, if there is such a command.
 */
export async function createProgram(asked: string = NEEDS_ALL): Promise<Command> {
  const program = new Command("azmutex")
    .description("Locks on Azure Blob leases: run a command under one, and see and mend them.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print what a command does, and its options")
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addHelpText("after", ({ command }) => helpEnd(command))
    .hook("preAction", (_, command) => {
      if (command.opts<{ readonly quiet?: boolean }>().quiet) terminal.silence();
    });
  const isOne = asked !== NEEDS_ALL && Object.hasOwn(COMMANDS, asked);
  for (const [name, load] of Object.entries(COMMANDS)) {
    if (isOne && name !== asked) continue;
    const command = await load();
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
  const { name, version } = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, "utf8")) as Partial<Record<"name" | "version", string>>)
    : {};
  if (name === "azmutex" && version !== undefined) return version;
  throw new Error(
    "the command is started from the installed package, as node_modules/.bin/azmutex: it cannot be bundled",
  );
}

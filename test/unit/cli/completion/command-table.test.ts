import { Command, Option } from "commander";
import { describe, expect, it } from "vitest";
import { bashCompletion } from "../../../../src/cli/completion/bash.ts";
import { type CommandTable, tableOf } from "../../../../src/cli/completion/command-table.ts";
import { fishCompletion } from "../../../../src/cli/completion/fish.ts";
import { zshCompletion } from "../../../../src/cli/completion/zsh.ts";
import { createProgram } from "../../../../src/cli/program.ts";

const sample = new Command("sample")
  .version("7.0.0")
  .addCommand(
    new Command("do")
      .description("does it; the rest is left alone")
      .argument("<what>", "what")
      .argument("[command...]", "what to run")
      .addOption(new Option("--colour <name>", "in [this] colour").choices(["red", "green"]))
      .addOption(new Option("--quick", "don't wait"))
      .addOption(new Option("--secret", "not for everybody").hideHelp()),
  )
  .addCommand(new Command("hidden"), { hidden: true });

const flags = (options: CommandTable["options"]): string[] => options.map(({ flag }) => flag);

/** Every option by its command, as a script has them. */
const OPTIONS_IN = {
  bash: (script: string, { name }: { name: string }): string[] =>
    new RegExp(`^ *${name}\\) words="([^"]*)" ;;$`, "m").exec(script)?.[1]?.split(" ").filter(Boolean) ?? [],
  zsh: (script: string, { name }: { name: string }): string[] =>
    [
      ...(new RegExp(`^ {4}${name}\\)\\n([^;]*?(?:\\n.*)*?)\\n {6};;$`, "m").exec(script)?.[1] ?? "").matchAll(
        /^ +'(--[\w-]+)/gm,
      ),
    ].map(([, flag = ""]) => flag),
  fish: (script: string, { name }: { name: string }): string[] =>
    [...script.matchAll(new RegExp(`-n '__azmutex_in ${name}' -l ([\\w-]+)`, "g"))].map(([, flag]) => `--${flag}`),
};

describe("the table for completion", () => {
  it("has what the help shows, and nothing else", () => {
    const table = tableOf(sample);
    expect(table.version).toBe("7.0.0");
    expect(table.commands.map(({ name }) => name)).toEqual(["do", "help"]);
    expect(table.commands[0]).toMatchObject({
      description: "does it; the rest is left alone",
      runsJob: true,
      arguments: [{ name: "what", choices: [] }],
      options: [
        { flag: "--colour", value: "name", choices: ["red", "green"] },
        { flag: "--quick", value: undefined, choices: [] },
        { flag: "--help", value: undefined },
      ],
    });
    expect(table.commands[1]).toMatchObject({
      runsJob: false,
      arguments: [{ name: "command", choices: ["do", "help"] }],
    });
  });
});

describe.each([
  ["bash", bashCompletion, OPTIONS_IN.bash],
  ["zsh", zshCompletion, OPTIONS_IN.zsh],
  ["fish", fishCompletion, OPTIONS_IN.fish],
] as const)("the completion of %s", (shell, script, optionsIn) => {
  it("has all commands with all their options", async () => {
    const table = tableOf(await createProgram());
    const text = script(table);
    expect(table.commands.map(({ name }) => name)).toContain("completion");
    for (const command of table.commands)
      expect([command.name, optionsIn(text, command)]).toEqual([command.name, flags(command.options)]);
  });

  it("offers the values of an option that has few", () => {
    expect(script(tableOf(sample))).toMatch(shell === "zsh" ? /colour=.*:\(red green\)/ : /colour.*red green/);
  });

  it("quotes descriptions", () => {
    const text = script(tableOf(sample));
    if (shell === "bash") return expect(text).not.toContain("don't");
    expect(text).toContain(shell === "zsh" ? "don'\\''t wait" : "don\\'t wait");
    expect(text).toContain(shell === "zsh" ? "in \\[this\\] colour" : "in [this] colour");
  });

  it("knows nothing that is hidden", () => {
    expect(script(tableOf(sample))).not.toMatch(/secret|hidden/);
  });
});

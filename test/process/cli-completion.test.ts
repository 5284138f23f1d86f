import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CLI } from "../support/cli.ts";

// bash is everywhere where these tests run. zsh and fish are asked where they are installed; elsewhere test/unit/cli/completion.test.ts
// alone holds their scripts against the table of commands.

const folder = mkdtempSync(join(tmpdir(), "azmutex-completion-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "some file.txt"), "");

const isInstalled = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;

const scripts = new Map<string, string>();

/** The file in which it is, printed once. */
function scriptFor(shell: string): string {
  let file = scripts.get(shell);
  if (file === undefined) {
    file = join(folder, `azmutex.${shell}`);
    writeFileSync(file, execFileSync(process.execPath, [CLI, "completion", shell]));
    scripts.set(shell, file);
  }
  return file;
}

/** What bash offers for the last word. */
function bash(words: readonly string[], before = ""): string[] {
  const code = `
    ${before}
    source "$1"; shift
    [[ $(complete -p azmutex) == "complete -F _azmutex azmutex" ]] || exit 9
    COMP_WORDS=(azmutex "$@"); COMP_CWORD=$#
    _azmutex azmutex
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync("bash", ["--norc", "-c", code, "bash", scriptFor("bash"), ...words], {
    encoding: "utf8",
    cwd: folder,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  // bash itself shows each once: a command may be there twice, in /bin and /usr/bin.
  return [...new Set(stdout.split("\n"))].filter((line) => line !== "");
}

describe("azmutex completion", () => {
  it("takes the shells it knows alone", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, "completion", "tcsh"], { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({
      status: 64,
      stdout: "",
      stderr: "azmutex: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n",
    });
  });
});

describe("in bash, azmutex", () => {
  it("completes commands, and the program's own options", () => {
    expect(bash(["sta"])).toEqual(["status"]);
    expect(bash([""])).toEqual(expect.arrayContaining(["run", "elect", "ls", "watch", "break", "completion", "help"]));
    expect(bash(["--v"])).toEqual(["--version"]);
  });

  it("completes the options of the command at hand, and no others", () => {
    expect(bash(["run", "--t"])).toEqual(["--timeout", "--try"]);
    expect(bash(["run", "nightly", "--sem"])).toEqual(["--semaphore"]);
    expect(bash(["status", "--t"])).toEqual([]);
    expect(bash(["ls", "--js"])).toEqual(["--json"]);
  });

  it("completes what an argument can be", () => {
    expect(bash(["completion", ""])).toEqual(["bash", "zsh", "fish"]);
    expect(bash(["help", "el"])).toEqual(["elect"]);
  });

  it("offers nothing where a name or a value is wanted", () => {
    expect(bash(["run", ""])).toEqual([]);
    expect(bash(["run", "--holder", ""])).toEqual([]);
    expect(bash(["run", "--timeout", "--t"])).toEqual([]);
    expect(bash(["run", "--lease", "=", ""])).toEqual([]);
    expect(bash(["run", "--lease", "=", "30s", "--t"])).toEqual(["--timeout", "--try"]);
    expect(bash(["completion", "bash", ""])).toEqual([]);
  });

  it("completes commands and files after --, and no options of its own", () => {
    expect(bash(["run", "nightly", "--", "basenam"])).toEqual(["basename"]);
    expect(bash(["elect", "--fair", "office", "--", "cat", "some"])).toEqual(["some file.txt"]);
    expect(bash(["run", "nightly", "--", "cat", "--t"])).toEqual([]);
    expect(bash(["status", "nightly", "--", ""])).toEqual([]);
  });

  it("leaves what stands after -- to that command's own completion, where there is one", () => {
    expect(bash(["run", "k", "--try", "--", "git", "ch"], '_command_offset() { COMPREPLY=("from $1"); }')).toEqual(["from 5"]);
  });
});

/** What fish offers, without descriptions. */
function fish(line: string): string[] {
  const code = `source ${scriptFor("fish")}; complete -C ${JSON.stringify(line)}`;
  const { status, stdout, stderr } = spawnSync("env", ["fish", "--no-config", "-c", code], { encoding: "utf8", cwd: folder });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").flatMap((offer) => offer.split("\t")[0] || []);
}

/** What zsh makes of each line when TAB is pressed at its end. */
function zsh(...lines: readonly string[]): string[] {
  const out = join(folder, "zsh.out");
  const setup = [
    "PS1= TERM=dumb",
    "autoload -Uz compinit && compinit -u -D",
    `source ${scriptFor("zsh")}`,
    `dump() { print -r -- "$BUFFER" >> ${out}; BUFFER= }; zle -N dump; bindkey '^G' dump; bindkey '^I' complete-word`,
  ].join("; ");
  const code = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell ${JSON.stringify(setup).replaceAll("$", "\\$")}
    for line; do zpty -w -n shell "$line"$'\\t\\a'; done
    zpty -w shell exit
    while zpty -r shell; do :; done >/dev/null`;
  rmSync(out, { force: true });
  const { status, error } = spawnSync("zsh", ["-f", "-c", code, "zsh", ...lines], { encoding: "utf8", cwd: folder, timeout: 120_000 });
  expect({ status, error }).toMatchObject({ error: undefined });
  return readFileSync(out, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
}

if (isInstalled("fish")) {
  describe("in fish, azmutex", () => {
    it("completes commands, their options, and what an argument can be", () => {
      expect(fish("azmutex sta")).toEqual(["status"]);
      expect(fish("azmutex run --t")).toEqual(["--timeout", "--try"]);
      expect(fish("azmutex status --t")).toEqual([]);
      expect(fish("azmutex completion ")).toEqual(["bash", "fish", "zsh"]);
    });

    it("offers nothing where a name or a value is wanted", () => {
      expect(fish("azmutex run ")).toEqual([]);
      expect(fish("azmutex run --lease ")).toEqual([]);
    });

    it("completes commands and files after --, and no options of its own", () => {
      expect(fish("azmutex run nightly -- basenam")).toEqual(["basename"]);
      expect(fish("azmutex run nightly -- cat some")).toEqual(["some file.txt"]);
      expect(fish("azmutex run nightly -- sh --tim")).toEqual([]);
      expect(fish("azmutex status nightly -- basenam")).toEqual([]);
    });
  });
}

if (isInstalled("zsh")) {
  describe("in zsh, azmutex", () => {
    it("completes commands, their options, and what an argument can be", () => {
      const completed = {
        "azmutex sta": "azmutex status",
        "azmutex run --tim": "azmutex run --timeout=",
        "azmutex run nightly --sem": "azmutex run nightly --semaphore=",
        "azmutex status --tim": "azmutex status --tim",
        "azmutex completion f": "azmutex completion fish",
      };
      expect(zsh(...Object.keys(completed))).toEqual(Object.values(completed));
    });

    it("completes commands and files after --, and no options of its own", () => {
      const completed = {
        "azmutex run nightly -- basenam": "azmutex run nightly -- basename",
        "azmutex run nightly -- cat some": "azmutex run nightly -- cat some\\ file.txt",
        "azmutex run nightly -- true --tim": "azmutex run nightly -- true --tim",
        "azmutex status nightly -- basenam": "azmutex status nightly -- basenam",
      };
      expect(zsh(...Object.keys(completed))).toEqual(Object.values(completed));
    });
  });
}

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/index.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { CLI } from "../support/cli.ts";

// bash is everywhere where these tests run. zsh and fish are asked where they are installed; elsewhere
// test/unit/cli/completion/command-table.test.ts alone holds their scripts against the table of commands.

const folder = mkdtempSync(join(tmpdir(), "azmutex-completion-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "some file.txt"), "");

// In a thread of its own: it has to answer while this one waits for a shell.
const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());
const KEYS = ["a key", "deploy/$(touch pwned)", "deploy/production", "deploy/staging", "host:1", "host:2"];
const mutexOn = (containerName: string): AzureMutex =>
  new AzureMutex({ connectionString: emulator.connectionString, containerName });
await Promise.all(
  KEYS.map((key) =>
    mutexOn("locks")
      .locker(key)
      .run(() => undefined),
  ),
);
await mutexOn("jobs")
  .locker("nightly")
  .run(() => undefined);

mkdirSync(join(folder, "bin"));
writeFileSync(join(folder, "bin/azmutex"), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`, { mode: 0o755 });

/** The shell's environment: with the command and an account, or without an account. */
const shellEnv = (connectionString = ""): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH ?? ""}`,
  AZURE_STORAGE_CONNECTION_STRING: connectionString,
});
const ACCOUNT = shellEnv(emulator.connectionString);

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
function bash(words: readonly string[], { before = "", env = shellEnv() } = {}): string[] {
  const code = `
    ${before}
    source "$1"; shift
    [[ $(complete -p azmutex) == "complete -F _azmutex azmutex" ]] || exit 9
    COMP_WORDS=(azmutex "$@"); COMP_CWORD=$#; COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    _azmutex azmutex
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync("bash", ["--norc", "-c", code, "bash", scriptFor("bash"), ...words], {
    encoding: "utf8",
    cwd: folder,
    env,
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
      stderr:
        "azmutex: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed " +
        "choices are bash, zsh, fish.\n",
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
    expect(
      bash(["run", "k", "--try", "--", "git", "ch"], { before: '_command_offset() { COMPREPLY=("from $1"); }' }),
    ).toEqual(["from 5"]);
  });
});

/** A machine that is busy may need longer for an answer than the shell waits: TAB is pressed again. */
const PATIENTLY = { timeout: 240_000 };

describe("in bash, azmutex asks for keys, and", () => {
  const keys = (...words: readonly string[]): string[] => bash(words, { env: ACCOUNT });
  const offered = (...words: readonly string[]) => expect.poll(() => keys(...words), PATIENTLY);

  it("completes them where a command takes one, quoted as bash takes them", async () => {
    const deploys = ["deploy/\\$\\(touch\\ pwned\\)", "deploy/production", "deploy/staging"];
    for (const command of ["run", "elect", "leader", "status", "ls", "watch", "break"])
      await offered(command, "deploy/").toEqual(deploys);
    await offered("status", "--json", "a").toEqual(["a\\ key"]);
    await offered("run", "--lease", "30s", "deploy/p").toEqual(["deploy/production"]);
    await offered("status", '"a').toEqual(["a key"]);
    expect(existsSync(join(folder, "pwned"))).toBe(false);
  });

  it("offers none behind a key, for a value, or for what is no key", () => {
    expect(keys("status", "deploy/production", "")).toEqual([]);
    expect(keys("run", "--holder", "")).toEqual([]);
    expect(keys("help", "deploy")).toEqual([]);
  });

  it("completes what stands behind a colon, at which bash splits", async () => {
    await offered("status", "host", ":").toEqual(["1", "2"]);
    await offered("run", "--fair", "host", ":", "2").toEqual(["2"]);
    expect(keys("status", "host", ":", "1", "")).toEqual([]);
    expect(keys("run", "host", ":", "1", "--tim")).toEqual(["--timeout"]);
  });

  it("asks where the line says that the locks are", async () => {
    await offered("status", "--container", "jobs", "").toEqual(["nightly"]);
    await offered("status", "--container", "=", "jobs", "n").toEqual(["nightly"]);
    const [, port] = /:(\d+)/.exec(emulator.url) ?? [];
    const named = {
      ...shellEnv(),
      AZURE_STORAGE_ACCOUNT: emulator.accountName,
      AZURE_STORAGE_KEY: emulator.accountKey,
    };
    const url = ["--endpoint", "http", ":", "//127.0.0.1", ":", `${port}/${emulator.accountName}`];
    await expect
      .poll(() => bash(["status", ...url, "deploy/s"], { env: named }), PATIENTLY)
      .toEqual(["deploy/staging"]);
  });

  it("says nothing of a failure, and waits for two seconds at most", async () => {
    expect(bash(["status", "d"])).toEqual([]);
    let connections = 0;
    const silent = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const env = shellEnv(emulator.connectionString.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`));
    const isAsked = async (): Promise<boolean> => {
      expect(bash(["status", "d"], { env })).toEqual([]);
      // The server of this process accepts now what came meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 100));
      return connections > 0;
    };
    // On a busy machine the time may be over before anything is asked.
    await expect.poll(isAsked, PATIENTLY).toBe(true);
    // A request is tried again after 3 s.
    expect(connections).toBe(1);
    silent.close();
  });
});

/** What fish offers, without descriptions. */
function fish(line: string, env: NodeJS.ProcessEnv = shellEnv()): string[] {
  const code = `source ${scriptFor("fish")}; complete -C ${JSON.stringify(line)}`;
  const { status, stdout, stderr } = spawnSync("env", ["fish", "--no-config", "-c", code], {
    encoding: "utf8",
    cwd: folder,
    env,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").flatMap((offer) => offer.split("\t")[0] || []);
}

/** What zsh makes of each line when TAB is pressed at its end. */
function zsh(lines: readonly string[], env: NodeJS.ProcessEnv = shellEnv()): string[] {
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
  const { status, error } = spawnSync("zsh", ["-f", "-c", code, "zsh", ...lines], {
    encoding: "utf8",
    cwd: folder,
    env,
    timeout: 120_000,
  });
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

    it("completes keys, and says nothing of a failure", async () => {
      await expect.poll(() => fish("azmutex status deploy/p", ACCOUNT), PATIENTLY).toEqual(["deploy/production"]);
      await expect
        .poll(() => fish("azmutex run --lease 30s --container jobs ", ACCOUNT), PATIENTLY)
        .toEqual(["nightly"]);
      await expect.poll(() => fish("azmutex ls --container=jobs n", ACCOUNT), PATIENTLY).toEqual(["nightly"]);
      expect(fish("azmutex status deploy/production ", ACCOUNT)).toEqual([]);
      expect(fish("azmutex run --holder ", ACCOUNT)).toEqual([]);
      expect(fish("azmutex status d")).toEqual([]);
      expect(existsSync(join(folder, "pwned"))).toBe(false);
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
    it("completes keys, quoted, and says nothing of a failure", async () => {
      const completed = {
        "azmutex status deploy/p": "azmutex status deploy/production",
        "azmutex run --try a": "azmutex run --try a\\ key",
        "azmutex ls --container jobs n": "azmutex ls --container jobs nightly",
        "azmutex ls --container=jobs n": "azmutex ls --container=jobs nightly",
        "azmutex break 'deploy/$": "azmutex break 'deploy/$(touch pwned)'",
        "azmutex status deploy/staging d": "azmutex status deploy/staging d",
      };
      await expect.poll(() => zsh(Object.keys(completed), ACCOUNT), PATIENTLY).toEqual(Object.values(completed));
      expect(zsh(["azmutex status d"])).toEqual(["azmutex status d"]);
      expect(existsSync(join(folder, "pwned"))).toBe(false);
    });

    it("completes commands, their options, and what an argument can be", () => {
      const completed = {
        "azmutex sta": "azmutex status",
        "azmutex run --tim": "azmutex run --timeout=",
        "azmutex run nightly --sem": "azmutex run nightly --semaphore=",
        "azmutex status --tim": "azmutex status --tim",
        "azmutex completion f": "azmutex completion fish",
      };
      expect(zsh(Object.keys(completed))).toEqual(Object.values(completed));
    });

    it("completes commands and files after --, and no options of its own", () => {
      const completed = {
        "azmutex run nightly -- basenam": "azmutex run nightly -- basename",
        "azmutex run nightly -- cat some": "azmutex run nightly -- cat some\\ file.txt",
        "azmutex run nightly -- true --tim": "azmutex run nightly -- true --tim",
        "azmutex status nightly -- basenam": "azmutex status nightly -- basenam",
      };
      expect(zsh(Object.keys(completed))).toEqual(Object.values(completed));
    });
  });
}

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { AzureMutex } from "../../src/locks/azure-mutex.ts";
import { startEmulator } from "../../src/testing/emulator.ts";
import { wholeLines } from "../support/calls.ts";
import { type Block, parseDocument, readDocuments } from "../support/documents.ts";
import { PROJECT } from "../support/sources.ts";
import { Workplace } from "../support/workplace.ts";
import { asSystemdReads } from "./environment-file.ts";

const emulator = await startEmulator({ ownClock: true });
afterAll(() => emulator.close());
const { connectionString } = emulator;

const blocks: readonly Block[] = parseDocument(
  "docs/cli.md",
  readFileSync(join(PROJECT, "docs/cli.md"), "utf8"),
).blocks;

function blockWith(language: string, text: string): string {
  const found = blocks.find((block) => block.language === language && block.code.includes(text));
  if (!found) throw new Error(`docs/cli.md has no ${language} block with ${text}`);
  return found.code;
}

/**
 * The documented file, with the account of the emulator in place of the one it names: its own names and quotes stay.
 */
const ENVIRONMENT_FILE = `${blockWith("ini", "AZURE_STORAGE_KEY=").replace(
  "AZURE_STORAGE_ACCOUNT='acme'",
  `AZURE_STORAGE_CONNECTION_STRING='${connectionString}'`,
)}\n`;

const JOB = `echo "$AZMUTEX_KEY in $AZMUTEX_CONTAINER" >> log; exit "\${EXIT:-0}"`;

/**
 * A machine on which a recipe runs: its file of variables, its job, and nothing of this process's environment but the
 * way to programs.
 */
class Machine {
  readonly #place = new Workplace({ "nightly.sh": JOB, "job.sh": JOB, "schedule.sh": JOB, "bin/sudo": SUDO });

  constructor() {
    writeFileSync(join(this.#place.folder, "azmutex.env"), ENVIRONMENT_FILE);
  }

  /** Runs a command as `/bin/sh` gets it from a scheduler. */
  async run(
    command: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number | null; output: string; log: string }> {
    const { folder } = this.#place;
    const local = command.replaceAll("/etc/azmutex.env", join(folder, "azmutex.env")).replaceAll("/opt/", `${folder}/`);
    const PATH = `${join(folder, "bin")}:/usr/local/bin:/usr/bin:/bin`;
    const set = Object.entries({ PATH, HOME: folder, ...env }).map(([name, value]) => `${name}=${value}`);
    const outcome = await this.#place.run(["env", "-i", ...set, "/bin/sh", "-c", local]);
    return { ...outcome, log: this.#place.read("log") };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#place[Symbol.asyncDispose]();
  }
}

/**
 * What sudo does to an environment by its default policy: all of it goes but what is named, and the way to programs is
 * another one.
 */
const SUDO = `
kept=
case $1 in --preserve-env=*) kept=\${1#*=}; shift ;; esac
set -- "$@"
for name in $(echo "$kept" | tr , ' '); do eval "set -- \\"$name=\\$$name\\" \\"\\$@\\""; done
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"`;

describe.concurrent("the recipes of docs/cli.md,", () => {
  it("the file of variables, as a shell and as systemd read it", async (test) => {
    await using machine = new Machine();
    const names = ENVIRONMENT_FILE.match(/^\w+(?==)/gm) ?? [];
    test.expect(names.length).toBeGreaterThan(2);
    const { output } = await machine.run(
      `set -a; . /etc/azmutex.env; ${names.map((name) => `printenv ${name}`).join("; ")}`,
    );
    const bySystemd = asSystemdReads(ENVIRONMENT_FILE);
    test.expect(Object.keys(bySystemd)).toEqual(names);
    test.expect(output.trimEnd().split("\n")).toEqual(Object.values(bySystemd));
    test.expect(bySystemd.AZURE_STORAGE_CONNECTION_STRING).toBe(connectionString);
  });

  it("the line of cron: the job under the lock, its exit code, and none where another holds it", async (test) => {
    await using machine = new Machine();
    const [path = "", line = "", ...others] = blockWith("cron", "azmutex run").split("\n");
    test.expect(path).toMatch(/^PATH=(?:\/[\w/]+:?)+$/);
    test.expect(others).toEqual([]);
    const [, command = ""] = /^(?:[\d*,/-]+ ){5}(.*)$/.exec(line) ?? [];
    // cron takes it for the end of the line.
    test.expect(command).not.toContain("%");
    test.expect(await machine.run(command)).toEqual({ code: 0, output: "", log: "nightly in jobs\n" });
    test.expect(await machine.run(command, { EXIT: "5" })).toMatchObject({ code: 5 });
    await using held = await new AzureMutex({ connectionString, containerName: "jobs" }).locker("nightly").lock();
    test.expect(await machine.run(command)).toMatchObject({ code: 0, log: "nightly in jobs\nnightly in jobs\n" });
    held.assertHeld();
  });

  it("the unit of systemd, with what it reads from the file", async (test) => {
    await using machine = new Machine();
    const unit = new Map(
      blockWith("ini", "EnvironmentFile=")
        .split("\n")
        .slice(1)
        .map((line) => line.split(/=(.*)/, 2) as [string, string]),
    );
    test.expect(unit.get("EnvironmentFile")).toBe("/etc/azmutex.env");
    const start = unit.get("ExecStart") ?? "";
    // With it, sending SIGTERM to the command is azmutex's own part; and its 143 then is a good end.
    test.expect([unit.get("KillMode"), unit.get("SuccessExitStatus")]).toEqual(["mixed", "143"]);
    const stop = `timeout --foreground -s TERM 15 ${start.replace("/usr/bin/env ", "")} & main=$!; `;
    const untilItLeads =
      "i=0; until [ -s log ] || [ $i -gt 100 ]; do sleep 0.1; i=$((i+1)); done; kill -TERM $main; wait $main";
    const { code, log, output } = await machine.run(stop + untilItLeads, asSystemdReads(ENVIRONMENT_FILE));
    test.expect(output).toMatch(/^azmutex: leading "scheduler" in term \d+\n/);
    test.expect(log).toContain("scheduler in jobs\n");
    test.expect([0, 143]).toContain(code);
  });

  it("sudo: what is named, or read from the file, reaches azmutex", async (test) => {
    await using machine = new Machine();
    const [named = "", read = "", ...others] = wholeLines(blockWith("sh", "sudo "));
    test.expect(others).toEqual([]);
    const account = { AZURE_STORAGE_ACCOUNT: emulator.accountName, AZURE_STORAGE_KEY: emulator.accountKey };
    const here = named.replace("azmutex run", `azmutex run --endpoint ${emulator.url}`);
    test.expect(await machine.run(here, account)).toEqual({ code: 0, output: "", log: "nightly in \n" });
    // The way to programs that the test has stands for a secure_path in which azmutex is.
    test
      .expect(await machine.run(read.replace("sudo sh", 'sudo env "PATH=$PATH" sh')))
      // On a busy machine it may wait for the lock of the run before.
      .toMatchObject({ code: 0, output: test.expect.stringMatching(/^(?:azmutex: (?:waiting for|got) .*\n)*$/) });
    // Without either it is as the page says.
    test.expect(await machine.run("sudo env true && sudo azmutex ls", account)).toMatchObject({ code: 127 });
    test.expect(await machine.run('sudo env "PATH=$PATH" azmutex ls', account)).toMatchObject({
      code: 64,
      output: test.expect.stringContaining("no storage account"),
    });
  });
});

describe("docs/getting-started.md", () => {
  const page = parseDocument("docs/getting-started.md", readFileSync(join(PROJECT, "docs/getting-started.md"), "utf8"));
  const codeWith = (language: string, text: string): string => {
    const block = page.blocks.find((one) => one.language === language && one.code.includes(text));
    return wholeLines(block?.code ?? "").join("\n");
  };

  it("starts Azurite in a container with words that it takes", async () => {
    const [, words = ""] = /azure-storage\/azurite (azurite-blob .*)$/.exec(codeWith("sh", "docker run ")) ?? [];
    await using place = new Workplace();
    const { output } = await place.run([
      "sh",
      "-c",
      `timeout 60 ${join(PROJECT, "node_modules/.bin", words)} --blobPort 0 > out 2>&1 & main=$!
      i=0; until grep -qi 'listen\\|error\\|unknown' out || [ $i -gt 100 ]; do sleep 0.2; i=$((i+1)); done
      kill $main; wait $main; cat out`,
    ]);
    expect(output).toMatch(/successfully listens on http:\/\/0\.0\.0\.0:\d+/);
  });

  it("sets in PowerShell what it sets in a shell", () => {
    const inShell = /^export (\w+)="\$\{\1:-([^}]*)\}"$/.exec(codeWith("sh", "export "));
    const inPowerShell = /^\$env:(\w+) = "([^"$`]*)"$/.exec(codeWith("powershell", "$env:"));
    expect(inPowerShell?.slice(1)).toEqual(inShell?.slice(1));
    expect(codeWith("powershell", "mkdir").split("; ")).toEqual(
      codeWith("sh", "mkdir").split("\n")[0]?.replace(/ +#.*/, "").split(" && "),
    );
  });
});

/** Every `command` and `ENTRYPOINT` of the documents that is a list with azmutex in it, in code or in prose. */
const CONTAINER_COMMANDS = readDocuments(PROJECT).flatMap(({ path }) =>
  [
    ...readFileSync(join(PROJECT, path), "utf8").matchAll(
      /(?:command:\s+|ENTRYPOINT |`)(\["(?:azmutex|sh)",[^\]]*"\])/g,
    ),
  ]
    .map(([, list = "[]"]) => ({ path, argv: JSON.parse(list) as string[] }))
    .filter(({ argv }) => argv.some((word) => word.includes("azmutex"))),
);

const STAYS = "echo runs > log; sleep 60 & wait";

/**
 * Runs it as the first process of a pid namespace, as a container does, sends SIGTERM to that once the job runs, and
 * SIGKILL later.
 */
async function stoppedAsFirstProcess(
  argv: readonly string[],
  killAfterSeconds: number,
): Promise<number | "killed" | null> {
  await using place = new Workplace({ "bin/node": STAYS, scheduler: STAYS });
  const script = `
    unshare -rfp --mount-proc --kill-child "$@" & outer=$!
    i=0; until [ -s log ] || [ $i -gt 150 ]; do sleep 0.1; i=$((i+1)); done
    first=$(cat /proc/$outer/task/$outer/children)
    kill -TERM $first
    (sleep ${killAfterSeconds}; echo yes > killed; kill -KILL $first) >/dev/null 2>&1 & killer=$!
    wait $outer; code=$?; kill $killer; exit $code`;
  const here = argv.map((word) => word.replace("/app/", `${place.folder}/`));
  const { code, output } = await place.run(["sh", "-c", script, "sh", ...here], {
    AZURE_STORAGE_CONNECTION_STRING: connectionString,
  });
  expect(place.read("log"), output).toBe("runs\n");
  return place.read("killed") === "" ? code : "killed";
}

// A sandbox may forbid namespaces.
if (spawnSync("unshare", ["-rfp", "--mount-proc", "true"]).status === 0) {
  describe("as the first process of a container", () => {
    it.each(CONTAINER_COMMANDS)("$argv of $path ends at SIGTERM", async ({ argv }) => {
      expect(await stoppedAsFirstProcess(argv, 20)).toBe(143);
    });

    it("a shell would not, which is why none stands there", async () => {
      const argv = ["sh", "-c", "azmutex run nightly --try -- node nightly.js || [ $? -eq 75 ]"];
      expect(await stoppedAsFirstProcess(argv, 3)).toBe("killed");
    });

    it("is what all of these are", () => {
      expect(CONTAINER_COMMANDS.length).toBeGreaterThan(5);
    });
  });
}

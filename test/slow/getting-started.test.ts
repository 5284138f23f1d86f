import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../lab/shared/processes.ts";
import { emulatorConnectionString } from "../../src/store/azure/connection-string.ts";
import { type Block, parseDocument } from "../support/documents.ts";
import { ownTime } from "../support/own-time.ts";
import { PROJECT } from "../support/sources.ts";

// What a stranger does: nothing but copy what the page has. Two things differ: the package is the one that would be
// published, and the emulator listens at a free port, in case another one listens at the usual port.

/** From the first command to a held lock, in milliseconds. */
const LIMIT_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), "azmutex-stranger-"));
const app = join(folder, "azmutex-hello");
const TERMINALS = new Set<ChildProcess>();

/** The blocks under a heading, up to the next one. */
function blocksUnder(page: string, heading: string): readonly Block[] {
  const text = readFileSync(join(PROJECT, page), "utf8");
  const found = text.split(/^#{2,3} /m).find((part) => part.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`${page} has no heading "${heading}"`);
  return parseDocument(page, found).blocks;
}

function block(page: string, heading: string, containing: string): string {
  const found = blocksUnder(page, heading).find(({ code }) => code.includes(containing));
  if (!found) throw new Error(`${page} has nothing with "${containing}" under "${heading}"`);
  return found.code;
}

const PAGE = "docs/getting-started.md";
const INSTALL = block(PAGE, "Install", "npm install azmutex");
const EMULATOR = block(PAGE, "Somewhere to lock", "npx azurite-blob");
const ACCOUNT = block(PAGE, "Somewhere to lock", "export ");
const PROGRAM = block(PAGE, "The first lock", "import { AzureMutex");
const COMMANDS = block(PAGE, "The first lock", "npx azmutex status");

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

interface Terminal {
  readonly pid: number | undefined;
  output(): string;
  /** With the exit code. */
  readonly ended: Promise<number | null>;
}

/** A terminal into which this is pasted. It ends with the test. */
function terminal(commands: string, cwd: string, env: NodeJS.ProcessEnv = {}): Terminal {
  const quiet = {
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_prefer_offline: "true",
    npm_config_update_notifier: "false",
  };
  const child = spawn("sh", ["-e", "-c", commands], {
    cwd,
    env: { ...process.env, ...quiet, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  TERMINALS.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = once(child, "close").then(([code]) => {
    TERMINALS.delete(child);
    return code;
  });
  return { pid: child.pid, output: () => output, ended };
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

/** Resolves when it is so; rejects when the terminal has ended before. */
async function untilIn(place: Terminal, isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const over = place.ended.then((code) => {
    throw new Error(`${what}: not before it ended with ${code}:\n${place.output()}`);
  });
  await Promise.race([until(isSo, what), over]);
}

let env: NodeJS.ProcessEnv = {};
/** What is typed into the second terminal before anything else. */
const BEFORE = `cd azmutex-hello\n${ACCOUNT}\n`;
let tookMs = Number.NaN;
let firstRun = "";

beforeAll(async () => {
  const packed = spawnSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], {
    cwd: PROJECT,
    encoding: "utf8",
  });
  if (packed.status !== 0) throw new Error(`npm pack: ${packed.stdout}${packed.stderr}`);
  const [tarball = ""] = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  const install = INSTALL.replace("npm install azmutex ", `npm install ${join(folder, tarball)} `);
  expect(install).not.toBe(INSTALL);
  const port = await freePort();
  env = { AZURE_STORAGE_CONNECTION_STRING: emulatorConnectionString(port) };

  const began = ownTime.now();
  const beganAt = performance.now();
  const since = (): string => `${((performance.now() - beganAt) / 1_000).toFixed(1)} s`;
  const first = terminal(`${install}\n${EMULATOR.trimEnd()} --blobPort ${port}`, folder);
  await untilIn(first, () => answers(port), "the emulator answers");
  const emulatorAfter = since();
  writeFileSync(join(app, "lock.mjs"), PROGRAM);
  const second = terminal(`${BEFORE}exec node lock.mjs`, folder, env);
  await untilIn(second, () => second.output().includes("step 1,"), "a lock is held");
  tookMs = ownTime.now() - began;
  console.log(`from "npm init" to an emulator that answers: ${emulatorAfter}, to a held lock: ${since()}`);
  expect(await second.ended).toBe(0);
  firstRun = second.output();
});

afterAll(async () => {
  for (const { pid } of TERMINALS) if (pid !== undefined) process.kill(-pid, "SIGKILL");
  await Promise.all([...TERMINALS].map((child) => once(child, "close")));
  await rm(folder, { recursive: true, force: true });
});

describe("a stranger who copies what docs/getting-started.md has", () => {
  it("holds a lock within two minutes", () => {
    expect(firstRun).toMatch(/^step 1, fencing token \d+\nstep 2, fencing token \d+\nstep 3, fencing token \d+\n$/);
    expect(tookMs).toBeLessThan(LIMIT_MS);
  });

  it("has what was packed, with a command that can be executed", () => {
    const installed = join(app, "node_modules/azmutex");
    expect(readdirSync(installed).sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist",
      "package.json",
      "src",
    ]);
    expect(statSync(join(app, "node_modules/.bin/azmutex")).mode & 0o111).toBe(0o111);
  });

  it("goes on with the commands, when the lock is free", async () => {
    const commands = terminal(`${BEFORE}${COMMANDS}`, folder, env);
    expect(await commands.ended).toBe(0);
    expect(commands.output()).toContain("\nmine\n");
  });

  it("sees with one command who holds a lock that is stuck", async () => {
    // Renewals go on, and the work never ends.
    writeFileSync(join(app, "stuck.mjs"), PROGRAM.replace("step <= 3", "step <= 1e9"));
    const holder = terminal(`${BEFORE}exec node stuck.mjs`, folder, env);
    await untilIn(holder, () => holder.output().includes("step 1,"), "a lock is held");
    const [command = ""] = COMMANDS.split("\n");
    const look = terminal(`${BEFORE}${command}`, folder, env);
    expect(await look.ended).toBe(0);
    expect(look.output()).toMatch(
      new RegExp(`^hello: held\n {2}in .*\n {2}holder +\\S+:${holder.pid}\n {2}purpose +getting started\n`),
    );
  });

  it.each(["azmutex/dist/index.js", "azmutex/dist/cli/main.js", "azmutex/dist/locker.js", "azmutex/src/index.ts"])(
    "cannot import %s: what is no entry is closed",
    async (deep) => {
      const program = `import("${deep}").catch(({ code }) => console.log(code))`;
      const trying = terminal(`exec node --eval '${program}'`, app);
      expect(await trying.ended).toBe(0);
      expect(trying.output()).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
    },
  );

  it("can require it, and import what is for tests", async () => {
    const program =
      `console.log(typeof require("azmutex").AzureMutex, typeof ` +
      `require("azmutex/testing").startEmulator, ` +
      `require("azmutex/package.json").name)`;
    const requiring = terminal(`exec node --eval '${program}'`, app);
    expect(await requiring.ended).toBe(0);
    expect(requiring.output()).toContain("function function azmutex\n");
  });
});

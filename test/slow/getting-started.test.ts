import { mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emulatorConnectionString } from "../../src/store/azure/connection-string.ts";
import { ownTime } from "../support/own-time.ts";
import { answers, closeTerminals, copied, freePort, installing, pack, paste, untilIn } from "../support/pasted.ts";

// What a stranger does: nothing but copy what the page has. Two things differ: the package is the one that would be
// published, and the emulator listens at a free port, in case another one listens at the usual port.

/** From the first command to a held lock, in milliseconds. */
const LIMIT_MS = 120_000;
/** Registry and machine may be busy. */
const HANGS_MS = 900_000;

const folder = mkdtempSync(join(tmpdir(), "azmutex-stranger-"));
const app = join(folder, "azmutex-hello");

const PAGE = "docs/getting-started.md";
const INSTALL = copied(PAGE, "Install", "npm install azmutex");
const EMULATOR = copied(PAGE, "Somewhere to lock", "npx azurite-blob");
const ACCOUNT = copied(PAGE, "Somewhere to lock", "export ");
const PROGRAM = copied(PAGE, "The first lock", "import { AzureMutex");
const COMMANDS = copied(PAGE, "The first lock", "npx azmutex status");

let env: NodeJS.ProcessEnv = {};
/** What is typed into the second terminal before anything else. */
const BEFORE = `cd azmutex-hello\n${ACCOUNT}\n`;
let tookMs = Number.NaN;
let firstRun = "";

beforeAll(async () => {
  const install = installing(INSTALL, pack(folder));
  const port = await freePort();
  env = { AZURE_STORAGE_CONNECTION_STRING: emulatorConnectionString(port) };

  const began = ownTime.now();
  const beganAt = performance.now();
  const since = (): string => `${((performance.now() - beganAt) / 1_000).toFixed(1)} s`;
  const first = paste(`${install}\n${EMULATOR.trimEnd()} --blobPort ${port}`, folder);
  await untilIn(first, () => answers(port), "the emulator answers");
  const emulatorAfter = since();
  writeFileSync(join(app, "lock.mjs"), PROGRAM);
  const second = paste(`${BEFORE}exec node lock.mjs`, folder, env);
  await untilIn(second, () => second.output().includes("step 1,"), "a lock is held");
  tookMs = ownTime.now() - began;
  console.log(`from "npm init" to an emulator that answers: ${emulatorAfter}, to a held lock: ${since()}`);
  expect(await second.ended).toBe(0);
  firstRun = second.output();
}, HANGS_MS);

afterAll(async () => {
  await closeTerminals();
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
    const commands = paste(`${BEFORE}${COMMANDS}`, folder, env);
    expect(await commands.ended).toBe(0);
    expect(commands.output()).toContain("\nmine\n");
  });

  it("sees with one command who holds a lock that is stuck", async () => {
    // Renewals go on, and the work never ends.
    writeFileSync(join(app, "stuck.mjs"), PROGRAM.replace("step <= 3", "step <= 1e9"));
    const holder = paste(`${BEFORE}exec node stuck.mjs`, folder, env);
    await untilIn(holder, () => holder.output().includes("step 1,"), "a lock is held");
    const [command = ""] = COMMANDS.split("\n");
    const look = paste(`${BEFORE}${command}`, folder, env);
    expect(await look.ended).toBe(0);
    expect(look.output()).toMatch(
      new RegExp(`^hello: held\n {2}in .*\n {2}holder +\\S+:${holder.pid}\n {2}purpose +getting started\n`),
    );
  });

  it.each(["azmutex/dist/index.js", "azmutex/dist/cli/main.js", "azmutex/dist/locker.js", "azmutex/src/index.ts"])(
    "cannot import %s: what is no entry is closed",
    async (deep) => {
      const program = `import("${deep}").catch(({ code }) => console.log(code))`;
      const trying = paste(`exec node --eval '${program}'`, app);
      expect(await trying.ended).toBe(0);
      expect(trying.output()).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
    },
  );

  it("can require it, and import what is for tests", async () => {
    const program =
      `console.log(typeof require("azmutex").AzureMutex, typeof ` +
      `require("azmutex/testing").startEmulator, ` +
      `require("azmutex/package.json").name)`;
    const requiring = paste(`exec node --eval '${program}'`, app);
    expect(await requiring.ended).toBe(0);
    expect(requiring.output()).toContain("function function azmutex\n");
  });
});

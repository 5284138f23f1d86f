import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emulatorConnectionString } from "../../src/store/azure/connection-string.ts";
import { ownTime } from "../support/own-time.ts";
import {
  answers,
  closeTerminals,
  copied,
  freePort,
  installing,
  pack,
  paste,
  type Terminal,
  untilIn,
} from "../support/pasted.ts";
import { PROJECT } from "../support/sources.ts";

// What a stranger does who begins on the README, and copies what it and the pages it links to have. Two things differ:
// the package is the one that would be published, and the emulator listens at a free port. `FIGURES=docs` writes the
// times into docs/getting-started.md.

/** From `npm install` to what the stranger wants to see, in milliseconds. */
const LIMIT_MS = 120_000;
/** Registry and machine may be busy. */
const HANGS_MS = 900_000;
const STORAGE = "UseDevelopmentStorage=true";

const README = "README.md";
const INSTALL = copied(README, "Install", "npm install azmutex");
const PROGRAM = copied(README, "Quick start", "import { AzureMutex");
const [EXPORT = "", RUN = "", STATUS = ""] = copied(README, "Five ways to use it", "npx azmutex run")
  .split("\n")
  .filter((line) => !line.startsWith("#"));
const ONCE = copied("docs/once.md", "Quick start", "import { AzureMutex");
const BREAK = copied("docs/troubleshooting.md", "Free it now", "npx azmutex break");

/** What the stranger has, from where, and after how many seconds since `npm install`. */
const figures: { readonly what: string; readonly from: string; readonly seconds: number }[] = [];

const folder = mkdtempSync(join(tmpdir(), "azmutex-readme-"));
let env: NodeJS.ProcessEnv = {};
let variable = "";
/** How long the first part of the way took: by the machine's clock, and as this process saw it. */
let install = { ms: Number.NaN, ownMs: Number.NaN };
let job: Terminal | undefined;

async function durationOf(part: () => Promise<void>): Promise<{ readonly ms: number; readonly ownMs: number }> {
  const beganAt = performance.now();
  const ownBegan = ownTime.now();
  await part();
  return { ms: performance.now() - beganAt, ownMs: ownTime.now() - ownBegan };
}

/** Measures a part of the way, which begins where the packages are installed and the emulator answers. */
async function timed(what: string, from: string, part: () => Promise<void>): Promise<void> {
  const { ms, ownMs } = await durationOf(part);
  figures.push({ what, from, seconds: (install.ms + ms) / 1_000 });
  expect(install.ownMs + ownMs).toBeLessThan(LIMIT_MS);
}

beforeAll(async () => {
  const commands = installing(INSTALL, pack(folder));
  const port = await freePort();
  const connectionString = emulatorConnectionString(port);
  env = { AZURE_STORAGE_CONNECTION_STRING: connectionString };
  variable = EXPORT.replace(STORAGE, connectionString);
  install = await durationOf(async () => {
    const first = paste(`${commands.trimEnd()} --blobPort ${port}`, folder);
    await untilIn(first, () => answers(port), "the emulator answers");
  });
  // The stranger's own job.
  writeFileSync(join(folder, "job.sh"), "#!/bin/sh\necho at work\nexec sleep 600\n");
  chmodSync(join(folder, "job.sh"), 0o755);
}, HANGS_MS);

afterAll(async () => {
  await closeTerminals();
  await rm(folder, { recursive: true, force: true });
  const rows = figures.map(({ what, from, seconds }) => `| ${what} | ${from} | ${Math.ceil(seconds)} s |`);
  console.log(rows.join("\n"));
  if (process.env.FIGURES === undefined) return;
  const page = join(PROJECT, process.env.FIGURES, "getting-started.md");
  const text = readFileSync(page, "utf8");
  writeFileSync(page, text.replace(/(?<=\| from `npm install` to .*\n\|.*\n)(?:\|.*\n)+/, `${rows.join("\n")}\n`));
});

describe("a stranger who begins on the README, within two minutes of npm install", () => {
  it("holds a lock", async () => {
    await timed("a held lock", "README: Install, Quick start", async () => {
      writeFileSync(join(folder, "lock.mjs"), PROGRAM);
      const program = paste("node lock.mjs", folder, env);
      expect(await program.ended, program.output()).toBe(0);
      expect(program.output()).toMatch(/^add column under fencing token \d+\n/);
    });
  });

  it("has run a job once, which runs no second time", async () => {
    await timed("a job that ran once", "README: Install; [Once](once.md#quick-start): Quick start", async () => {
      writeFileSync(join(folder, "report.mjs"), ONCE);
      for (const outcome of ["ran", "alreadyDone"]) {
        const program = paste("node report.mjs", folder, env);
        expect(await program.ended, program.output()).toBe(0);
        expect(program.output()).toMatch(new RegExp(`^${outcome}\n`, "m"));
      }
    });
  });

  it("sees who holds a lock", async () => {
    await timed("who holds a lock", "README: Install, the command line", async () => {
      job = paste(`${variable}\n${RUN}`, folder);
      await untilIn(job, () => job?.output().includes("at work") ?? false, "the job runs");
      const look = paste(`${variable}\n${STATUS}`, folder);
      expect(await look.ended, look.output()).toBe(0);
      expect(look.output()).toMatch(/^nightly: held\n {2}in .*\n {2}holder +\S+:\d+\n {2}purpose +job\.sh\n/);
    });
  });

  it("frees it, and sees why the job has stopped", async () => {
    const from = "the same; [Troubleshooting](troubleshooting.md#free-it-now): Free it now";
    await timed("why a job was stopped", from, async () => {
      // It asks on a terminal, which this one is not.
      const freed = paste(`${variable}\n${BREAK.replace("break nightly", "break nightly --yes")}`, folder);
      expect(await freed.ended, freed.output()).toBe(0);
      expect(await job?.ended).toBe(79);
      expect(job?.output()).toMatch(/^azmutex: lock on "nightly" .* lost: broken by another process .* was stopped$/m);
    });
  });
});

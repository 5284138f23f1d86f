// Runs once, before the browser tests: finds the system's chromium, or unpacks that of the package @sparticuz/chromium.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { PROJECT } from "../../support/sources.ts";
import { type ChromiumProgram, systemChromium } from "./chromium.ts";

/** Kept for the next run. */
const UNPACKED = join(PROJECT, "node_modules", ".cache", "azmutex-chromium");
/** With this variable the package unpacks the libraries (nss, nspr, expat) that a minimal system lacks. */
const WITH_LIBRARIES = { AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" };
const UNPACK = 'import("@sparticuz/chromium").then(({ default: chromium }) => chromium.executablePath())';

export function setup(project: TestProject): void {
  const executablePath = systemChromium();
  project.provide("chromium", executablePath === undefined ? unpackedChromium() : { executablePath });
}

function unpackedChromium(): ChromiumProgram {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `no chromium found, and the package brings none for ${process.platform} ${process.arch}: set CHROMIUM=<path>`,
    );
  }
  if (!existsSync(UNPACKED)) unpack();
  const executablePath = join(UNPACKED, "chromium");
  const libraryPath = join(UNPACKED, "al2023", "lib");
  if (missingLibraries(executablePath).length === 0) return { executablePath };
  const missing = missingLibraries(executablePath, libraryPath);
  if (missing.length === 0) return { executablePath, libraryPath };
  throw new Error(
    `chromium needs libraries that this system lacks: ${missing.join(", ")}. Install them ` +
      "(Debian, Ubuntu: apt-get install -y libnss3 libnspr4 libexpat1), or a chromium " +
      "(apt-get install -y chromium), or set CHROMIUM=<path>",
  );
}

/** The package unpacks into the folder for temporary files. The rename keeps an interrupted run from leaving parts. */
function unpack(): void {
  const folder = `${UNPACKED}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  execFileSync(process.execPath, ["--eval", UNPACK], {
    cwd: PROJECT,
    env: { ...process.env, ...WITH_LIBRARIES, TMPDIR: folder },
  });
  renameSync(folder, UNPACKED);
}

/** What the dynamic linker does not find. Without `ldd` nothing is known, and the browser says itself what it lacks. */
function missingLibraries(executablePath: string, libraryPath?: string): string[] {
  const env = { ...process.env, ...(libraryPath !== undefined && { LD_LIBRARY_PATH: libraryPath }) };
  const { stdout } = spawnSync("ldd", [executablePath], { env, encoding: "utf8" });
  return [...(stdout ?? "").matchAll(/^\s*(\S+) => not found$/gm)].map(([, name = ""]) => name);
}

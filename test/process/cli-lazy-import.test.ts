import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CLI } from "../support/cli.ts";

/** The files that the command has loaded by its end. Node lists them when asked for coverage. */
function loadedBy(...args: readonly string[]): string[] {
  const reports = mkdtempSync(join(tmpdir(), "azmutex-loaded-"));
  const { PATH = "" } = process.env;
  try {
    execFileSync(process.execPath, [CLI, ...args], { env: { PATH, NODE_V8_COVERAGE: reports }, stdio: "ignore" });
    const loaded = readdirSync(reports).flatMap((name): string[] => {
      const report: { result: { url: string }[] } = JSON.parse(readFileSync(join(reports, name), "utf8"));
      return report.result.map(({ url }) => url);
    });
    expect(loaded.some((url) => url.endsWith("/dist/cli/main.js"))).toBe(true);
    return loaded;
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

function packagesLoadedBy(...args: readonly string[]): string[] {
  return [
    ...new Set(loadedBy(...args).flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])),
  ];
}

describe("the command", () => {
  it.for(["--help", "--version"])("loads nothing but commander for %s", (option) => {
    expect(packagesLoadedBy(option)).toEqual(["commander"]);
  });

  it.for(["run", "doctor"])("loads nothing more for the help of %s", (command) => {
    expect(packagesLoadedBy(command, "--help")).toEqual(["commander"]);
  });

  it("loads few files of its own to run a job", () => {
    const files = loadedBy("run", "--help").flatMap((url) => /\/dist\/(.*)/.exec(url)?.[1] ?? []);
    expect(files.sort()).toEqual([
      "cli/command-line.js",
      "cli/command.js",
      "cli/commands/run.js",
      "cli/job/watchdog.js",
      "cli/main.js",
      "cli/program.js",
      "library.js",
      "status.js",
    ]);
  });
});

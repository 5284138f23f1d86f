import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, readSources } from "../support/sources.ts";

/** The files a fresh process has loaded after `script`. Node lists them when asked for coverage. */
function loadedBy(script: string): string[] {
  const reports = mkdtempSync(join(tmpdir(), "azmutex-loaded-"));
  try {
    execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: PROJECT,
      env: { ...process.env, NODE_V8_COVERAGE: reports, NODE_OPTIONS: "" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const loaded = readdirSync(reports).flatMap((name): string[] => {
      const report: { result: { url: string }[] } = JSON.parse(readFileSync(join(reports, name), "utf8"));
      return report.result.map(({ url }) => url);
    });
    return loaded.filter((url) => url.startsWith("file:"));
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

/** The packages among them, without this one. */
const packagesOf = (urls: readonly string[]): string[] => [
  ...new Set(urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])),
];

/** The files of the build among them, within dist/. */
const filesOf = (urls: readonly string[]): string[] => urls.flatMap((url) => /\/dist\/(.*)/.exec(url)?.[1] ?? []);

describe("importing the build", () => {
  it('loads no package at all for "azmutex", and two files', () => {
    const loaded = loadedBy('import "azmutex";');
    expect(filesOf(loaded).sort()).toEqual(["index.js", "library.js"]);
    expect(packagesOf(loaded)).toEqual([]);
  });

  it("has what the library imports on demand in files of its own", () => {
    const library: { sources: string[] } = JSON.parse(readFileSync(join(PROJECT, "dist/library.js.map"), "utf8"));
    const sources = library.sources.map((path) => path.replace("../src/", ""));
    const onDemand = readSources()
      .filter(({ path }) => sources.includes(path))
      .flatMap(({ imports }) => imports)
      .filter(({ kind, target }) => kind === "dynamic" && target.endsWith(".ts"))
      .map(({ target }) => target);
    expect(onDemand).toContain("locks/guardian/guardian.ts");
    expect(onDemand.filter((path) => sources.includes(path))).toEqual([]);
  });

  it.each(["store", "testing"])('loads no package at all for "azmutex/%s"', (entry) => {
    const loaded = loadedBy(`import "azmutex/${entry}";`);
    expect(loaded.some((url) => url.endsWith(`/dist/${entry}/index.js`))).toBe(true);
    expect(packagesOf(loaded)).toEqual([]);
  });

  it("loads no guardian, not even with a mutex that is to have one, before there is a lease", () => {
    const mutex =
      'new AzureMutex({ connectionString: "UseDevelopmentStorage=true", containerName: "abc", guardian: true })';
    const loaded = loadedBy(`import { AzureMutex } from "azmutex"; ${mutex};`);
    expect(filesOf(loaded).sort()).toEqual(["index.js", "library.js"]);
  });

  it("would be seen to load the SDK", () => {
    expect(packagesOf(loadedBy('import "@azure/storage-blob";'))).toContain("@azure/storage-blob");
  });
});

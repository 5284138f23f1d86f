import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, parseSource, type Source } from "../support/sources.ts";

const tracked = execFileSync("git", ["ls-files"], { cwd: PROJECT, encoding: "utf8" }).split("\n").filter(Boolean);

/** The folder that a file belongs to: `lab/faults`, or the one at the top for what is outside the laboratory. */
const folderOf = (path: string): string => (/^lab\/[^/]+(?=\/)/.exec(path) ?? /^[^/]+/.exec(path))?.[0] ?? path;

/** Imports between files of this project that leave their folder for another than `allowed` has. */
function strayArrows(sources: readonly Source[], allowed: readonly string[]): string[] {
  return sources.flatMap(({ path, imports }) =>
    imports
      .filter(({ target }) => /\.(?:tsx?|mjs|js)$/.test(target))
      .filter(({ target }) => ![folderOf(path), ...allowed].includes(folderOf(target)))
      .map(({ target }) => `${path} -> ${target}`),
  );
}

const sourcesIn = (folder: string): Source[] =>
  tracked
    .filter((path) => path.startsWith(`${folder}/`) && /\.(?:ts|mjs)$/.test(path))
    .map((path) => parseSource(path, readFileSync(join(PROJECT, path), "utf8")));

describe("the laboratory", () => {
  it("has arrows between its folders to lab/shared alone, and none to test", () => {
    const sources = sourcesIn("lab");
    expect(new Set(sources.map(({ path }) => folderOf(path))).size).toBeGreaterThan(7);
    // The adapters of other libraries are a package of their own, which takes ours as it is built.
    expect(strayArrows(sources, ["lab/shared", "src"]).filter((arrow) => !arrow.endsWith("-> dist/index.js"))).toEqual(
      [],
    );
  });

  it("is used by the demo through lab/shared alone", () => {
    expect(strayArrows(sourcesIn("examples"), ["lab/shared"])).toEqual([]);
  });

  it("is nowhere in the sources of the package", () => {
    expect(strayArrows(sourcesIn("src"), [])).toEqual([]);
  });

  it("is a folder of six at the top", () => {
    const folders = new Set(tracked.flatMap((path) => (path.includes("/") ? [path.split("/")[0]] : [])));
    expect([...folders].filter((name) => !name?.startsWith(".")).sort()).toEqual([
      "docs",
      "examples",
      "lab",
      "scripts",
      "src",
      "test",
    ]);
  });
});

describe("the programs of the laboratory", () => {
  const programs = tracked.flatMap((path) => /^lab\/([^/]+)\/main\.ts$/.exec(path)?.[1] ?? []).sort();

  it("are those that npm run lab lists, with one line each", () => {
    const listed = execFileSync(process.execPath, [join(PROJECT, "scripts/lab.mjs")], { encoding: "utf8" });
    expect([...listed.matchAll(/^ {2}(\w+) +(?=\S)/gm)].map(([, name]) => name)).toEqual(programs);
    expect(programs.length).toBeGreaterThan(8);
  });

  it.each(programs)("have a README of one screen: %s", (name) => {
    const text = readFileSync(join(PROJECT, "lab", name, "README.md"), "utf8");
    expect(text.split("\n").length).toBeLessThanOrEqual(40);
    expect(text.match(/^## .*$/gm)).toEqual(["## Question", "## Command", "## How to read it", "## Last result"]);
    expect(text).toContain("npm run ");
  });
});

describe("the check of arrows itself", () => {
  const stray = (path: string, code: string): string[] => strayArrows([parseSource(path, code)], ["lab/shared", "src"]);

  it("sees an arrow from one program to another, and into the tests", () => {
    expect(stray("lab/bench/a.ts", 'import type { B } from "../faults/b.ts";')).toHaveLength(1);
    expect(stray("lab/shared/a.ts", 'import { b } from "../faults/b.ts";')).toHaveLength(1);
    expect(stray("lab/chaos/a.ts", 'import { b } from "../support/b.ts";')).toHaveLength(1);
  });

  it("accepts arrows within a folder, to lab/shared and to the package", () => {
    expect(stray("lab/bench/jobs/a.ts", 'import { b } from "../b.ts"; import { c } from "../../shared/c.ts";')).toEqual(
      [],
    );
    expect(stray("lab/chaos/a.ts", 'import { b } from "../../src/b.ts"; import { c } from "azmutex";')).toEqual([]);
  });
});

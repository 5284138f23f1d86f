import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

const { upToDate } = await import(pathToFileURL(join(PROJECT, "scripts/up-to-date.mjs")).href);

it("a build is made again after a change to a source or to what it made, and not otherwise", (test) => {
  const folder = mkdtempSync(join(tmpdir(), "azmutex-build-"));
  test.onTestFinished(() => rmSync(folder, { recursive: true }));
  const made = join(folder, "dist");
  const isMade = (): boolean => state().isMade();
  const state = () =>
    upToDate({
      sources: ["src", "tsconfig.json"].map((path) => join(folder, path)),
      made,
      record: join(folder, "made"),
    });
  const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);
  mkdirSync(join(folder, "src/room"), { recursive: true });
  write("src/room/a.ts", "a");
  write("tsconfig.json", "{}");
  expect(isMade()).toBe(false);
  for (const change of [
    () => write("src/room/a.ts", "b"),
    () => write("src/b.ts", ""),
    () => write("tsconfig.json", "{ }"),
    () => rmSync(join(folder, "src/b.ts")),
    () => rmSync(join(made, "a.js")),
    () => write("dist/stray.js", ""),
    () => utimesSync(join(made, "a.js"), 1, 1),
    () => rmSync(made, { recursive: true }),
  ]) {
    rmSync(made, { recursive: true, force: true });
    mkdirSync(made);
    write("dist/a.js", "made");
    state().remember();
    expect(isMade()).toBe(true);
    change();
    expect(isMade(), String(change)).toBe(false);
  }
});

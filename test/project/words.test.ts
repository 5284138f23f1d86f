import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

/** Words that stand where a sentence should name its subject: the caller, the holder, the service, another process. */
const NAMELESS = /\b(?:whoever|somebody|nobody|whom)\b/i;
/** The two files that say which words these are. */
const ABOUT_THEM = ["scripts/house.mjs", "test/project/words.test.ts"];

const files = execFileSync("git", ["ls-files", "*.ts", "*.tsx", "*.mjs", "*.go", "*.pml", "*.md"], {
  cwd: PROJECT,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && !ABOUT_THEM.includes(path));

describe("the language of code, tests and documents", () => {
  it("names the subject of every sentence", () => {
    expect(files.length).toBeGreaterThan(500);
    const found = files.flatMap((path) =>
      readFileSync(join(PROJECT, path), "utf8")
        .split("\n")
        .flatMap((line, at) => (NAMELESS.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  });
});

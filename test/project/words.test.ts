import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../support/sources.ts";

describe("the language of code, tests and documents", () => {
  it("names the subject of every sentence: the caller, the holder, the service, another process", () => {
    const figures = execFileSync(process.execPath, ["scripts/house.mjs", "--list"], { cwd: PROJECT, encoding: "utf8" });
    const [figure = "", ...found] = figures.slice(0, figures.indexOf("files directly in src")).trimEnd().split("\n");
    // The last line is the next figure's.
    expect(found.slice(0, -1)).toEqual([]);
    expect(figure).toBe("       0  lines that say whoever, somebody, nobody, whom or what is wanted (at most 0)");
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, readSources } from "../support/sources.ts";

/** The options in a file's exported interfaces of options, each with its doc comment. */
function optionsIn(code: string): { readonly name: string; readonly comment: string }[] {
  return [...code.matchAll(/^export interface (\w*Options)\b[^{]*\{\n([\s\S]*?)^\}/gm)].flatMap(
    ([, owner, body = ""]) =>
      [...body.matchAll(/^ {2}(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+)?(?:readonly )?(\w+)\?:/gm)].map(
        ([, comment = "", name]) => ({
          name: `${owner}.${name}`,
          comment,
        }),
      ),
  );
}

describe("the doc comments of options", () => {
  const reports = readdirSync(join(PROJECT, "docs/api")).map((file) =>
    readFileSync(join(PROJECT, "docs/api", file), "utf8"),
  );
  const isPublic = ({ name }: { name: string }): boolean =>
    reports.some((report) => report.includes(`interface ${name.split(".")[0]} `));
  const options = readSources()
    .flatMap(({ path }) => optionsIn(readFileSync(join(PROJECT, "src", path), "utf8")))
    .filter(isPublic);

  it("state the default of each that may be left out", () => {
    expect(options.length).toBeGreaterThan(50);
    expect(options.filter(({ comment }) => !comment.includes("Default:")).map(({ name }) => name)).toEqual([]);
  });

  it("state the unit of each that is a time", () => {
    const units = { Ms: "milliseconds", Seconds: "second" };
    for (const [suffix, unit] of Object.entries(units)) {
      const times = options.filter(({ name }) => name.endsWith(suffix));
      expect(
        times.filter(({ comment }) => !comment.replace(/\s*\*?\s+/g, " ").includes(unit)).map(({ name }) => name),
      ).toEqual([]);
    }
  });

  it("are found with their options", () => {
    const code =
      "export interface AOptions extends B {\n  a: 1;\n  /** A. Default: 1. */\n  readonly b?: 2;\n  c?: 3;\n}\n";
    expect(optionsIn(code)).toEqual([
      { name: "AOptions.b", comment: " A. Default: 1. " },
      { name: "AOptions.c", comment: "" },
    ]);
  });
});

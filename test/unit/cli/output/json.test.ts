import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type BreakJson,
  type LeaderJson,
  type PlaceJson,
  type StatusJson,
  toPrintableJson,
} from "../../../../src/cli/output/json.ts";
import type { BreakResult, Leader, LockStatus } from "../../../../src/index.ts";
import { printable } from "../../../../src/status/printable.ts";
import { parseDocument } from "../../../support/documents.ts";
import { ago } from "../../../support/lock-statuses.ts";
import { PROJECT } from "../../../support/sources.ts";

/** What an object is when it was written as JSON and read again. */
type Written<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? readonly Written<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Written<T[K]> }
      : T;

const TEXT = readFileSync(join(PROJECT, "docs/cli.md"), "utf8");
const JSON_TYPES = readFileSync(join(PROJECT, "src/cli/output/json.ts"), "utf8");

/** The fields of an interface in json.ts, those of what it extends left out. */
function fieldsOf(name: string): string[] {
  const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n((?:.*\\n)*?)\\}$`, "m").exec(JSON_TYPES)?.[1];
  if (body === undefined) throw new Error(`json.ts has no interface ${name}`);
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = ""]) => field);
}

/** The tables of fields, by the interface that a comment names. */
const fieldTables = (text: string): Map<string, string[]> =>
  new Map(
    [...text.matchAll(/^<!-- json: (\w+) -->\n((?:\|.*\n)+)/gm)].map(([, name = "", rows = ""]) => [
      name,
      [...rows.matchAll(/^\| `(\w+)` \|/gm)].map(([, field = ""]) => field),
    ]),
  );

describe("what --json prints", () => {
  it("is what the library says, to the last field", () => {
    expectTypeOf<Written<LockStatus & PlaceJson>>().toEqualTypeOf<StatusJson>();
    expectTypeOf<Written<BreakResult> & PlaceJson & { readonly key: string }>().toExtend<BreakJson>();
    expectTypeOf<LeaderJson["leader"]>().toEqualTypeOf<Written<Leader> | null>();
  });

  it("has the fields that docs/cli.md says, and no other", () => {
    const names = [...JSON_TYPES.matchAll(/^export interface (\w+)/gm)].map(([, name = ""]) => name);
    const tables = fieldTables(TEXT);
    expect([...tables.keys()].sort()).toEqual([...names].sort());
    for (const name of names) expect([name, tables.get(name)]).toEqual([name, fieldsOf(name)]);
  });

  it("has the fields alone that the samples in docs/cli.md have", () => {
    const known = new Set([...fieldTables(TEXT).values()].flat());
    const fieldsIn = (value: unknown): string[] =>
      typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([name, inner]) => [
            ...(Array.isArray(value) ? [] : [name]),
            ...fieldsIn(inner),
          ])
        : [];
    const samples = parseDocument("docs/cli.md", TEXT).blocks.filter(({ language }) => language === "json");
    expect(samples.length).toBeGreaterThan(2);
    expect(samples.flatMap(({ code }) => fieldsIn(JSON.parse(code))).filter((name) => !known.has(name))).toEqual([]);
  });

  it("has dates as ISO 8601", () => {
    expect(toPrintableJson({ since: ago(0) })).toBe('{"since":"2026-11-23T13:05:12.000Z"}');
  });

  it("has nothing in it that a terminal would obey, and reads as it was", () => {
    const purpose = "\u001b[2J\u009b2J\u202e\u2028\u007f\u{e0001} 夜间 🚀\n";
    const text = toPrintableJson({ purpose }, 2);
    const oneLine = text.replaceAll("\n", "");
    expect(printable(oneLine)).toBe(oneLine);
    expect(text).toContain("夜间 🚀");
    expect(JSON.parse(text)).toEqual({ purpose });
  });
});

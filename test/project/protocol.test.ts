import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SWITCHES } from "../../lab/model/checks.ts";
import { INVARIANTS } from "../../lab/simulation/invariants.ts";
import { readMutants } from "../../lab/simulation/mutants.ts";
import { PROJECT, readSources } from "../support/sources.ts";

/** A rule as the page has it: the paragraphs below its heading, each on one line. */
interface Rule {
  readonly number: string;
  readonly text: string;
  readonly checkedBy: string;
}

function rulesOf(page: string): Rule[] {
  return page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [number = "", ...rest] = section.replace(/^## .*/ms, "").split("\n");
      const [text = "", checkedBy = ""] = rest.join(" ").replaceAll(/\s+/g, " ").split("*Checked by:*");
      return { number, text: text.trim(), checkedBy: checkedBy.trim() };
    });
}

const MUTANTS = readMutants(join(PROJECT, "lab/simulation/mutants.yaml"));
const rules = rulesOf(readFileSync(join(PROJECT, "docs/protocol.md"), "utf8"));
const known = rules.map(({ number }) => number);
const switchesOf = (number: string): string[] =>
  SWITCHES.filter(({ rule }) => rule === number).map(({ model, name }) => `${model} ${name}`);
const mutantsOf = (number: string): string[] => MUTANTS.filter(({ rule }) => rule === number).map(({ name }) => name);

describe("docs/protocol.md", () => {
  it("numbers its rules from P1, without a gap", () => {
    expect(known.length).toBeGreaterThan(40);
    expect(known).toEqual(known.map((_, at) => `P${at + 1}`));
  });

  it.each(rules)("$number says what breaks without it, and what checks it", ({ text, checkedBy }) => {
    expect(text).toMatch(/^\*\*.+\*\*/);
    expect(text).toMatch(/\bWithout (?:it|the \w+)\b/);
    expect(checkedBy).not.toBe("");
  });

  it.each(rules)("$number names the model's switches that leave it out, and no others", ({ number, checkedBy }) => {
    const named = [...checkedBy.matchAll(/`(\w+ NO_[A-Z_]+)`/g)].map(([, name]) => name);
    expect(named.sort()).toEqual(switchesOf(number).sort());
  });

  it.each(rules)("$number names the simulation's mutants that break it, and no others", ({ number, checkedBy }) => {
    const named = [...checkedBy.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
    expect(named.sort()).toEqual(mutantsOf(number).sort());
  });

  it.each(rules)("$number names tests that exist", ({ checkedBy }) => {
    for (const [, path = ""] of checkedBy.matchAll(/`(test\/[^`]+)`/g))
      expect(existsSync(join(PROJECT, path)), path).toBe(true);
  });
});

describe("the rules that others cite", () => {
  it.each(SWITCHES)("$model $name: $rule is on the page", ({ rule }) => expect(known).toContain(rule));
  it.each(MUTANTS)("$name: $rule is on the page", ({ rule }) => expect(known).toContain(rule));
  it.each(Object.entries(INVARIANTS))("%s: %s are on the page", (_, guarded) => {
    expect(known).toEqual(expect.arrayContaining([...guarded]));
  });
});

describe("the code", () => {
  const cited = new Map(
    readSources().flatMap(({ path }) =>
      (readFileSync(join(PROJECT, "src", path), "utf8").match(/(?<!["'`])\bP\d+\b/g) ?? []).map(
        (rule) => [rule, path] as const,
      ),
    ),
  );

  it("cites no rule that is not on the page", () => {
    expect([...cited].filter(([rule]) => !known.includes(rule))).toEqual([]);
  });

  it.each(known)("cites %s where it carries it", (rule) => expect([...cited.keys()]).toContain(rule));
});

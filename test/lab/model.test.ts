import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CHECKS, type Model, SWITCHES } from "../../lab/model/checks.ts";
import { checkCells, markdownRow, switchCells } from "../../lab/model/table.ts";
import { searchIn, timelineIn, verdictOf } from "../../lab/model/verifier-output.ts";
import { PROJECT } from "../support/sources.ts";

const MODELS: readonly Model[] = ["lease", "tokens", "handover", "queue", "once"];

/** With what it includes. */
const sourceOf = (model: string): string =>
  readFileSync(join(PROJECT, `lab/model/${model}.pml`), "utf8").replaceAll(
    /^#include "(\w+)\.pml"$/gm,
    (_, name: string) => sourceOf(name),
  );
const document = readFileSync(join(PROJECT, "docs/model.md"), "utf8").split("\n");

/** The names that a model asks for with `#ifdef` and its like. */
const switchesIn = (source: string): string[] =>
  [...new Set(source.match(/\bNO_[A-Z_]+\b/g))].filter((name) => isAsked(source, name));
const isAsked = (source: string, name: string): boolean =>
  new RegExp(`(?:#ifn?def |defined\\()${name}\\b`).test(source);

const report = (errors: number, extra = ""): string => `
${extra}Full statespace search for:
	never claim         	- (not selected)
State-vector 144 byte, depth reached 2276, errors: ${errors}
  1712124 states, stored
 12646024 states, matched
  280.843	equivalent memory usage for states (stored*(State-vector + overhead))
  357.011	total actual memory usage
pan: elapsed time 7.16 seconds
`;

describe("the models", () => {
  it.each(MODELS)("%s: every switch in it is checked, and every one that is checked is in it", (model) => {
    const checked = SWITCHES.filter((one) => one.model === model).map(({ name }) => name);
    expect(switchesIn(sourceOf(model)).sort()).toEqual([...checked].sort());
  });

  it.each(MODELS)("%s: every property that it can violate is claimed by a search and broken by a switch", (model) => {
    const said = [...sourceOf(model).matchAll(/VIOLATED ([a-z ]+):/g)].map(([, property]) => property);
    const searches = CHECKS.filter((one) => one.model === model);
    const claimed = new Set(searches.flatMap(({ properties }) => properties));
    const broken = new Set(SWITCHES.filter((one) => one.model === model).map(({ breaks }) => breaks));
    expect([...broken].sort()).toEqual([...claimed].sort());
    for (const property of said) expect([...claimed]).toContain(property);
  });

  it("has a quick part that touches every model and each with a switch", () => {
    for (const list of [CHECKS, SWITCHES]) {
      const quick = new Set(list.filter((one) => one.quick).map(({ model }) => model));
      expect([...quick].sort()).toEqual([...MODELS].sort());
    }
  });
});

describe("docs/model.md", () => {
  it.each(CHECKS)("has a row for $model, $bounds", (check) => {
    const [model, bounds, properties] = checkCells(check, { states: 0, depth: 0 });
    const rows = document.filter((line) => line.startsWith(`| ${model} | ${bounds} | ${properties} | `));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatch(/\| [\d,]+ \| [\d,]+ \| [\d.]+ s \|$/);
  });

  it.each(SWITCHES)("has a row for $model without $name", (one) => {
    const start = markdownRow(switchCells(one, "")).replace(/\|\s*\|$/, `| ${one.breaks}: `);
    expect(document.filter((line) => line.startsWith(start))).toHaveLength(1);
  });
});

describe("what the verifier writes", () => {
  it("is read as an exhaustive search without a finding", () => {
    const search = {
      states: 1_712_124,
      depth: 2_276,
      seconds: 7.16,
      megabytes: 357.011,
      exhaustive: true,
      found: false,
    };
    expect(searchIn(report(0))).toEqual(search);
  });

  it("is read as a finding", () => {
    expect(searchIn(report(1, "pan:1: assertion violated 0 (at depth 31)\n"))).toMatchObject({
      exhaustive: false,
      found: true,
    });
  });

  it.each(["error: max search depth too small\n", "pan: reached -DMEMLIM bound\n", "Warning: Search not completed\n"])(
    "is not taken for exhaustive when it says %j",
    (complaint) => {
      expect(searchIn(report(0, complaint))).toMatchObject({ exhaustive: false, found: false });
    },
  );

  it("is not taken for anything when it is no report", () => {
    expect(() => searchIn("pan: out of memory")).toThrow("the verifier says nothing of");
  });

  it("is replayed step by step, up to what is violated first", () => {
    const replay = `
              > P1 asks and holds the lock
                  > P2 is refused
              > VIOLATED order: P3 gets the lock before P2
              > VIOLATED progress: P2 waits
 31:	proc  7 (time:1) m.pml:168 (state 163) <valid end state>
`;
    const timeline = timelineIn(replay);
    expect(timeline.steps).toEqual(["P1 asks and holds the lock", "P2 is refused"]);
    expect(verdictOf(timeline)).toBe("order: P3 gets the lock before P2. P1 asks and holds the lock; P2 is refused");
  });

  it("is told as a circle when it never ends", () => {
    const timeline = timelineIn(
      "  > P1 waits\n  <<<<<START OF CYCLE>>>>>\n  > P2 asks\n  > P2 releases\n  > P3 asks\n " +
        " > P3 releases\n  > P2 looks\n",
    );
    expect(verdictOf(timeline)).toBe("starvation: it goes round. P2 asks; P2 releases; P3 asks; P3 releases; P2 looks");
    expect(verdictOf(timelineIn(""))).toBe("no finding");
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readMutants } from "../../lab/simulation/mutants.ts";
import { edited, type Sources } from "../../lab/simulation/mutate.ts";
import { PROJECT, readSources } from "../support/sources.ts";

const sources: Sources = new Map(
  readSources().map(({ path }) => [path, readFileSync(join(PROJECT, "src", path), "utf8")]),
);
const changed = (before: Sources, after: Sources): string[] =>
  [...after.keys()].filter((path) => before.get(path) !== after.get(path));

/**
 * A change to a place that a mutant is about has to say what the mistake would be now. `npm run mutants` says whether
 * it is found.
 */
describe("a mutant of the sources", () => {
  it.each(readMutants(join(PROJECT, "lab/simulation/mutants.yaml")))(
    "still has something to change: $name",
    ({ edits }) => {
      let mutated = sources;
      for (const edit of edits) {
        const before = mutated;
        mutated = edited(mutated, edit);
        expect(changed(before, mutated)).toHaveLength(1);
      }
    },
  );
});

describe("an edit", () => {
  const text = `export class Door {
  readonly #isOpen = false;
  /** Opens it. */
  open(by: string): void { log(by, "open"); // aloud
    this.#isOpen = true; }
}
const WIDTH = 2;
`;
  const one: Sources = new Map([["house/door.ts", text]]);
  const make = (place: string, stands: string, instead = "x"): string | undefined =>
    edited(one, { place, stands, instead }).get("house/door.ts");

  it("does not mind layout, comments and trailing commas", () => {
    expect(make("house/Door.open", 'log(\n by,\n "open",\n);\nthis.#isOpen = true;')).toContain(
      "open(by: string): void { x }",
    );
  });

  it("finds a class, a member of it, and what a file declares", () => {
    expect(make("house/Door", "readonly")).toContain("x #isOpen = false;");
    expect(make("house/Door.#isOpen", "false", "true")).toContain("readonly #isOpen = true;");
    expect(make("house/WIDTH", "2", "3")).toContain("const WIDTH = 3;");
  });

  it.each([
    ["house/Gate.open", "log"],
    ["house/Door.close", "log"],
    ["garden/Door.open", "log"],
  ])("says that %s is not declared", (place, stands) => {
    expect(() => make(place, stands)).toThrow(`${place} is declared 0 times, not once`);
  });

  it("says that what it is to change stands there never, or more than once", () => {
    expect(() => make("house/Door.open", "false")).toThrow("stands 0 times, not once");
    expect(() => make("house/Door", "isOpen")).toThrow("stands 0 times, not once");
    expect(() => make("house/Door", "#isOpen")).toThrow("stands 2 times, not once");
  });
});

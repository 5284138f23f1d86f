import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "../simulation/mutants.ts";
import { PROJECT } from "../support/sources.ts";

/** Whoever changes a line that a mutant is about has to say what the mistake would be now. `npm run mutants` says whether it is found. */
describe("a mutant of the sources", () => {
  it.each(MUTANTS)("still has something to change: $name", ({ edits }) => {
    for (const [file, stands, instead] of edits) {
      const text = readFileSync(join(PROJECT, file), "utf8");
      expect(text.split(stands).length - 1, `in ${file}:\n${stands}`).toBe(1);
      expect(instead).not.toBe(stands);
    }
  });
});

import { describe, expect, it } from "vitest";
import { fitted } from "../../../src/cli/watching/screen.ts";

const lines = (count: number): string[] => [...Array(count).keys()].map((index) => `line ${index + 1}`);

describe("a frame on a screen", () => {
  it("is shown whole if it fits, with a row for the cursor", () => {
    expect(fitted({ head: ["head"], lines: lines(4) }, { rows: 6, columns: 80 })).toEqual(["head", ...lines(4)]);
  });

  it("says how many lines it does not show", () => {
    expect(fitted({ head: ["head"], lines: lines(5) }, { rows: 6, columns: 80 })).toEqual(["head", ...lines(3), "… and 2 more"]);
  });

  it("counts a line that takes two rows as two, and colours as none", () => {
    const long = `\u001b[31m${"x".repeat(15)}\u001b[0m`;
    expect(fitted({ head: [], lines: [long, "a", "b", "c"] }, { rows: 5, columns: 10 })).toEqual([long, "a", "… and 2 more"]);
    expect(fitted({ head: [], lines: [long, "a", "b", "c"] }, { rows: 5, columns: 15 })).toEqual([long, "a", "b", "c"]);
  });

  it("shows the head on a screen that has room for nothing else", () => {
    expect(fitted({ head: ["head"], lines: lines(3) }, { rows: 1, columns: 80 })).toEqual(["head", "… and 3 more"]);
  });
});

import { describe, expect, it } from "vitest";
import { parseDuration, shownDuration } from "../../../../src/cli/options/duration.ts";

describe("a duration on the command line", () => {
  it.for([
    ["250ms", 250],
    ["0s", 0],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["500h", 1_800_000_000],
  ] as const)("%s is %i ms, and keeps its text", ([text, ms]) => {
    expect(parseDuration(text)).toEqual({ ms, text });
  });

  it.for(["30", "", "s", "-1s", "1d", "1 s", "1e3s", "1.s", "600h", "NaNs", "1s "])("%j is none", (text) => {
    expect(() => parseDuration(text)).toThrow("It must be a number with a unit");
  });
});

describe("a duration for people", () => {
  it.for([
    [-5_000, "0 s"],
    [400, "0 s"],
    [119_000, "119 s"],
    [120_000, "2 min"],
    [7_140_000, "119 min"],
    [7_500_000, "2 h 5 min"],
    [172_800_000, "2 d"],
  ] as const)("of %i ms is %s", ([ms, text]) => {
    expect(shownDuration(ms)).toBe(text);
  });
});

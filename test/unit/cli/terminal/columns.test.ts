import { describe, expect, it } from "vitest";
import { columnsOf, cutTo, lineOf, shareOut } from "../../../../src/cli/terminal/columns.ts";

describe("the width of a text on a terminal", () => {
  it.each([
    ["nightly", 7],
    ["夜间", 4],
    ["e\u0301t\u00e9", 3],
    ["🚀!", 3],
    // Half-width, though its script is that of wide characters.
    ["ｱｲｳ", 3],
    ["ｆｕｌｌ", 8],
    ["ひらがな、カナ。", 16],
    ["한국어", 6],
    // The same in the letters that a syllable is made of.
    ["한국어".normalize("NFD"), 6],
    ["注音ㄅㄆ", 8],
    ["🇩🇪🇫🇷", 4],
    ["👍🏽", 2],
    ["❤️", 2],
    ["❤", 1],
    ["1️⃣", 2],
    ["a≤b…", 4],
    ["क्षि", 1],
    ["\u0301", 0],
    ["", 0],
  ])("of %j is %i columns", (text, columns) => {
    expect(columnsOf(text)).toBe(columns);
  });
});

describe("a text that is cut", () => {
  it("is left alone where it fits", () => {
    expect(cutTo(7, "nightly")).toBe("nightly");
    expect(cutTo(4, "夜间", "middle")).toBe("夜间");
  });

  it.each([
    [7, "abcdefghij", "end", "abcdef…"],
    [7, "abcdefghij", "middle", "abc…hij"],
    [6, "abcdefghij", "middle", "abc…ij"],
    [2, "abcdefghij", "middle", "a…"],
    [1, "abcdefghij", "middle", "…"],
    [0, "abcdefghij", "middle", ""],
    [-3, "abcdefghij", "end", ""],
    // No character is halved, and none loses what it is combined with.
    [6, "夜间夜间夜间", "end", "夜间…"],
    [6, "夜间夜间夜间", "middle", "夜…间"],
    [4, "e\u0301e\u0301e\u0301e\u0301e\u0301", "middle", "e\u0301e\u0301…e\u0301"],
    [3, "👍🏽👍🏽👍🏽", "end", "👍🏽…"],
  ] as const)("to %i columns, %j at its %s, is %j", (columns, text, cut, shown) => {
    const found = cutTo(columns, text, cut);
    expect(found).toBe(shown);
    expect(columnsOf(found)).toBeLessThanOrEqual(Math.max(0, columns));
  });
});

describe("room that is shared out", () => {
  it.each([
    [30, [10, 10, 10], [10, 10, 10]],
    [30, [5, 100, 100], [5, 12, 13]],
    [30, [100, 5, 100], [12, 5, 13]],
    [2, [5, 5, 5], [0, 1, 1]],
    [-4, [5, 5], [0, 0]],
  ])("of %i columns, among %j, is %j", (room, wanted, shares) => {
    expect(shareOut(room, wanted)).toEqual(shares);
  });
});

describe("a line of parts", () => {
  const parts = [
    "waiting for ",
    { text: "k".repeat(40), cut: "middle" },
    ": held by ",
    { text: "build-7", cut: "middle" },
  ] as const;

  it("is whole where there is room", () => {
    expect(lineOf(Number.POSITIVE_INFINITY, parts)).toBe(`waiting for ${"k".repeat(40)}: held by build-7`);
  });

  it("cuts what may be cut and wants more than its part", () => {
    expect(lineOf(40, parts)).toBe("waiting for kkkkk…kkkkk: held by build-7");
  });

  it("is never longer, whatever there is", () => {
    for (let columns = 0; columns < 70; columns += 1)
      expect(columnsOf(lineOf(columns, parts))).toBeLessThanOrEqual(columns);
  });
});

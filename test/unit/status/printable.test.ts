import { describe, expect, it } from "vitest";
import { printable } from "../../../src/status/printable.ts";

describe("text of other people's on a terminal", () => {
  it.each([
    ["deploy 42", "deploy 42"],
    ["déploiement ✓ 夜间", "déploiement ✓ 夜间"],
    ["\u001b[31mred", "\\x1b[31mred"],
    ["\u009b31mred", "\\x9b31mred"],
    ["one\r\ntwo\tthree", "one\\x0d\\x0atwo\\x09three"],
    ["\u0007\u007f\u0000", "\\x07\\x7f\\x00"],
    ["gpj.\u202eexe", "gpj.\\u{202e}exe"],
    ["\u2066a\u2069\u200b\ufeff\u2028", "\\u{2066}a\\u{2069}\\u{200b}\\u{feff}\\u{2028}"],
    ["\ud800", "\\u{d800}"],
    // What a font gives no ink: fillers, joiners, selectors, and spaces that are not the usual one.
    ["a\u3164b\u115f\u034f\ufe0f\u2800", "a\\u{3164}b\\u{115f}\\u{34f}\\u{fe0f}\\u{2800}"],
    ["a b\u00a0c\u3000\u2003", "a b\\xa0c\\u{3000}\\u{2003}"],
    ["\u{e0041}", "\\u{e0041}"],
  ])("shows %j as %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });
});

import { describe, expect, it } from "vitest";
import { wrapped } from "../../lab/shared/wrapped.ts";

const WORDS = Array.from({ length: 60 }, (_, n) => `word${n}`).join(" ");

describe("Markdown that a program writes", () => {
  it("has lines of at most 100 columns, and every word of the text in its order", () => {
    const text = wrapped(WORDS);
    const longest = Math.max(...text.split("\n").map((line) => line.length));
    expect(longest).toBeGreaterThan(90);
    expect(longest).toBeLessThanOrEqual(100);
    expect(text.replaceAll("\n", " ")).toBe(WORDS);
  });

  it("stays as it is when it is wrapped again", () => {
    expect(wrapped(wrapped(WORDS))).toBe(wrapped(WORDS));
  });

  it("keeps paragraphs and items of a list apart, the lines of an item below its text", () => {
    const [head, ...items] = wrapped(`Head.\n\n- ${WORDS}\n- last`).split("\n\n");
    expect(head).toBe("Head.");
    const lines = items.join().split("\n");
    expect(lines.at(-1)).toBe("- last");
    for (const line of lines.slice(1, -1)) expect(line).toMatch(/^ {2}word/);
  });

  it("ends no line within code, also where that is longer than a line", () => {
    const code = `\`${WORDS.slice(0, 120)}\``;
    expect(wrapped(`${WORDS} ${code}, ${WORDS}`).split("\n")).toContain(`${code},`);
  });

  it("begins no line with what would make a list, a heading or a table of it", () => {
    for (const mark of ["-", "*", "+", "#", "12.", ">", "|", "="]) {
      for (let before = 80; before <= 100; before += 1) {
        const [, ...rest] = wrapped(`${"x".repeat(before)} ${mark} ${WORDS}`).split("\n");
        for (const line of rest) expect(line.startsWith(`${mark} `)).toBe(false);
      }
    }
  });
});

import { describe, expect, it, vi } from "vitest";
import type { TerminalSize } from "../../../../src/cli/terminal/terminal-size.ts";
import { type Frame, fitted } from "../../../../src/cli/watching/screen.ts";

const lines = (count: number): string[] => [...Array(count).keys()].map((index) => `line ${index + 1}`);

vi.stubEnv("NO_COLOR", "1");

const shown = (frame: Frame, size: TerminalSize, first?: number): readonly string[] => fitted(frame, size, first).lines;

describe("a frame on a screen", () => {
  it("is shown whole if it fits, with a row for the cursor", () => {
    expect(shown({ head: ["head"], lines: lines(4) }, { rows: 6, columns: 80 })).toEqual(["head", ...lines(4)]);
  });

  it("says which of its lines it shows, and how to see the others", () => {
    const frame = { head: ["head"], lines: lines(5), hint: "; q ends" };
    expect(shown(frame, { rows: 6, columns: 80 })).toEqual(["head", ...lines(3), "… 1 to 3 of 5; q ends"]);
    expect(shown(frame, { rows: 6, columns: 16 })).toEqual(["head", ...lines(3), "… 1 to 3 of 5; …"]);
  });

  it("shows others from where it is scrolled to, and no further than its ends", () => {
    const frame = { head: ["head"], lines: lines(9) };
    const size = { rows: 6, columns: 80 };
    expect(fitted(frame, size, 2)).toEqual({
      lines: ["head", "line 3", "line 4", "line 5", "… 3 to 5 of 9"],
      first: 2,
      page: 3,
    });
    expect(fitted(frame, size, -5)).toMatchObject({ first: 0 });
    expect(fitted(frame, size, Number.POSITIVE_INFINITY)).toMatchObject({
      lines: ["head", "line 7", "line 8", "line 9", "… 7 to 9 of 9"],
      first: 6,
    });
    // What is shown whole begins at its beginning.
    expect(fitted(frame, { rows: 20, columns: 80 }, 5)).toMatchObject({ first: 0 });
  });

  it("counts a head that takes two rows as two, and colours as none", () => {
    const long = `\u001b[31m${"x".repeat(15)}\u001b[0m`;
    expect(shown({ head: [long], lines: ["a", "b", "c"] }, { rows: 5, columns: 10 })).toEqual([
      long,
      "a",
      "… 1 to 1 …",
    ]);
    expect(shown({ head: [long], lines: ["a", "b", "c"] }, { rows: 5, columns: 15 })).toEqual([long, "a", "b", "c"]);
  });

  it("shows the head on a screen that has room for nothing else", () => {
    expect(shown({ head: ["head"], lines: lines(3) }, { rows: 1, columns: 80 })).toEqual([
      "head",
      "line 1",
      "… 1 to 1 of 3",
    ]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  heldCountAt,
  heldCountsOf,
  spansOf,
  unwatchedMs,
  type WatchedTime,
} from "../../../../src/ui/page/hold-spans.ts";
import { ticksIn } from "../../../../src/ui/page/time-ticks.ts";
import type { HoldView } from "../../../../src/ui/snapshot.ts";

const WATCHED: WatchedTime = { now: 1_000, seenUntil: 1_000, startedAt: 0, gaps: [] };
const hold = (facts: Partial<HoldView>): HoldView => ({
  id: 1,
  key: "k",
  part: { kind: "lock" },
  from: 100,
  earliest: facts.from ?? 100,
  isFromBefore: false,
  ...facts,
});
const spans = (facts: Partial<HoldView>, watched: Partial<WatchedTime> = {}): string =>
  spansOf(hold(facts), { ...WATCHED, ...watched })
    .map(({ from, to, isSeen }) => `${isSeen ? "" : "?"}${from}-${to}`)
    .join(" ");

describe("a hold on the timeline", () => {
  it("is drawn as held from its beginning to now while looks follow each other", () => {
    expect(spans({})).toBe("100-1000");
  });

  it("is drawn as unknown from the last look on where there was none since", () => {
    expect(spans({}, { seenUntil: 300 })).toBe("100-300 ?300-1000");
  });

  it("is drawn as unknown between the last look that showed it and the first that did not", () => {
    expect(spans({ lastSeen: 400, to: 900, end: "released" })).toBe("100-400 ?400-900");
  });

  it("is drawn as unknown between the look before it began and the first that showed it", () => {
    expect(spans({ earliest: 50, lastSeen: 400, to: 400 })).toBe("?50-100 100-400");
  });

  it("is drawn as unknown where no page was open, also if the same holder has it afterwards", () => {
    expect(spans({}, { gaps: [[200, 600]] })).toBe("100-200 ?200-600 600-1000");
    expect(
      spans(
        { lastSeen: 700, to: 800 },
        {
          gaps: [
            [200, 300],
            [650, 660],
          ],
        },
      ),
    ).toBe("100-200 ?200-300 300-650 ?650-660 660-700 ?700-800");
  });

  it("is drawn as unknown before the page was served, whatever its record says", () => {
    expect(spans({ from: -500, earliest: -500, isFromBefore: true })).toBe("?-500-0 0-1000");
  });

  it("is there if a single look has shown it", () => {
    expect(spans({ from: 100, earliest: 50, lastSeen: 100, to: 200 })).toBe("?50-100 100-100 ?100-200");
  });

  it("was not watched for as long as no page was open, and before the page was served", () => {
    const watched: WatchedTime = { ...WATCHED, gaps: [[200, 600]] };
    expect(unwatchedMs({ from: 100 }, watched)).toBe(400);
    expect(unwatchedMs({ from: 300, lastSeen: 500 }, watched)).toBe(200);
    expect(unwatchedMs({ from: -50, lastSeen: 150 }, watched)).toBe(50);
    expect(unwatchedMs({ from: 600 }, watched)).toBe(0);
  });

  it("has no two parts at one time, and is nowhere seen where no page was open", () => {
    const moments = fc
      .array(fc.integer({ min: -100, max: 1_000 }), { minLength: 8, maxLength: 8 })
      .map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(
        moments,
        fc.boolean(),
        ([earliest = 0, from = 0, a = 0, b = 0, c = 0, d = 0, lastSeen = 0, to = 0], isOpen) => {
          const watched = { ...WATCHED, gaps: [[a, b] as const, [c, d] as const], seenUntil: lastSeen };
          const found = spansOf(hold({ earliest, from, ...(isOpen ? {} : { lastSeen, to }) }), watched);
          for (const [index, span] of found.entries()) {
            expect(span.from).toBeLessThanOrEqual(span.to);
            expect(span.from).toBeGreaterThanOrEqual(found[index - 1]?.to ?? earliest);
            for (const [begin, end] of watched.gaps)
              if (span.isSeen) expect(span.to <= begin || span.from >= end || span.from === span.to).toBe(true);
          }
          expect(found.filter(({ isSeen }) => isSeen).every((span) => span.from >= from && span.to <= lastSeen)).toBe(
            true,
          );
        },
      ),
    );
  });
});

describe("many holds at once", () => {
  it("are counted, those that are certain and those that may be", () => {
    const permit = (slot: number, facts: Partial<HoldView>): HoldView =>
      hold({ id: slot, part: { kind: "permit", slot }, ...facts });
    const counts = heldCountsOf(
      [
        permit(0, { from: 100 }),
        permit(1, { from: 200, lastSeen: 400, to: 500 }),
        permit(2, { from: 300, earliest: 250 }),
      ],
      WATCHED,
    );
    const at = (moment: number) => {
      const { least, most } = heldCountAt(counts, moment);
      return `${least}-${most}`;
    };
    expect([50, 150, 210, 260, 350, 450, 600].map(at)).toEqual(["0-0", "1-1", "2-2", "2-3", "3-3", "2-3", "2-2"]);
  });
});

describe("the time axis", () => {
  const texts = (from: number, spanMs: number, width: number): string[] =>
    ticksIn({ from, to: from + spanMs }, width).map(({ text }) => text);
  const AT = new Date(2026, 10, 30, 7, 3, 20).getTime();

  it("writes times of day as such, also where there is room for a single one", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 86_400_000 }),
        fc.integer({ min: 10_000, max: 86_400_000 }),
        fc.integer({ min: 30, max: 2_000 }),
        (offset, span, width) => {
          const shown = texts(AT + offset, span, width);
          expect(shown.length).toBeGreaterThan(0);
          for (const text of shown) expect(text).toMatch(/^\d\d:\d\d(:\d\d)?$/);
        },
      ),
    );
  });

  it("writes days where a step is one", () => {
    expect(texts(AT, 7 * 86_400_000, 600)).toContain("2 Dec");
  });

  it("writes seconds where a step is less than a minute", () => {
    expect(texts(AT, 60_000, 300)).toContain("07:03:30");
  });
});

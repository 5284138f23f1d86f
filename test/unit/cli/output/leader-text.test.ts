import { describe, expect, it, vi } from "vitest";
import { LeadersSeen, leaderLine, leaderLines } from "../../../../src/cli/output/leader-text.ts";
import type { Leader } from "../../../../src/index.ts";
import { ago, holder, NOW } from "../../../support/lock-statuses.ts";

vi.stubEnv("NO_COLOR", "1");

const leader = (term: number, more: Partial<Leader> = {}): Leader => {
  return { term, candidate: "web-3:17", holder: holder("web-3:17"), since: ago(180), ...more };
};

const seen = (who: Leader | undefined, isContainerMissing = false) => ({
  name: "scheduler",
  leader: who,
  isContainerMissing,
});

describe("who leads, for people", () => {
  it("is told with term, time, place and data", () => {
    const one = leader(42, {
      candidate: "blue",
      holder: holder("blue", "web-3", 17),
      data: "http://10.0.0.7\u001b[2J",
    });
    expect(leaderLines(seen(one), NOW)).toEqual([
      "scheduler: led",
      "  leader  blue (host web-3, pid 17)",
      "  term    42",
      "  since   2026-11-23T13:02:12Z (3 min ago)",
      "  data    http://10.0.0.7\\x1b[2J",
    ]);
    expect(leaderLine(seen(one), NOW)).toBe(
      "2026-11-23T13:05:12Z scheduler led by blue in term 42: http://10.0.0.7\\x1b[2J",
    );
    expect(leaderLine(seen(leader(42)), NOW)).toBe("2026-11-23T13:05:12Z scheduler led by web-3:17 in term 42");
  });

  it("says that there is no leader", () => {
    expect(leaderLines(seen(undefined), NOW)).toEqual(["scheduler: no leader"]);
    expect(leaderLine(seen(undefined), NOW)).toBe("2026-11-23T13:05:12Z scheduler no leader");
    expect(leaderLines(seen(undefined, true), NOW)).toEqual(["scheduler: no leader (the container does not exist)"]);
    expect(leaderLine(seen(undefined, true), NOW)).toMatch(/ scheduler no leader: the container does not exist$/);
  });
});

describe("news of leaders", () => {
  it("are the first look, another leader, none, and other data", () => {
    const seen = new LeadersSeen();
    const looks = [
      undefined,
      undefined,
      leader(1),
      leader(1),
      leader(1, { data: "x" }),
      leader(1, { data: "x" }),
      undefined,
      leader(2),
    ];
    expect(looks.map((look) => seen.isNews(look))).toEqual([true, false, true, false, true, false, true, true]);
  });

  it("are none where a leader of before shows until the next one has written its record", () => {
    const seen = new LeadersSeen();
    expect([leader(1), undefined, leader(1), leader(2), leader(1)].map((look) => seen.isNews(look))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });
});

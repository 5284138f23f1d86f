import { describe, expect, it } from "vitest";
import { DEATH_KINDS, deckOf, KINDS, type Setting } from "../../lab/chaos/deaths/kinds.ts";
import { judged, waitsByKind } from "../../lab/chaos/deaths/report.ts";
import type { DeathsOutcome } from "../../lab/chaos/deaths/run.ts";
import type { Hold } from "../../lab/chaos/holds.ts";
import { Chance } from "../../lab/shared/chance.ts";

const SETTINGS = [...new Set(DEATH_KINDS.map((kind) => KINDS[kind].setting))];

const deck = (setting: Setting, deaths: number, seed = 1): string[] =>
  deckOf(setting, deaths, new Chance(seed, setting));

const hold = (id: string, from: number, to: number, rest: Partial<Hold> = {}): Hold => ({
  id,
  worker: id.replace(/\..*$/, ""),
  actor: "a",
  key: "k",
  isShared: false,
  token: from,
  askedAt: from - 1,
  certain: { from, to },
  left: "released",
  ...rest,
});

/** The first process dies inside, at 200, and the second comes in after that. */
function outcomeOf(changes: Partial<DeathsOutcome["evidence"]> = {}, wasFollowed = true): DeathsOutcome {
  return {
    evidence: {
      seed: 1,
      leaseMs: 15_000,
      endedAt: 1_000,
      workers: ["k-0", "k-1"],
      actors: [{ name: "a", worker: "k-0", key: "k" }],
      holds: [hold("k-0.1/1", 100, 190, { left: undefined }), hold("k-1.1/1", 1_100, 1_300)],
      requests: [],
      refusals: [],
      touches: [],
      fencedNumbers: {},
      troubles: [],
      planned: [],
      storageLosses: [],
      calms: [],
      crashes: [],
      wallClockStepMs: 0,
      ...changes,
    },
    deaths: [{ kind: "killed", key: "k", seat: "k-0", incarnation: 1, at: 200, wasFollowed }],
  };
}

const rulesOf = (outcome: DeathsOutcome): readonly string[] => judged(outcome).violations.map(({ rule }) => rule);

describe("the deaths that are to come", () => {
  it("are as many as asked for, of every kind at least one, and the same for the same seed", () => {
    const all = SETTINGS.flatMap((setting) => deck(setting, 500));
    expect(new Set(all)).toEqual(new Set(DEATH_KINDS));
    expect(all).toHaveLength(500);
    expect(SETTINGS.flatMap((setting) => deck(setting, 20))).toHaveLength(20);
    expect(new Set(SETTINGS.flatMap((setting) => deck(setting, 1)))).toEqual(new Set(DEATH_KINDS));
    expect(deck("host", 500)).toEqual(deck("host", 500));
    expect(deck("host", 500, 2)).not.toEqual(deck("host", 500));
  });
});

describe("the judgement of deaths", () => {
  it("knows how long the next holder waited for a dead one", () => {
    expect(waitsByKind(outcomeOf()).get("killed")).toEqual([900]);
  });

  it("counts no wait where the dead did not hold the lock", () => {
    const released = outcomeOf({ holds: [hold("k-0.1/1", 100, 190), hold("k-1.1/1", 1_100, 1_300)] });
    expect(waitsByKind(released).get("killed")).toEqual([]);
  });

  it("sees a lock that was released while its holder ran", () => {
    const both = [hold("k-0.1/1", 100, 1_150, { left: undefined }), hold("k-1.1/1", 1_100, 1_300)];
    expect(rulesOf(outcomeOf({ holds: both }))).toContain("overlap");
    expect(rulesOf(outcomeOf())).not.toContain("overlap");
  });

  it("sees that no process got in", () => {
    expect(rulesOf(outcomeOf({}, false))).toContain("liveness");
    expect(rulesOf(outcomeOf())).not.toContain("liveness");
  });
});

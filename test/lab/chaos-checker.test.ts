import { describe, expect, it } from "vitest";
import { check, staleOffersOf, type Verdict } from "../../lab/chaos/checker.ts";
import type { Evidence } from "../../lab/chaos/evidence.ts";
import { type Hold, holdsOf } from "../../lab/chaos/holds.ts";
import { pictureOf } from "../../lab/chaos/picture.ts";
import { planOf, TROUBLE_WORDS } from "../../lab/chaos/plan.ts";
import type { Touch } from "../../lab/chaos/register.ts";
import { reportOf } from "../../lab/chaos/report.ts";
import { tallyOf } from "../../lab/chaos/tally.ts";

const LEASE_MS = 15_000;

function hold(id: string, from: number, to: number, more: Partial<Hold> = {}): Hold {
  const worker = id.slice(0, 2);
  const actor = `${worker} plain`;
  return {
    id,
    worker,
    actor,
    key: "plain",
    isShared: false,
    token: from,
    askedAt: from - 1,
    certain: { from, to },
    left: "released",
    ...more,
  };
}

/** Two workers take turns, a second each; every hold reads at once and writes within. */
function goodHolds(): Hold[] {
  return Array.from({ length: 40 }, (_, i) => hold(`w${1 + (i % 2)}/${i}`, 100 + 1_000 * i, 900 + 1_000 * i));
}

/**
 * What came to the registers, in this order:
 * `[hold, kind, at, based on the version that it read at, of both registers]`.
 */
class Registers {
  readonly touches: Touch[] = [];
  #plain = 0;
  #fenced = 0;
  #number = 0;
  #highest = 0;
  /** Whether it refuses lower tokens. */
  readonly #isFenced: boolean;
  readonly #read = new Map<string, { plain: number; fenced: number; number: number }>();

  constructor({ isFenced = true } = {}) {
    this.#isFenced = isFenced;
  }

  get number(): number {
    return this.#number;
  }

  read(by: Hold, at: number): this {
    const { id, key, token = 0 } = by;
    this.#read.set(id, { plain: this.#plain, fenced: this.#fenced, number: this.#number });
    this.touches.push({ kind: "read", hold: id, key, token, at, isAccepted: this.#take(token) });
    return this;
  }

  write(by: Hold, at: number): this {
    const { id, key, token = 0 } = by;
    const base = this.#read.get(id) ?? { plain: 0, fenced: 0, number: 0 };
    const isAccepted = this.#take(token);
    const plain = { found: this.#plain, base: base.plain };
    const fenced = { found: this.#fenced, base: base.fenced };
    this.touches.push({ kind: "write", hold: id, key, token, at, isAccepted, plain, fenced });
    this.#plain += 1;
    if (!isAccepted) return this;
    this.#fenced += 1;
    this.#number = base.number + 1;
    return this;
  }

  #take(token: number): boolean {
    if (this.#isFenced && token < this.#highest) return false;
    this.#highest = Math.max(token, this.#highest);
    return true;
  }
}

/** A run in which all went well, but for what is said. */
function evidence(holds: readonly Hold[], registers = worked(holds), more: Partial<Evidence> = {}): Evidence {
  const stale: Touch = {
    ...{ kind: "write", hold: "w9/1", key: "other", token: 1, at: 2, isAccepted: false },
    ...{ plain: { found: 0, base: 0 }, fenced: { found: 0, base: 0 } },
  };
  return {
    seed: 1,
    leaseMs: LEASE_MS,
    endedAt: 41_000,
    workers: ["w1", "w2"],
    actors: [
      { name: "w1 plain", worker: "w1", key: "plain" },
      { name: "w2 plain", worker: "w2", key: "plain" },
    ],
    holds,
    requests: [],
    refusals: [],
    touches: [...registers.touches, stale],
    fencedNumbers: { plain: registers.number },
    troubles: [{ kind: "kill", from: 1_000, to: 2_000, victim: "w1", hasHit: true }],
    planned: [{ kind: "kill" }],
    storageLosses: [],
    calms: [{ from: 30_000, to: 41_000 }],
    crashes: [],
    wallClockStepMs: 0,
    ...more,
  };
}

function worked(holds: readonly Hold[]): Registers {
  const registers = new Registers();
  for (const each of holds) {
    if (each.certain && !each.isShared) registers.read(each, each.certain.from).write(each, each.certain.to - 1);
  }
  return registers;
}

const rulesOf = (found: Verdict["violations"]): string[] => found.map(({ rule }) => rule);
const broken = (of: Evidence): string[] => rulesOf(check(of).violations);

/** The good holds, with the tenth of them another. */
function withTenth(more: Partial<Hold>): Hold[] {
  return goodHolds().map((each, i) => (i === 10 ? { ...each, ...more } : each));
}

describe("the chaos checker", () => {
  it("finds nothing where one holder comes after the other", () => {
    expect(check(evidence(goodHolds()))).toEqual({ violations: [], excused: [] });
  });

  describe("overlap", () => {
    const overlapping = withTenth({ certain: { from: 10_100, to: 11_150 } });

    it("is found when two were both told that they held it, by 50 ms", () => {
      const { violations } = check(evidence(overlapping));
      expect(violations).toEqual([
        { rule: "overlap", at: 11_100, key: "plain", how: "w2/11 (w2) and w1/10 (w1) both held it for 50.0 ms" },
      ]);
    });

    it("is found between a holder and one that came three holders ago", () => {
      expect(broken(evidence(withTenth({ certain: { from: 10_100, to: 13_150 } }), worked(goodHolds())))).toEqual([
        "overlap",
        "overlap",
        "overlap",
      ]);
    });

    it("is none between readers, and is one between a reader and a writer", () => {
      const readers = overlapping.map((each, i) => ({ ...each, isShared: i === 10 || i === 11 }));
      expect(broken(evidence(readers))).toEqual([]);
      const both = overlapping.map((each, i) => ({ ...each, isShared: i === 10 }));
      expect(broken(evidence(both))).toEqual(["overlap"]);
    });

    it("is none where a process that was stopped learns that it lost the lock, however late it comes back", () => {
      const stopped = withTenth({ certain: { from: 10_100, to: 10_200 }, left: "expired" });
      expect(broken(evidence(stopped))).toEqual([]);
    });

    it("is excused within a lease after the storage lost its leases, and not a moment later or before", () => {
      const lostAt = (at: number): Evidence =>
        evidence(overlapping, worked(overlapping), { storageLosses: [{ at, goneAt: at, isRewound: false }] });
      expect(check(lostAt(11_099))).toMatchObject({ violations: [], excused: [{ rule: "overlap" }] });
      expect(check(lostAt(11_149.9 - LEASE_MS))).toMatchObject({ violations: [{ rule: "overlap" }], excused: [] });
      expect(check(lostAt(11_101))).toMatchObject({ violations: [{ rule: "overlap" }], excused: [] });
    });
  });

  describe("lost update", () => {
    const holds = withTenth({ certain: { from: 10_100, to: 11_500 } });
    const [tenth, eleventh] = holds.slice(10);
    if (!tenth || !eleventh) throw new Error("there are forty");
    /** The eleventh writes between the read and the write of the tenth. */
    const crossed = (writtenAt: number): Registers =>
      new Registers().read(tenth, 10_200).read(eleventh, 11_110).write(eleventh, 11_200).write(tenth, writtenAt);

    it("is found when both wrote while they held it", () => {
      expect(broken(evidence(holds, crossed(11_400)))).toEqual(["overlap", "lost update"]);
    });

    it("is none when the one wrote later than it was certain to hold it: that is what the fence is for", () => {
      const registers = crossed(11_600);
      expect(broken(evidence(holds, registers))).toEqual(["overlap"]);
      expect(tallyOf(evidence(holds, registers), 0)).toMatchObject({
        lostWithoutFence: 1,
        stale: { offered: 1, refused: 1, accepted: 0 },
      });
    });

    it("is none when an earlier holder wrote in between", () => {
      const late = withTenth({ certain: { from: 10_100, to: 10_900 } });
      const registers = new Registers()
        .read(tenth, 10_200)
        .read(eleventh, 11_110)
        .write(tenth, 11_200)
        .write(eleventh, 11_300);
      expect(broken(evidence(late, registers))).toEqual([]);
      expect(tallyOf(evidence(late, registers), 0)).toMatchObject({ lostWithoutFence: 1 });
    });

    it("is excused within a lease after the storage lost its leases", () => {
      const { violations, excused } = check(
        evidence(holds, crossed(11_400), { storageLosses: [{ at: 11_000, goneAt: 11_000, isRewound: true }] }),
      );
      expect(violations).toEqual([]);
      expect(rulesOf(excused)).toEqual(["overlap", "lost update"]);
    });

    it("behind the fence is found by the number that it leaves", () => {
      expect(broken(evidence(goodHolds(), worked(goodHolds()), { fencedNumbers: { plain: 39 } }))).toEqual([
        "stale write",
      ]);
    });
  });

  describe("stale write", () => {
    const holds = goodHolds();
    const [tenth, eleventh] = holds.slice(10);
    if (!tenth || !eleventh) throw new Error("there are forty");
    const late = (registers: Registers): Registers =>
      registers.read(tenth, 10_200).read(eleventh, 11_110).write(tenth, 11_200);

    it("is found when the register took it, even if the storage had lost everything", () => {
      const registers = late(new Registers({ isFenced: false }));
      const lost = { storageLosses: [{ at: 10_000, goneAt: 10_000, isRewound: true }] };
      // The number is right: there was no write in between.
      expect(broken(evidence(holds, registers))).toEqual(["stale write"]);
      expect(broken(evidence(holds, registers, lost))).toEqual(["stale write"]);
    });

    it("is found when a later holder's lower token let it in", () => {
      const falling = goodHolds().map((each, i) => (i === 11 ? { ...each, token: 10_000 } : each));
      const [before, after] = falling.slice(10);
      if (!before || !after) throw new Error("there are forty");
      const registers = new Registers().read(after, 11_110).write(before, 11_200);
      expect(broken(evidence(falling, registers))).toEqual(["token", "stale write"]);
    });

    it("is offered, and refused, when the fence holds", () => {
      const offered = evidence(holds, late(new Registers()));
      expect(broken(offered)).toEqual([]);
      expect(staleOffersOf(offered)).toMatchObject([
        { touch: { hold: tenth.id, isAccepted: false }, later: { id: eleventh.id } },
      ]);
    });
  });

  describe("token", () => {
    it("is found when it comes twice, also in two who were never certain to hold it", () => {
      expect(broken(evidence(withTenth({ token: 9_100 })))).toEqual(["token"]);
      const unsure = goodHolds().map((each, i) =>
        i === 10 || i === 11 ? { ...each, token: 7, certain: undefined } : each,
      );
      expect(broken(evidence(unsure))).toEqual(["token"]);
    });

    it("is found when it falls", () => {
      expect(broken(evidence(withTenth({ token: 9_050 }), worked([])))).toEqual(["token"]);
    });

    it("is excused when it falls over seconds that the storage lost, and not when it comes twice", () => {
      const over = (at: number, isRewound: boolean, token = 9_050): Verdict =>
        check(evidence(withTenth({ token }), worked([]), { storageLosses: [{ at, goneAt: at, isRewound }] }));
      expect(over(10_000, true)).toMatchObject({ violations: [], excused: [{ rule: "token" }] });
      expect(over(10_000, false)).toMatchObject({ violations: [{ rule: "token" }], excused: [] });
      // The ninth had its token, and said so a moment after the storage was gone; and it had not asked yet.
      expect(over(9_099, true)).toMatchObject({ violations: [], excused: [{ rule: "token" }] });
      expect(over(9_000, true)).toMatchObject({ violations: [{ rule: "token" }], excused: [] });
      expect(over(10_200, true)).toMatchObject({ violations: [{ rule: "token" }], excused: [] });
      expect(over(10_000, true, 9_100)).toMatchObject({ violations: [{ rule: "token" }], excused: [] });
    });

    it("is not found to fall between two whose order is unknown, as the storage had just lost its leases", () => {
      // The tenth had the lock, and was stopped before it said so; meanwhile the storage forgot it.
      const holds = withTenth({ certain: { from: 11_200, to: 11_200 }, askedAt: 10_100 });
      const lost = { storageLosses: [{ at: 10_900, goneAt: 10_900, isRewound: false }] };
      expect(check(evidence(holds, worked([]), lost))).toMatchObject({
        violations: [],
        excused: [{ rule: "overlap" }],
      });
      expect(broken(evidence(holds, worked([])))).toEqual(["overlap", "token"]);
    });
  });

  it("finds a lock that was lost as broken or deleted, unless the storage was lost since it was asked for", () => {
    const found = (left: string, at?: number): string[] => {
      const holds = withTenth({ left });
      const storageLosses = at === undefined ? [] : [{ at, goneAt: at + 5, isRewound: false }];
      return broken(evidence(holds, worked(holds), { storageLosses }));
    };
    expect(found("deleted")).toEqual(["loss"]);
    expect(found("broken", 5_000)).toEqual(["loss"]);
    expect(found("deleted", 10_500)).toEqual([]);
    expect([...found("expired"), ...found("taken")]).toEqual([]);
  });

  it("finds who does not get in when nothing goes wrong any more", () => {
    const holds = goodHolds().map((each) =>
      each.worker === "w2" && each.askedAt > 30_000 ? { ...each, actor: "w2 another" } : each,
    );
    const { violations } = check(evidence(holds));
    expect(violations.map(({ how }) => how)).toEqual([
      "w2 plain did not get in for 11.0 s though nothing went wrong any more",
    ]);
  });

  it("finds errors that are not expected, processes that end by themselves, and a clock that was set", () => {
    const refusals = [
      { actor: "w1 plain", at: 5, code: "LOCK_TIMEOUT", message: "" },
      { actor: "w1 plain", at: 6, code: "ACCESS_DENIED", message: "no" },
    ];
    expect(broken(evidence(goodHolds(), undefined, { refusals }))).toEqual(["unexpected error"]);
    expect(broken(evidence(goodHolds(), undefined, { crashes: ["w1 ended with 1"] }))).toEqual(["crash"]);
    expect(broken(evidence(goodHolds(), undefined, { wallClockStepMs: -1_000 }))).toEqual(["wall clock"]);
  });

  it("takes a run in which little happened for no proof", () => {
    const lacking = (of: Evidence): string[] => check(of).violations.map(({ rule, how }) => `${rule}: ${how}`);
    expect(lacking(evidence([], new Registers(), { calms: [], fencedNumbers: {} }))).toEqual([
      "proves too little: plain was held 0 times in 41.0 s",
    ]);
    expect(lacking(evidence(goodHolds(), undefined, { planned: [{ kind: "kill" }, { kind: "cut" }] }))).toEqual([
      "proves too little: there were no disturbed networks",
    ]);
    const good = evidence(goodHolds());
    expect(lacking({ ...good, touches: good.touches.filter(({ isAccepted }) => isAccepted) })).toEqual([
      "proves too little: no write was refused, so none was late",
    ]);
  });

  it("reads holds from what a worker noted, to the last look before it was killed", () => {
    const entered = {
      kind: "entered",
      actor: "w1 plain",
      key: "plain",
      isShared: false,
      token: 5,
      askedAt: 1,
    } as const;
    const holds = holdsOf("w1", [
      { ...entered, hold: "a", at: 2, isHeld: true },
      { kind: "held", hold: "a", at: 7 },
      { kind: "refused", actor: "w1 plain", at: 8, code: "LOCK_TIMEOUT", message: "" },
      { ...entered, hold: "b", at: 9, isHeld: false },
      { kind: "left", hold: "b", at: 10, how: "expired" },
    ]);
    expect(holds).toMatchObject([
      { id: "a", certain: { from: 2, to: 7 }, left: undefined },
      { id: "b", certain: undefined, left: "expired" },
    ]);
  });
});

describe("the chaos plan", () => {
  const plan = (seed: number, round = 0) => planOf({ seed, round, roundMs: 90_000, workers: 6, leaseMs: LEASE_MS });

  it("is the same for the same seed, and another for another or in another round", () => {
    expect(plan(7)).toEqual(plan(7));
    expect(plan(8)).not.toEqual(plan(7));
    expect(plan(7, 1)).not.toEqual(plan(7));
  });

  it("is over when the calm begins, and has every kind of trouble within a few rounds", () => {
    const troubles = Array.from({ length: 8 }, (_, round) => plan(1, round)).flat();
    for (const { at, forMs } of troubles) expect(at + forMs).toBeLessThanOrEqual(90_000);
    expect(new Set(troubles.map(({ kind }) => kind))).toEqual(new Set(Object.keys(TROUBLE_WORDS)));
  });

  it("has the gateway after all other troubles, which it leaves as they were", () => {
    const kinds = plan(7).map(({ kind }) => kind);
    expect(kinds.slice(kinds.indexOf("gateway")).every((kind) => kind === "gateway")).toBe(true);
  });

  it("stops some for longer than a lease, and others for less", () => {
    const lengthsOf = (kind: string) =>
      [1, 2, 3].flatMap((seed) => plan(seed).filter((trouble) => trouble.kind === kind));
    for (const { forMs } of lengthsOf("longStop")) expect(forMs).toBeGreaterThan(LEASE_MS);
    for (const { forMs } of lengthsOf("shortStop")) expect(forMs).toBeLessThan(LEASE_MS);
  });
});

describe("the chaos report", () => {
  const bad = evidence(withTenth({ certain: { from: 10_100, to: 11_150 } }));

  it("has a line for each violation, and says how to try again", () => {
    const text = reportOf(7, 2, tallyOf(bad, 123), check(bad), "picture.svg");
    expect(text).toContain("✘   11.1 s  overlap of plain: w2/11 (w2) and w1/10 (w1) both held it for 50.0 ms");
    expect(text).toContain("npm run chaos -- --seed 7 --minutes 2");
    expect(text).toMatch(/40 {2}holds: 39 times the lock went to another process/);
    const good = evidence(goodHolds());
    expect(reportOf(7, 2, tallyOf(good, 123), check(good), "picture.svg")).toContain("Seed 7: all is well.");
  });

  it("draws a well-formed picture that needs nothing from outside, and marks what was found", () => {
    const svg = pictureOf(bad, check(bad), tallyOf(bad, 123));
    expect(svg).not.toMatch(/NaN|undefined|Infinity|<script|<image|href=|url\(|@import/);
    expect(svg.match(/<[a-z]/g)).toHaveLength((svg.match(/<\/[a-z]|\/>/g) ?? []).length);
    expect(svg.match(/class="found"/g)).toHaveLength(1);
    const good = evidence(goodHolds());
    expect(pictureOf(good, check(good), tallyOf(good, 123))).not.toContain('class="found"');
  });
});

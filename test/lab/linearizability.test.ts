import { describe, expect, it } from "vitest";
import type { Evidence } from "../../lab/chaos/evidence.ts";
import { historyOf } from "../../lab/chaos/history.ts";
import type { Hold } from "../../lab/chaos/holds.ts";
import { requestsOf } from "../../lab/chaos/journal.ts";
import { PLANTED, withOverlap } from "../../lab/linearizability/planted.ts";
import { simulate } from "../../lab/simulation/simulation.ts";

const HOLD: Hold = {
  ...{ id: "w1/1", worker: "w1", actor: "w1 plain", key: "plain", isShared: false, token: 7, askedAt: 100 },
  ...{ certain: { from: 200, to: 900 }, left: "released" },
};

const evidence = (more: Partial<Evidence>): Evidence => ({
  ...{ seed: 1, leaseMs: 15_000, endedAt: 60_000, workers: [], actors: [], holds: [], refusals: [], requests: [] },
  ...{ touches: [], fencedNumbers: {}, troubles: [], planned: [], storageLosses: [], calms: [], crashes: [] },
  ...{ wallClockStepMs: 0, ...more },
});

describe("the history of a chaos", () => {
  it("has a hold from the call that got it to when it was last certain", () => {
    const lock = { model: "lock", object: "plain", client: "w1/1" };
    expect(historyOf(evidence({ holds: [HOLD] }))).toEqual([
      { ...lock, op: "acquire", call: 100, return: 200, weight: 1_000, limit: 1_000, token: 7 },
      { ...lock, op: "release", call: 900, return: 900 },
    ]);
  });

  it("does not know when the hold of a killed process ended, nor counts one that was never certain", () => {
    const [, release] = historyOf(evidence({ holds: [{ ...HOLD, left: undefined }] }));
    expect(release).toMatchObject({ op: "release", call: 900, return: null });
    expect(historyOf(evidence({ holds: [{ ...HOLD, certain: undefined }] }))).toEqual([]);
  });

  it("has readers share the lock", () => {
    expect(historyOf(evidence({ holds: [{ ...HOLD, isShared: true, token: undefined }] }))[0]).toMatchObject({
      weight: 1,
      limit: 1_000,
    });
  });

  it("ends a hold where the storage lost its lease, and begins it again a lease later", () => {
    const storageLosses = [{ at: 500, goneAt: 600, isRewound: true }];
    const certain = { from: 200, to: 20_000 };
    const lines = historyOf(evidence({ holds: [{ ...HOLD, certain }], storageLosses }));
    expect(lines.map(({ op, call, return: until }) => [op, call, until])).toEqual([
      ["acquire", 100, 200],
      ["release", 500, null],
      ["acquire", 15_600, 15_600],
      ["release", 20_000, 20_000],
      ["forget", -14_500, 15_600],
    ]);
  });

  it("leaves a hold alone that came more than a lease after the loss, however long ago it was asked for", () => {
    const storageLosses = [{ at: 500, goneAt: 600, isRewound: false }];
    const lines = historyOf(evidence({ holds: [{ ...HOLD, certain: { from: 16_000, to: 17_000 } }], storageLosses }));
    expect(lines.map(({ call, return: until }) => [call, until])).toEqual([
      [100, 16_000],
      [17_000, 17_000],
    ]);
  });

  it("has a request to the register as its sender saw it, of unknown outcome if no answer was read", () => {
    const asked = { kind: "asked", hold: "w1/1", key: "plain", token: 7 } as const;
    const requests = requestsOf([
      { ...asked, request: 1, at: 300, op: "read", base: undefined },
      { kind: "answered", request: 1, at: 310, version: 4 },
      { ...asked, request: 2, at: 400, op: "write", base: 4 },
      { ...asked, request: 3, at: 500, op: "read", base: undefined },
      { kind: "answered", request: 3, at: 510, version: null },
    ]);
    const register = { model: "register", object: "plain", client: "w1/1", token: 7 };
    expect(historyOf(evidence({ holds: [HOLD], requests })).filter(({ model }) => model === "register")).toEqual([
      { ...register, op: "read", call: 300, return: 310, accepted: true, version: 4 },
      { ...register, op: "write", call: 400, return: null, base: 4 },
      { ...register, op: "read", call: 500, return: 510, accepted: false },
    ]);
  });
});

describe("the history of a simulation", () => {
  it("has all holds and writes of the run, and the same twice", async () => {
    const { history, holds } = await simulate({ seed: 2 });
    const lines = history();
    expect(holds).toBeGreaterThan(10);
    expect(new Set(lines.map(({ model }) => model))).toEqual(new Set(["lock", "register"]));
    expect(lines.filter(({ op }) => op === "acquire")).toHaveLength(lines.filter(({ op }) => op === "release").length);
    expect((await simulate({ seed: 2 })).history()).toEqual(lines);
  });
});

describe("what is planted for the judge", () => {
  it("has violations, and beside them histories that are sound", () => {
    expect(PLANTED.filter(({ isSound }) => isSound).length).toBeGreaterThan(3);
    expect(PLANTED.filter(({ isSound }) => !isSound).length).toBeGreaterThan(4);
  });

  it("makes one hold of a sound history longer, until another holder has come", () => {
    const sound = historyOf(
      evidence({ holds: [HOLD, { ...HOLD, id: "w2/1", askedAt: 950, certain: { from: 1_000, to: 1_100 } }] }),
    );
    const spoilt = withOverlap(sound);
    expect(spoilt?.filter((line, at) => line !== sound[at])).toEqual([{ ...sound[1], call: 1_001, return: 1_001 }]);
    expect(withOverlap(sound.slice(0, 2))).toBeUndefined();
  });
});

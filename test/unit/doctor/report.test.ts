import { describe, expect, it } from "vitest";
import { offsetOf } from "../../../src/doctor/checks/clocks.ts";
import { isBelow } from "../../../src/doctor/checks/runtime.ts";
import { quantile } from "../../../src/doctor/checks/speed.ts";
import type { Diagnosis, DoctorResult } from "../../../src/doctor/diagnosis.ts";
import { featuresWith } from "../../../src/doctor/features.ts";
import { ranked, withoutNames } from "../../../src/doctor/report.ts";
import { storeAddress } from "../../../src/store/store-address.ts";

const result = (id: string, more: Partial<DoctorResult> = {}): DoctorResult => ({
  check: "conditions",
  id,
  outcome: "ok",
  seen: "all is well",
  ...more,
});
const finding = (id: string, severity: NonNullable<DoctorResult["severity"]>): DoctorResult =>
  result(id, { outcome: "finding", severity });

const DIAGNOSIS: Diagnosis = {
  format: 1,
  at: "2026-11-30T10:00:00.000Z",
  verdict: "findings",
  results: [],
  rights: {},
  features: {},
  facts: {},
  measures: {},
  left: [],
};

describe("the results of a diagnosis", () => {
  it("have findings first, the gravest of them first, and what was skipped last", () => {
    const given = [
      result("skipped", { outcome: "skipped" }),
      result("later", { check: "speed" }),
      result("ok"),
      finding("notice", "notice"),
      finding("failing", "failing"),
      finding("unsafe", "unsafe"),
    ];
    expect(ranked(given).map(({ id }) => id)).toEqual(["unsafe", "failing", "notice", "ok", "later", "skipped"]);
  });
});

describe("a diagnosis without names", () => {
  const seenIn = (seen: string, url: string): string | undefined => {
    const address = storeAddress(new URL(url), "locks");
    return withoutNames({ ...DIAGNOSIS, results: [result("x", { seen })] }, address).results[0]?.seen;
  };

  it.each([
    [
      "could not list in acme/locks: no answer from acme.blob.core.windows.net: ENOTFOUND",
      "https://acme.blob.core.windows.net",
      "could not list in <account>/<container>: no answer from <host>: ENOTFOUND",
    ],
    [
      "could not list in 10.0.0.4:10000/acme/locks: connect ECONNREFUSED 10.0.0.4:10000",
      "http://10.0.0.4:10000/acme",
      "could not list in <account>/<container>: connect ECONNREFUSED <host>",
    ],
    ["acmes are no acme-like things", "https://acme.blob.core.windows.net", "acmes are no acme-like things"],
  ])("has of %j no name", (seen, url, expected) => {
    expect(seenIn(seen, url)).toBe(expected);
  });
});

describe("the offset of two clocks", () => {
  it("lies where all answers can be right", () => {
    // The service is 300 ms ahead, and says whole seconds.
    const answers = [0, 350, 700, 1_050].map((sentAt) => ({
      sentAt,
      receivedAt: sentAt + 20,
      date: Math.floor((sentAt + 310) / 1_000) * 1_000,
    }));
    const { least, most } = offsetOf(answers);
    expect(least).toBeLessThanOrEqual(310);
    expect(most).toBeGreaterThanOrEqual(290);
    expect(most - least).toBeLessThan(1_000);
  });

  it("does not exist where answers disagree", () => {
    const { least, most } = offsetOf([
      { sentAt: 0, receivedAt: 10, date: 5_000 },
      { sentAt: 20, receivedAt: 30, date: 0 },
    ]);
    expect(least - most).toBeGreaterThan(3_000);
  });
});

describe("what a diagnosis reckons with", () => {
  it("are versions, number by number", () => {
    expect(isBelow("12.9.0", "12.27.0")).toBe(true);
    expect(isBelow("12.27.0", "12.27.0")).toBe(false);
    expect(isBelow("20.20.2", "20.19.0")).toBe(false);
    expect(isBelow("13.0.0-beta.1", "12.34.0")).toBe(false);
  });

  it("are quantiles that were measured", () => {
    expect(quantile([5, 1, 3], 0.5)).toBe(3);
    expect(quantile([5, 1, 3], 1)).toBe(5);
    expect(quantile([4], 0.95)).toBe(4);
  });

  it("are features, for which all rights are there, where these were tried", () => {
    const features = featuresWith({ write: true, read: true, list: true, delete: false });
    expect(features).toMatchObject({ "locks, elections": true, semaphores: true, fair: false });
    expect(features).not.toHaveProperty("making the container");
  });
});

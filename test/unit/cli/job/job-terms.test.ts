import { describe, expect, it } from "vitest";
import { jobTerms } from "../../../../src/cli/job/job-terms.ts";
import { type Duration, parseDuration } from "../../../../src/cli/options/duration.ts";

const given = (ms: number): Duration => ({ ms, text: `${ms}ms` });

describe("the terms of a job", () => {
  it.for([
    { lease: 15_000, graceMs: 5_000, marginMs: 2_500, tryTimeoutMs: 2_500 },
    { lease: 30_000, graceMs: 10_000, marginMs: 5_000, tryTimeoutMs: 3_000 },
    { lease: 60_000, graceMs: 10_000, marginMs: 10_000, tryTimeoutMs: 3_000 },
  ])("with a lease of $lease ms give it $graceMs ms to stop by default", ({ lease, ...expected }) => {
    expect(jobTerms({ lease: given(lease) })).toEqual({
      leaseSeconds: lease / 1_000,
      renewEveryMs: lease / 3,
      ...expected,
    });
  });

  it.for([15_000, 20_000, 30_000, 60_000])(
    "with a lease of %i ms let one renewal be answered before the grace begins",
    (lease) => {
      const { renewEveryMs, tryTimeoutMs, marginMs } = jobTerms({ lease: given(lease) });
      const longest = lease - marginMs - renewEveryMs - tryTimeoutMs;
      expect(jobTerms({ lease: given(lease), grace: given(longest) }).graceMs).toBe(longest);
      expect(() => jobTerms({ lease: given(lease), grace: given(longest + 1) })).toThrow(
        new RegExp(`^--grace must be at most .* with a lease of ${lease}ms, not ${longest + 1}ms: `),
      );
    },
  );

  it("may give no grace at all", () => {
    expect(jobTerms({ lease: given(15_000), grace: given(0) }).graceMs).toBe(0);
  });

  it.for(["14s", "61s", "15500ms", "0s", "0.2m"])("refuse a lease of %s, and repeat what was given", (lease) => {
    expect(() => jobTerms({ lease: parseDuration(lease) })).toThrow(
      `--lease must be whole seconds from 15s to 60s, not ${lease}`,
    );
  });
});

import { describe, expect, it } from "vitest";
import { type PollOptions, pollDelayMs, resolvePollOptions } from "../../../src/waiting/backoff.ts";

const least = () => 0;
const most = () => 1;

describe("the pause between two polls", () => {
  it("is 40 to 60 ms for a third of a second, and 350 to 850 ms from then on", () => {
    const policy = resolvePollOptions({});
    expect([pollDelayMs(0, least, policy), pollDelayMs(349, most, policy)]).toEqual([40, 60]);
    expect([pollDelayMs(350, least, policy), pollDelayMs(3_600_000, most, policy)]).toEqual([350, 850]);
  });

  it("is what the options say", () => {
    const uniform = resolvePollOptions({ quickForMs: 0, steadyMs: [250, 1_000] });
    expect([pollDelayMs(0, least, uniform), pollDelayMs(0, most, uniform)]).toEqual([250, 1_000]);
    const fixed = resolvePollOptions({ quickForMs: 0, steadyMs: [10_000, 10_000] });
    expect([pollDelayMs(0, least, fixed), pollDelayMs(1e6, most, fixed)]).toEqual([10_000, 10_000]);
  });

  it.each<[object, string]>([
    [{ quickForMs: -1 }, "poll.quickForMs must be a number of milliseconds of at least 0, not -1"],
    [{ quickMs: 50 }, "poll.quickMs must be two numbers of milliseconds"],
    [{ quickMs: [0, 5] }, "poll.quickMs must be two numbers"],
    [{ steadyMs: [5, 4] }, "poll.steadyMs must be two numbers"],
    [{ steadyMs: [5, Number.POSITIVE_INFINITY] }, "poll.steadyMs must be two numbers"],
    [{ steadyMs: [Number.NaN, 5] }, "poll.steadyMs must be two numbers"],
  ])("cannot be %j", (options, message) => {
    expect(() => resolvePollOptions(options as PollOptions)).toThrow(RangeError);
    expect(() => resolvePollOptions(options as PollOptions)).toThrow(message);
  });
});

import { describe, expect, it } from "vitest";
import { resolveLockerOptions } from "../../../src/waiting/locker-options.ts";

const resolve = (options: object) => resolveLockerOptions(options, { tryTimeoutMs: 3_000 });

describe("a locker's options", () => {
  it("are 30 s, renewed each third, given up a sixth before the end, by default", () => {
    expect(resolve({}).terms).toEqual({
      leaseSeconds: 30,
      renewEveryMs: 10_000,
      marginMs: 5_000,
      tryTimeoutMs: 3_000,
      goodForMs: 25_000,
    });
  });

  it.each([15, 16, 30, 45, 60])("fit together by default for %i s", (leaseSeconds) => {
    const { terms } = resolve({ leaseSeconds });
    expect(terms.renewEveryMs + 2 * terms.tryTimeoutMs + 1_000).toBeLessThanOrEqual(terms.goodForMs);
  });

  it.each([
    [{ leaseSeconds: 14 }, "leaseSeconds must be a whole number from 15 to 60, not 14"],
    [{ leaseSeconds: 61 }, "leaseSeconds must be a whole number from 15 to 60, not 61"],
    [{ leaseSeconds: 15.5 }, "leaseSeconds must be a whole number from 15 to 60, not 15.5"],
    [{ leaseSeconds: Number.NaN }, "leaseSeconds must be a whole number from 15 to 60, not NaN"],
    [{ leaseSeconds: "30" }, 'leaseSeconds must be a whole number from 15 to 60, not "30"'],
    [{ leaseSeconds: "infinite" }, 'leaseSeconds must be a whole number from 15 to 60, not "infinite"'],
    [{ marginMs: 99 }, "marginMs must be a number of milliseconds of at least 100, not 99"],
    [{ marginMs: Number.NaN }, "marginMs must be a number of milliseconds of at least 100, not NaN"],
    [{ marginMs: 29_000 }, "renewEveryMs (10000) must be below leaseSeconds minus marginMs (1000 ms)"],
    [{ renewEveryMs: 25_000 }, "renewEveryMs (25000) must be below leaseSeconds minus marginMs (25000 ms)"],
    [{ renewEveryMs: 0 }, "renewEveryMs must be a number of milliseconds of at least 1, not 0"],
    [{ renewEveryMs: 20_000 }, "renewEveryMs (20000), two tries of tryTimeoutMs (3000)"],
    [{ tryTimeoutMs: 99 }, "tryTimeoutMs must be a number of milliseconds of at least 100, not 99"],
    [{ leaseSeconds: 15, tryTimeoutMs: 4_500 }, "renewEveryMs (5000), two tries of tryTimeoutMs (4500)"],
    [{ unreachableAfterMs: -1 }, "unreachableAfterMs must be a number of milliseconds of at least 0, not -1"],
    [{ maxHoldMs: 0 }, "maxHoldMs must be a number of milliseconds of at least 1, not 0"],
    [{ maxHoldMs: "1h" }, 'maxHoldMs must be a number of milliseconds of at least 1, not "1h"'],
    [{ overdueAfterMs: Number.NaN }, "overdueAfterMs must be a number of milliseconds of at least 1, not NaN"],
    [{ overdueAfterMs: 5_000, maxHoldMs: 5_000 }, "overdueAfterMs (5000) must be below maxHoldMs (5000)"],
    [{ fencing: "no" }, 'fencing must be true or false, not "no"'],
    [{ holder: "" }, "holder must be a string of 1 to 256 characters, not one of 0"],
    [{ holder: 7 }, "holder must be a string of 1 to 256 characters, not 7"],
    [{ purpose: "x".repeat(1_025) }, "purpose must be a string of 1 to 1024 characters, not one of 1025"],
  ])("refuse %j", (options, message) => {
    expect(() => resolve(options)).toThrow(message);
  });
});

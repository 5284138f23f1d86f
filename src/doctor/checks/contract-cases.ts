import { isDeepStrictEqual } from "node:util";
import { shown } from "../../errors.ts";
import type { Expectation } from "../../testing/contract/contract.ts";
import type { StoreUnderTest } from "../../testing/contract/store-under-test.ts";

/** One case of the contract of a store. */
export interface ContractCase {
  /** Its name, with those of the groups it is in. */
  readonly title: string;
  /** Rejects if the store does not keep it. */
  readonly test: () => Promise<void>;
}

/** The cases of `describeLeaseStore`, to be run by other means than a test framework's. */
export async function contractCases(setup: () => StoreUnderTest): Promise<readonly ContractCase[]> {
  const { describeLeaseStore } = await import("../../testing/describe-lease-store.ts");
  const cases: ContractCase[] = [];
  const groups: string[] = [];
  describeLeaseStore("the account", setup, {
    describe(name, define) {
      groups.push(name);
      define();
      groups.pop();
    },
    it(name, test) {
      // The first group is the store itself.
      cases.push({ title: [...groups.slice(1), name].join(": "), test });
    },
    expect: expectation,
  });
  return cases;
}

function expectation(actual: unknown): Expectation {
  const holds = (does: boolean, relation: string, expected: unknown): void => {
    if (!does) throw new Error(`${inJson(actual)} is not ${relation} ${inJson(expected)}`);
  };
  return {
    toBe: (expected) => holds(Object.is(actual, expected), "", expected),
    toEqual: (expected) => holds(isDeepStrictEqual(actual, expected), "equal to", expected),
    toBeGreaterThanOrEqual: (least) => holds((actual as number) >= least, "at least", least),
    toBeLessThanOrEqual: (most) => holds((actual as number) <= most, "at most", most),
  };
}

function inJson(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : shown(value);
}

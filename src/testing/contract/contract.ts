import type { LeaseStoreDeviation } from "./azurite-deviations.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** As much of a test framework as the contract needs: vitest, jest and bun have it. */
export interface TestFramework {
  /** Groups tests under a name. */
  describe(name: string, define: () => void): unknown;
  /** Defines a test. */
  it(name: string, test: () => Promise<void>): unknown;
  /** Asserts something of a value. */
  expect(actual: unknown): Expectation;
}

/** The assertions that the contract makes. Each throws if it does not hold. */
export interface Expectation {
  /** Throws unless it is this very value. */
  toBe(expected: unknown): unknown;
  /** Throws unless it is equal to this, member by member. */
  toEqual(expected: unknown): unknown;
  /** Throws unless it is this number or a higher one. */
  toBeGreaterThanOrEqual(least: number): unknown;
  /** Throws unless it is this number or a lower one. */
  toBeLessThanOrEqual(most: number): unknown;
}

/** What the chapters of the contract are written with. */
export interface Contract extends Pick<TestFramework, "describe" | "expect"> {
  /** One case, with a store of its own; left out for a store that has the deviation. */
  test(title: string, body: (under: StoreUnderTest) => Promise<void>, unless?: LeaseStoreDeviation): void;
}

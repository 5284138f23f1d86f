import type { LeaseStoreDeviation } from "./azurite-deviations.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** As much of a test framework as the contract needs: vitest, jest and bun have it. */
export interface TestFramework {
  describe(name: string, define: () => void): unknown;
  it(name: string, test: () => Promise<void>): unknown;
  expect(actual: unknown): Expectation;
}

export interface Expectation {
  toBe(expected: unknown): unknown;
  toEqual(expected: unknown): unknown;
  toBeGreaterThanOrEqual(least: number): unknown;
  toBeLessThanOrEqual(most: number): unknown;
}

/** What the chapters of the contract are written with. */
export interface Contract extends Pick<TestFramework, "describe" | "expect"> {
  /** One case, with a store of its own; left out for a store that has the deviation. */
  test(title: string, body: (under: StoreUnderTest) => Promise<void>, unless?: LeaseStoreDeviation): void;
}

import type { LeaseState } from "../store/lease-store.ts";
import { describeAbsence } from "./contract/absence.ts";
import { describeArguments } from "./contract/arguments.ts";
import type { LeaseStoreDeviation } from "./contract/azurite-deviations.ts";
import { describeBlobs } from "./contract/blobs.ts";
import { describeBreaking } from "./contract/breaking.ts";
import type { Contract, TestFramework } from "./contract/contract.ts";
import { describeLeaseLife } from "./contract/lease-life.ts";
import { LEASE_TABLE } from "./contract/lease-table.ts";
import { bringInto, leaseOf, type StoreUnderTest } from "./contract/store-under-test.ts";

/** The test framework to write the contract in, and what is known of the store. */
export interface DescribeLeaseStoreOptions extends TestFramework {
  /** What the store is known to do otherwise. Default: nothing. The cases that assert the opposite are left out. */
  deviations?: readonly LeaseStoreDeviation[] | undefined;
}

/**
 * The contract of a `LeaseStore`, as tests: the documented behaviour of Azure's blob leases, as far as azmutex builds
 * on it.
 *
 * @example
 * ```ts
 * import { describe, expect, it } from "vitest";
 *
 * describeLeaseStore("my store", setup, { describe, it, expect });
 * ```
 *
 * `setup` is called once per test, and each time brings a store in front of a container of its own that does not exist
 * yet. No test waits by itself: time passes by the `advance` that `setup` brings.
 */
export function describeLeaseStore(
  name: string,
  setup: () => StoreUnderTest | Promise<StoreUnderTest>,
  { describe, it, expect, deviations = [] }: DescribeLeaseStoreOptions,
): void {
  const contract: Contract = {
    describe: (title, define) => describe(title, define),
    expect: (actual) => expect(actual),
    test(title, body, unless) {
      if (unless === undefined || !deviations.includes(unless)) it(title, async () => body(await setup()));
    },
  };

  describe(`${name}, a LeaseStore`, () => {
    describeStates(contract);
    describeLeaseLife(contract);
    describeBreaking(contract);
    describeBlobs(contract);
    describeAbsence(contract);
    describeArguments(contract);
  });
}

const STATES: readonly LeaseState[] = ["available", "leased", "breaking", "broken", "expired"];

function describeStates({ describe, test, expect }: Contract): void {
  for (const state of STATES) {
    describe(`when the lease is ${state}`, () => {
      for (const { operation, ask, cells } of LEASE_TABLE) {
        const { answer, leaves, unless } = cells[state];
        const title = `${operation} is answered "${answer}" and leaves it ${leaves}`;
        test(
          title,
          async (under) => {
            await bringInto(state, under);
            expect(await leaseOf(under)).toBe(state);
            expect(await ask(under)).toBe(answer);
            expect(await leaseOf(under)).toBe(leaves);
          },
          unless,
        );
      }
    });
  }
}

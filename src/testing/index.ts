export { AZURITE_DEVIATIONS, type LeaseStoreDeviation } from "./contract/azurite-deviations.ts";
export type { Expectation, TestFramework } from "./contract/contract.ts";
export type { ForeignHand, StoreUnderTest } from "./contract/store-under-test.ts";
export { type DescribeLeaseStoreOptions, describeLeaseStore } from "./describe-lease-store.ts";
export { type Emulator, type EmulatorOptions, type OwnClockEmulator, startEmulator } from "./emulator.ts";
export { FakeClock } from "./fake-clock.ts";
export type { Fault, FaultScope, Operations, StoreOperation } from "./fault.ts";
export type { Failure } from "./fault-effects.ts";
export { type CallRecord, FaultyLeaseStore } from "./faulty-lease-store.ts";
export {
  MemoryLeaseStore,
  type MemoryLeaseStoreOptions,
  type PutBlobOptions,
} from "./memory/memory-lease-store.ts";
export { MemoryWakeUps, type MemoryWakeUpsOptions } from "./memory/memory-wake-ups.ts";

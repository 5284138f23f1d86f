export type { Holder } from "./blobs/holder.ts";
export type { KeyKind } from "./errors.ts";
export {
  AccessDeniedError,
  type AnyMutexError,
  DifferingPermitsError,
  InvalidKeyError,
  isMutexError,
  KeyKindMismatchError,
  LeaseAlreadyPresentError,
  LockLostError,
  LockTimeoutError,
  LockUncertainError,
  type LossReason,
  MutexClosedError,
  MutexError,
  NotHeldError,
  SdkNotLoadedError,
  StoreRefusedError,
  StoreUnavailableError,
  type StoreUnavailableOptions,
  WorkStillRunningError,
} from "./errors.ts";
export type { TermsOptions } from "./lease/terms.ts";
export {
  type AcquiredLease,
  AzureMutex,
  type BreakOptions,
  type CallOptions,
  type ListOptions,
} from "./locks/azure-mutex.ts";
export type { BreakResult } from "./locks/break-lease.ts";
export type { EndingSignal } from "./locks/ending-process.ts";
export type { Holding } from "./locks/holding.ts";
export type { Mutex, MutexOptions, ReleaseAllOptions } from "./locks/lock-space.ts";
export type { Lockable } from "./locks/lockable.ts";
export { type Lock, Locker } from "./locks/locker.ts";
export { type ReleaseOnSignalsOptions, releaseOnSignals, type Shutdown } from "./locks/shutdown.ts";
export {
  type ElectionRunOptions,
  type Leader,
  LeaderElection,
  type LeaderElectionOptions,
  type Leadership,
  type ObserveOptions,
} from "./recipes/leader-election.ts";
export { type LockSet, lockAll } from "./recipes/lock-all.ts";
export { ReaderWriterLock, type ReadLock } from "./recipes/reader-writer-lock.ts";
export { type Permit, Semaphore, type SemaphoreOptions } from "./recipes/semaphore.ts";
export type { LockStatus, PermitStatus, ReaderStatus, SemaphoreStatus, WaitingProcess } from "./status/lock-status.ts";
export type { ConnectOptions } from "./store/azure/connect.ts";
export type { BlobLeaseClientLike, BlockBlobClientLike, ContainerClientLike } from "./store/azure/sdk-clients.ts";
export type { TokenCredentialLike } from "./store/azure/token-source.ts";
export type { LeaseLength, LeaseState } from "./store/lease-store.ts";
export type { StoreAddress } from "./store/store-address.ts";
export type { LockEvent, LockEvents } from "./telemetry/lock-events.ts";
export type { TelemetryOptions } from "./telemetry/telemetry.ts";
export type { Clock, Timer, TimerOptions } from "./time/clock.ts";
export type { PollOptions, Spread } from "./waiting/backoff.ts";
export type { LockerOptions } from "./waiting/locker-options.ts";
export type { TryOptions, WaitOptions } from "./waiting/wait-limit.ts";

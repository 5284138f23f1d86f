export type { Holder } from "./blobs/holder.ts";
export type { OnceRecord, OnceState } from "./blobs/once-record.ts";
export type { Slot } from "./blobs/once-slot.ts";
export type {
  DiagnoseOptions,
  Diagnosis,
  DiagnosisProgress,
  DoctorCheck,
  DoctorResult,
  DoctorRight,
  FindingSeverity,
} from "./doctor/diagnosis.ts";
export type { KeyKind } from "./errors.ts";
export {
  AccessDeniedError,
  type AccessDeniedOptions,
  type AccessDeniedWhy,
  type AnyMutexError,
  DeadlockError,
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
  OnceRecordError,
  OnceSlotError,
  SdkNotLoadedError,
  StoreRefusedError,
  StoreUnavailableError,
  type StoreUnavailableOptions,
  WorkStillRunningError,
} from "./errors.ts";
export type { TermsOptions } from "./lease/terms.ts";
export type { AcquiredLease } from "./locks/acquired-lease.ts";
export { AzureMutex, type CurrentLock } from "./locks/azure-mutex.ts";
export type { BreakOptions, BreakResult } from "./locks/break-lock.ts";
export type { Handle } from "./locks/handle.ts";
export type { Holding } from "./locks/holding.ts";
export type { ListOptions } from "./locks/inspect-lock.ts";
export type { Lock } from "./locks/lock.ts";
export type { MutexOptions, ReleaseAllOptions } from "./locks/lock-space.ts";
export type { Listenable, Lockable, SourceLock } from "./locks/lockable.ts";
export { Locker } from "./locks/locker.ts";
export type { CallOptions, Mutex } from "./locks/mutex.ts";
export type { EndingSignal } from "./locks/shutdown/ending-process.ts";
export {
  type ExitRelease,
  type ReleaseCommand,
  type ReleaseOnExitOptions,
  releaseOnExit,
} from "./locks/shutdown/release-on-exit.ts";
export { releaseOnSignals } from "./locks/shutdown/release-on-signals.ts";
export type { ReleaseOnSignalsOptions, Shutdown } from "./locks/shutdown/shutdown.ts";
export type { ElectionRunOptions } from "./recipes/election/election-run.ts";
export type { Leader, LeaderOptions } from "./recipes/election/leader.ts";
export { LeaderElection, type LeaderElectionOptions, type ObserveOptions } from "./recipes/election/leader-election.ts";
export type { Leadership } from "./recipes/election/leadership.ts";
export {
  type ExclusiveOptions,
  exclusive,
  type HandlerOptions,
  type LimitedOptions,
  limited,
} from "./recipes/handlers.ts";
export { type LockSet, lockAll } from "./recipes/lock-all.ts";
export type { CatchUpOptions } from "./recipes/once/missed-slots.ts";
export { Once } from "./recipes/once/once.ts";
export type { OnceEvent, OnceEvents } from "./recipes/once/once-events.ts";
export type { OnceOptions } from "./recipes/once/once-options.ts";
export type { OnceAttempt, OnceResult, OnceWork } from "./recipes/once/once-result.ts";
export { ReaderWriterLock, type ReadLock } from "./recipes/reader-writer/reader-writer-lock.ts";
export { type Permit, Semaphore, type SemaphoreOptions } from "./recipes/semaphore/semaphore.ts";
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
export type { TryOptions, WaitOptions } from "./waiting/wait-options.ts";
export { type LocalWakeUpsOptions, localWakeUps } from "./waiting/wake-ups/local-wake-ups.ts";
export type { WakeUpOptions, WakeUps } from "./waiting/wake-ups/wake-ups.ts";

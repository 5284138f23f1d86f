import { isMutexError, type LockLostError } from "../errors.ts";
import { type BlobOf, LockBlob } from "../lease/lock-blob.ts";
import type { ManualLease } from "../lease/manual-lease.ts";
import { ManualLeases } from "../lease/manual-leases.ts";
import { MutexContext } from "../lease/mutex-context.ts";
import { checkMs, DEFAULTS, type LeaseTerms } from "../lease/terms.ts";
import { type ConnectOptions, connect } from "../store/azure/connect.ts";
import { azureLog } from "../store/azure/sdk-log.ts";
import { quietly } from "../telemetry/observation.ts";
import { Telemetry, type TelemetryOptions } from "../telemetry/telemetry.ts";
import { unlessAborted } from "../time/abort.ts";
import { type Clock, sleep, systemSources } from "../time/clock.ts";
import { endQuietly } from "../waiting/held.ts";
import type { Hold } from "../waiting/hold.ts";
import { type KeyState, KeyStates } from "../waiting/key-states.ts";
import { checkSwitch } from "../waiting/locker-options.ts";
import { LazyWakeUps } from "../waiting/wake-ups/lazy-wake-ups.ts";
import { resolveWakeUps, type WakeUpOptions } from "../waiting/wake-ups/wake-ups.ts";
import { guard } from "./guardian/guard.ts";
import { beforeRequests, checkStateDirectory } from "./restart/state-directory.ts";

/** Where the locks are, and what is the same for all of them. */
export interface MutexOptions extends ConnectOptions, WakeUpOptions {
  /** How long one request may take before it counts as unanswered, in milliseconds, at least 100. Default: 3,000. */
  tryTimeoutMs?: number | undefined;
  /**
   * Takes a line for people whenever something happens that they may want to know. Never given a secret. Default:
   * nothing.
   */
  log?: ((message: string) => void) | undefined;
  /**
   * What OpenTelemetry is given, if an SDK of it is registered; nothing with false. Default: metrics, and spans that
   * name their keys.
   */
  telemetry?: TelemetryOptions | false | undefined;
  /**
   * Whether a process beside this one, the guardian, releases what is held as soon as this process is killed: by
   * SIGKILL, for want of memory, by a fault of its own. Default: false, and what is held then lapses with its lease.
   *
   * One guardian serves all mutexes of this process that ask for one. It starts with the first lease, takes about 40 MB
   * (6 MB of its own; the rest is the runtime, which processes share), and ends with this process. It is told of each
   * lease through a pipe, with what releases that lease alone: a request that the account's key has signed; or the
   * shared access signature, or the token, that the mutex has. It renews nothing. Where none can be started, `log` says
   * so, and everything else works the same.
   *
   * **Processes that this one has started live on without the lock**: the guardian knows nothing of them.
   */
  guardian?: boolean | undefined;
  /**
   * Whether `run` is known to what runs below it, by `AsyncLocalStorage`: {@link AzureMutex.currentLock} and
   * {@link AzureMutex.assertLocked} find what it holds, and a call that waits for that rejects with `DeadlockError`
   * instead of waiting for itself. Default: true. With false they find nothing, and such a call waits: for tasks that
   * a `run` starts and does not await, which may wait for its end. Before Node 24 each promise of the process costs
   * more while a `run` is under way.
   */
  asyncContext?: boolean | undefined;
  /**
   * A directory in which this process keeps, in a file of its own, under which ids it has leases. A process that uses
   * the same directory later releases what a dead one has left there, before its first request and while it waits: a
   * crash and a restart then cost no lease. Made for its owner alone where it is not there. Costs no request, and a
   * write of a small file before each acquire. Default: none; what a dead process had lapses.
   *
   * It takes Linux and a file system of the machine's own; elsewhere nothing is released, and the log says so. **Child
   * processes that work on under the lock after the end of this process are not known to it**: stop them first.
   */
  stateDirectory?: string | undefined;
  /** The clock. Default: the machine's. For tests: `FakeClock` of `azmutex/testing`. */
  clock?: Clock | undefined;
  /** A number from 0 up to, but not including, 1, to spread retries and polls. Default: `Math.random`. */
  random?: (() => number) | undefined;
  /** A fresh lower-case UUID for each lease. Default: `crypto.randomUUID`. */
  newId?: (() => string) | undefined;
}

/** The options of `releaseAll` and `close`. */
export interface ReleaseAllOptions {
  /**
   * The longest wait for the service, in milliseconds. Default: 5,000. A lease that is not released by then lapses by
   * itself.
   */
  timeoutMs?: number | undefined;
}

const RELEASE_ALL_MS = 5_000;
/** The milliseconds between two looks whether everything is released. */
const IDLE_CHECK_MS = 20;
/** How many looks in a row must show a mutex idle: between two requests of one task there is a moment without any. */
const IDLE_LOOKS = 2;

/**
 * A container of locks as this process sees it: the way to it, and what is known of each key. What lockers and recipes
 * of one space know, they share.
 */
export class LockSpace extends MutexContext {
  readonly tryTimeoutMs: number;
  readonly asyncContext: boolean;
  /** The leases that {@link AzureMutex.acquire} took. */
  readonly leases: ManualLeases;
  /** Undefined where waiters poll. */
  readonly wakeUps: LazyWakeUps | undefined;
  readonly #keys: KeyStates = new KeyStates();
  /** Ends the watch of the guardian, if there is one. */
  readonly #unguard: () => void;

  constructor(options: MutexOptions) {
    const store = connect(options, options?.clock);
    const { tryTimeoutMs = DEFAULTS.tryTimeoutMs, log = () => undefined, telemetry } = options;
    const { guardian = false, asyncContext = true, stateDirectory } = options;
    const { clock = systemSources.clock, random = systemSources.random, newId = systemSources.newId } = options;
    checkMs(tryTimeoutMs, "tryTimeoutMs", 100);
    if (typeof log !== "function") throw new TypeError("log must be a function");
    checkSwitch(guardian, "guardian");
    checkSwitch(asyncContext, "asyncContext");
    const { wakeUps, idlePollMs } = resolveWakeUps(options);
    const directory = checkStateDirectory(stateDirectory);
    const sources = { clock, random, newId };
    super({ store, sources, telemetry: new Telemetry(telemetry, clock), log: safeLog(log) });
    this.tryTimeoutMs = tryTimeoutMs;
    this.asyncContext = asyncContext;
    this.leases = new ManualLeases(clock, this.standing);
    this.#unguard = guardian ? guard(this) : () => undefined;
    this.wakeUps = wakeUps && new LazyWakeUps(this, wakeUps, idlePollMs);
    if (directory !== undefined) this.requests.sendAfter(beforeRequests(this, directory, tryTimeoutMs));
  }

  /** The blob, with the timeout of requests that a locker states. Default: the mutex's. */
  blob(of: BlobOf, { tryTimeoutMs }: Pick<LeaseTerms, "tryTimeoutMs"> = this): LockBlob {
    return new LockBlob(this, of, tryTimeoutMs);
  }

  /** What this process knows of a blob. */
  keyState(of: BlobOf): KeyState {
    return this.#keys.of(of);
  }

  /** Whether a task of this process holds, or waits for, the lease of the blob. */
  isBusy(name: string): boolean {
    return this.#keys.isBusy(name);
  }

  /** A task of this process holds the lease. */
  remember(state: KeyState, hold: Hold): void {
    this.#keys.remember(state, hold);
  }

  /**
   * Releases everything within `timeoutMs`; after that, what is held lapses by itself. Throws `RangeError` for a wrong
   * `timeoutMs`.
   */
  async releaseAll(options: ReleaseAllOptions): Promise<void> {
    const { timeoutMs = RELEASE_ALL_MS } = options;
    checkMs(timeoutMs, "timeoutMs");
    const enough = new AbortController();
    const timer = this.clock.setTimer(timeoutMs, () => enough.abort(), { keepAlive: true });
    try {
      await this.releaseAllUntil(enough.signal);
    } catch {
      this.log(`not everything was released within ${timeoutMs} ms; what is held lapses by itself`);
    } finally {
      timer.cancel();
    }
  }

  /** Releases everything, and grants no lock from here on. */
  async close(options: ReleaseAllOptions): Promise<void> {
    this.closing.close();
    await this.releaseAll(options);
    this.#unguard();
    await this.wakeUps?.close();
  }

  /** The same without a timeout of its own. Rejects with the signal's reason. */
  async releaseAllUntil(signal: AbortSignal): Promise<void> {
    this.closing.refuse();
    try {
      await unlessAborted(this.releaseHolds(), signal);
      await untilIdle(this.clock, [this], signal);
    } finally {
      this.closing.reopen();
    }
  }

  /** Whether this process holds nothing, waits for nothing, and sends nothing. */
  get isIdle(): boolean {
    const areHeldByHand = [...this.leases].some(({ isHeld, isUncertain }) => isHeld || isUncertain);
    return !this.requests.areUnderWay && !this.#keys.areBusy && !areHeldByHand;
  }

  /**
   * Ends what this process holds; the signals of the holds abort. Never rejects: what is not answered lapses by itself.
   */
  async releaseHolds(): Promise<void> {
    const byHand = [...this.leases].map((lease) =>
      endQuietly({ end: () => endByHand(lease) }, this.log, `the lock on "${lease.key}"`),
    );
    await Promise.all([this.#keys.revokeAll(this.log), ...byHand]);
  }
}

/** The log, whose errors are ignored: they must not cost a lock. */
function safeLog(log: (message: string) => void): (message: string) => void {
  return (message) => {
    azureLog("warning", message);
    quietly(() => log(message));
  };
}

/** Releases the lease. Resolves with the error if the lease was lost. */
async function endByHand(lease: ManualLease): Promise<LockLostError | undefined> {
  try {
    await lease.release();
    return undefined;
  } catch (error) {
    if (isMutexError(error) && error.code === "LOCK_LOST") return error;
    throw error;
  }
}

/** Waits until all of them are idle. Rejects with the signal's reason. */
export async function untilIdle(clock: Clock, spaces: readonly LockSpace[], signal: AbortSignal): Promise<void> {
  for (let looks = 0; looks < IDLE_LOOKS; looks = spaces.every(({ isIdle }) => isIdle) ? looks + 1 : 0) {
    await sleep(clock, IDLE_CHECK_MS, { signal });
  }
}
